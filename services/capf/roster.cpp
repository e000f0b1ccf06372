// Which session works for which device.
#include "services/capf/roster.h"

#include <optional>
#include <utility>

namespace ringfence::services::capf {

Roster::Roster(std::function<void(std::uint32_t)> dismiss) : dismiss_(std::move(dismiss)) {}

bool Roster::enter(std::string_view device, std::uint32_t session) {
  std::optional<std::uint32_t> dismissed;
  {
    const std::lock_guard lock(mutex_);
    const auto [at, fresh] = seats_.try_emplace(std::string(device), Seat{session, false});
    if (!fresh && at->second.session != session) {
      if (at->second.busy) return false;
      dismissed = at->second.session;
      at->second = Seat{session, false};
    }
  }
  if (dismissed && dismiss_) dismiss_(*dismissed);
  return true;
}

bool Roster::busy(std::string_view device, std::uint32_t session) {
  const std::lock_guard lock(mutex_);
  const auto at = seats_.find(std::string(device));
  if (at == seats_.end() || at->second.session != session) return false;
  at->second.busy = true;
  return true;
}

void Roster::leave(std::string_view device, std::uint32_t session) {
  const std::lock_guard lock(mutex_);
  const auto at = seats_.find(std::string(device));
  if (at != seats_.end() && at->second.session == session) seats_.erase(at);
}

bool Roster::has(std::string_view device, std::uint32_t session) const {
  const std::lock_guard lock(mutex_);
  const Seat* seat = find(device);
  return seat != nullptr && seat->session == session;
}

bool Roster::taken_by_another(std::string_view device, std::uint32_t session) const {
  const std::lock_guard lock(mutex_);
  const Seat* seat = find(device);
  return seat != nullptr && seat->session != session;
}

const Roster::Seat* Roster::find(std::string_view device) const {
  const auto at = seats_.find(std::string(device));
  return at == seats_.end() ? nullptr : &at->second;
}

}  // namespace ringfence::services::capf
