#include "tests/fleet/alarm.h"

namespace ringfence::fleet {

namespace asio = core::asio;
using Steady = std::chrono::steady_clock;

struct Alarm::State {
  State(const asio::any_io_executor& executor, std::function<void()> then)
      : timer(executor), cancel(std::move(then)) {}

  asio::steady_timer timer;
  std::function<void()> cancel;  ///< empty once the Alarm has ended
  Steady::time_point at = Steady::time_point::max();
  bool rang = false;
};

Alarm::Alarm(const asio::any_io_executor& executor, std::function<void()> cancel)
    : state_(std::make_shared<State>(executor, std::move(cancel))) {}

Alarm::~Alarm() {
  state_->cancel = nullptr;
  state_->timer.cancel();
}

void Alarm::set(Steady::duration after) {
  state_->rang = false;
  state_->at = Steady::now() + after;
  state_->timer.expires_at(state_->at);
  state_->timer.async_wait([state = state_](const boost::system::error_code&) {
    // A handler that was queued already when `set` came again finds a later time.
    if (!state->cancel || Steady::now() < state->at) return;
    state->rang = true;
    state->cancel();
  });
}

bool Alarm::rang() const noexcept {
  return state_->rang;
}

}  // namespace ringfence::fleet
