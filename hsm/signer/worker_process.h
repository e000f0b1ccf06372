// The process that holds the token: the only one that ever loads a PKCS#11 module.
#pragma once

#include <sys/types.h>

#include "hsm/files.h"
#include "hsm/signer/config.h"
#include "hsm/signer/state.h"

namespace ringfence::hsm {

/// WorkerProcess is a forked worker and the stream socket to it, which speaks worker_wire.
struct WorkerProcess {
  pid_t pid = 0;
  Fd channel;  ///< non-blocking; both directions hold at least 200 KiB
};

/// start_worker forks one, which logs in with `typed_pin`, or with what the configured source
/// holds when it is null. Its first words are hello, or the end with the reason.
///
/// Call it only in a process without threads that never loaded a module: never fork after
/// C_Initialize. Throws Error{unavailable} when the kernel refuses.
WorkerProcess start_worker(const Config& config, Pin* typed_pin);

}  // namespace ringfence::hsm
