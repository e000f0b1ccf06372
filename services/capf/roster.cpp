// Which session works for which device.
#include "services/capf/roster.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ringfence::services::capf {

Roster::Roster(std::function<void(std::uint32_t)> dismiss) : dismiss_(std::move(dismiss)) {}

/// gives_way returns who leaves for one that comes with this claim, or the end.
Roster::Seats::iterator Roster::gives_way(Seats& seats, Claim claim) {
  auto least = seats.end();
  for (auto seat = seats.begin(); seat != seats.end(); ++seat) {
    if (seat->busy || seat->claim > claim) continue;
    if (least == seats.end() || seat->claim <= least->claim) least = seat;
  }
  return least;
}

bool Roster::enter(std::string_view device, std::string_view address, std::uint32_t session,
                   Claim claim) {
  std::optional<std::uint32_t> dismissed;
  {
    const std::lock_guard lock(mutex_);
    Seats& seats = seats_[std::string(device)];
    auto at = std::ranges::find(seats, address, &Seat::address);
    if (at == seats.end() && seats.size() >= kSeats)
      at = gives_way(seats, claim);
    else if (at == seats.end())
      at = seats.insert(at, Seat{std::string(address), session, claim});
    if (at == seats.end()) return false;
    if (at->session != session) {
      if (at->busy) return false;
      dismissed = at->session;
      seats.erase(at);
      seats.push_back(Seat{std::string(address), session, claim});
    }
  }
  if (dismissed && dismiss_) dismiss_(*dismissed);
  return true;
}

bool Roster::busy(std::string_view device, std::uint32_t session) {
  const std::lock_guard lock(mutex_);
  const auto seats = seats_.find(device);
  if (seats == seats_.end()) return false;
  const auto at = std::ranges::find(seats->second, session, &Seat::session);
  if (at == seats->second.end()) return false;
  at->busy = true;
  return true;
}

void Roster::leave(std::string_view device, std::uint32_t session) {
  const std::lock_guard lock(mutex_);
  const auto seats = seats_.find(device);
  if (seats == seats_.end()) return;
  std::erase_if(seats->second, [&](const Seat& seat) { return seat.session == session; });
  if (seats->second.empty()) seats_.erase(seats);
}

bool Roster::has(std::string_view device, std::uint32_t session) const {
  const std::lock_guard lock(mutex_);
  const auto seats = seats_.find(device);
  return seats != seats_.end() &&
         std::ranges::find(seats->second, session, &Seat::session) != seats->second.end();
}

std::size_t Roster::others(std::string_view device, std::uint32_t session) const {
  const std::lock_guard lock(mutex_);
  const auto seats = seats_.find(device);
  if (seats == seats_.end()) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(
      seats->second, [&](const Seat& seat) { return seat.session != session; }));
}

std::size_t Roster::others_at(std::string_view device, std::string_view address,
                              std::uint32_t session) const {
  const std::lock_guard lock(mutex_);
  const auto seats = seats_.find(device);
  if (seats == seats_.end()) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(seats->second, [&](const Seat& seat) {
    return seat.session != session && seat.address == address;
  }));
}

}  // namespace ringfence::services::capf
