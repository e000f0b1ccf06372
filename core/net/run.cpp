#include "core/net/run.h"

#include <cstdlib>

#include "core/base/log.h"
#include "core/net/daemon.h"

namespace ringfence::core {
namespace {

/// run_or_end does not stop the other threads in order: what a bug left behind may keep them busy
/// for ever, and all that matters is on disk already.
void run_or_end(asio::io_context& io) noexcept {
  std::string why = "not a std::exception";
  try {
    io.run();
    return;
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
  }
  log(Level::error, "HANDLER_FAILED", {{"why", why}});
  std::_Exit(EXIT_FAILURE);
}

}  // namespace

void run_until_stopped(asio::io_context& io, unsigned threads, const std::function<void()>& stop) {
  std::vector<std::thread> running;
  running.reserve(threads);
  {
    const auto work = asio::make_work_guard(io);
    for (unsigned i = 0; i < threads; ++i) running.emplace_back([&io] { run_or_end(io); });
    wait_for_stop();
    stop();
  }
  for (std::thread& thread : running) thread.join();
}

}  // namespace ringfence::core
