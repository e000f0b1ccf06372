#include "services/callmanager/turns.h"

namespace ringfence::services::callmanager {

bool Turns::allows(const Way& way, Time now) {
  return of(way).allowance.spend(way.peer.address(), now);
}

std::vector<Waiting> Turns::push(Waiting message) {
  const std::size_t cost = message.text.size() + sizeof(Waiting);
  Half& half = of(message.way);
  const core::asio::ip::address address = message.way.peer.address();
  return half.waiting.push(address, std::move(message), cost);
}

std::optional<Waiting> Turns::pop() {
  for (std::size_t tried = 0; tried < halves_.size(); ++tried) {
    Half& half = halves_[next_];
    next_ = (next_ + 1) % halves_.size();
    if (auto message = half.waiting.pop()) return message;
  }
  return std::nullopt;
}

bool Turns::empty() const noexcept {
  return halves_[0].waiting.empty() && halves_[1].waiting.empty();
}

}  // namespace ringfence::services::callmanager
