// Running an io_context on a few threads until the daemon is told to stop.
#pragma once

#include <functional>

#include "core/net/asio.h"

namespace ringfence::core {

/// run_until_stopped runs `io` on `threads` threads until SIGTERM or SIGINT (see wait_for_stop),
/// then calls `stop` on the calling thread, which must close the listeners and everything else
/// that keeps `io` busy, and returns when the last handler has run.
///
/// What escapes a handler is a bug, since connections catch theirs: it is logged, and the process
/// ends at once with status 1. Whoever watches it starts it anew.
void run_until_stopped(asio::io_context& io, unsigned threads, const std::function<void()>& stop);

}  // namespace ringfence::core
