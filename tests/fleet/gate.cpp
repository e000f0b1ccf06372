#include "tests/fleet/gate.h"

namespace ringfence::fleet {

namespace asio = core::asio;

core::Task<Gate::Place> Gate::enter() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto turn =
      std::make_shared<asio::steady_timer>(executor, std::chrono::steady_clock::time_point::max());
  {
    const std::lock_guard lock(mutex_);
    if (free_ > 0) {
      --free_;
      co_return Place(*this);
    }
    waiting_.push_back(turn);
  }
  boost::system::error_code woken;
  auto token = asio::redirect_error(asio::use_awaitable, woken);
  co_await turn->async_wait(token);
  const std::lock_guard lock(mutex_);
  const auto still = std::find(waiting_.begin(), waiting_.end(), turn);
  if (still != waiting_.end()) {  // woken by the fleet's stop, without a place
    waiting_.erase(still);
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  co_return Place(*this);
}

void Gate::leave() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  const Waiter next = std::move(waiting_.front());
  waiting_.pop_front();
  // On the waiter's strand, hence after it began to wait.
  asio::post(next->get_executor(), [next] { next->cancel(); });
}

}  // namespace ringfence::fleet
