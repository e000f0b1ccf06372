#include "core/net/run.h"

#include "core/net/daemon.h"

namespace ringfence::core {

void run_until_stopped(asio::io_context& io, unsigned threads, const std::function<void()>& stop) {
  std::vector<std::thread> running;
  running.reserve(threads);
  {
    const auto work = asio::make_work_guard(io);
    for (unsigned i = 0; i < threads; ++i) running.emplace_back([&io] { io.run(); });
    wait_for_stop();
    stop();
  }
  for (std::thread& thread : running) thread.join();
}

}  // namespace ringfence::core
