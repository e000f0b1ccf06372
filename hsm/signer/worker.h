// The process that holds the token: the only one that ever loads a PKCS#11 module.
#pragma once

#include <sys/types.h>

#include "hsm/fd.h"
#include "hsm/signer/config.h"

namespace ringfence::hsm {

/// WorkerProcess is a forked worker and the packet socket to it.
///
/// Each packet is one body of hsm/wire.h. The worker's first packet has id 0: Done{status} when it
/// is logged in and has found its keys, or the Error it ends with.
struct WorkerProcess {
  pid_t pid = 0;
  Fd channel;  ///< non-blocking
};

/// start_worker forks one. Call it only in a process without threads that never loaded a module.
/// Throws Error{unavailable} when the kernel refuses.
WorkerProcess start_worker(const Config& config);

}  // namespace ringfence::hsm
