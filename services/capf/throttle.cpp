// How often a device's authentication string may be tried.
#include "services/capf/throttle.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace ringfence::services::capf {
namespace {

using core::Attempts;
using core::Reserve;
using core::Time;

constexpr std::chrono::hours kForget(8 * 24);  // more than the longest pause
constexpr std::string_view kStrangers;         // the address of their sum

/// Share is how many tries come before each pause, and how long the pauses may become.
struct Share {
  int attempts = 0;
  std::chrono::seconds longest_pause{};
};

constexpr Share kOfProven{Throttle::kAttempts, std::chrono::hours(1)};
constexpr Share kOfOther{Throttle::kAttempts, std::chrono::hours(24)};
constexpr Share kOfStrangers{Throttle::kAttemptsOfStrangers, std::chrono::hours(24)};

std::chrono::seconds pause_after(int count, const Share& share) {
  std::chrono::seconds pause = Throttle::kPause;
  for (int rounds = count / share.attempts; rounds > 1 && pause < share.longest_pause; --rounds)
    pause *= 2;
  return std::min(pause, share.longest_pause);
}

/// blocked_until tells until when `tries` must wait.
std::optional<Time> blocked_until(const Attempts& tries, const Share& share, Time now) {
  if (tries.count == 0 || tries.count % share.attempts != 0) return std::nullopt;
  const Time until = tries.last + pause_after(tries.count, share);
  if (until <= now) return std::nullopt;
  return until;
}

/// tries_of takes the row of `address` out of what is stored, or makes an empty one. One that is
/// later than `now`, because the clock was set back, becomes one of now: its pause begins anew.
Attempts tries_of(const std::vector<Attempts>& rows, std::string_view device,
                  std::string_view address, Time now) {
  const auto found = std::ranges::find(rows, address, &Attempts::address);
  if (found != rows.end() && found->last + kForget > now) {
    Attempts tries = *found;
    tries.last = std::min(tries.last, now);
    return tries;
  }
  return {std::string(device), std::string(address), 0, now, false, Reserve::none};
}

/// reserve_of gives an address a place while there is one. It keeps what it has: a place that was
/// given back could be taken, with fresh tries, by the next.
Reserve reserve_of(const std::vector<Attempts>& rows, const Attempts& own, Throttle::Who who) {
  using Who = Throttle::Who;
  const auto free = [&](Reserve share) {
    const auto others = std::ranges::count_if(rows, [&](const Attempts& row) {
      return row.reserved == share && row.address != own.address;
    });
    return others < Throttle::kReserved;
  };
  if (who == Who::likely && free(Reserve::likely)) return Reserve::likely;
  const bool known = who == Who::likely || who == Who::seen;
  if (own.reserved == Reserve::none && known && free(Reserve::seen)) return Reserve::seen;
  return own.reserved;
}

}  // namespace

std::optional<Throttle::Block> Throttle::attempt(Records& records, std::string_view device,
                                                 std::string_view peer, Who who, Time now) {
  const std::lock_guard lock(mutex_of(device));
  const std::vector<Attempts> rows = records.attempts(device);
  Attempts own = tries_of(rows, device, peer, now);
  Attempts sum = tries_of(rows, device, kStrangers, now);
  own.reserved = reserve_of(rows, own, who);
  const bool stranger = who != Who::proven && own.reserved == Reserve::none;
  const auto own_until = blocked_until(own, who == Who::proven ? kOfProven : kOfOther, now);
  const auto sum_until = stranger ? blocked_until(sum, kOfStrangers, now) : std::optional<Time>();
  if (own_until || sum_until) {
    // A stranger who is turned away leaves no row of his own: there may be very many.
    Attempts& told = own_until ? own : sum;
    const Block block{std::max(own_until.value_or(now), sum_until.value_or(now)), !told.told};
    told.told = true;
    if (block.first || told.last == now) records.save_attempts({told}, now - kForget);
    return block;
  }
  const auto count = [now](Attempts& tries) {
    ++tries.count;
    tries.last = now;
    tries.told = false;
  };
  count(own);
  std::vector<Attempts> changed{own};
  if (stranger) {
    count(sum);
    changed.push_back(sum);
  }
  records.save_attempts(changed, now - kForget);
  return std::nullopt;
}

void Throttle::succeeded(Records& records, std::string_view device, std::string_view peer, Who who,
                         Time now) {
  const std::lock_guard lock(mutex_of(device));
  const std::vector<Attempts> rows = records.attempts(device);
  Attempts own = tries_of(rows, device, peer, now);
  if (own.count == 0) return;
  std::vector<Attempts> changed;
  if (who != Who::proven && own.reserved == Reserve::none) {
    Attempts& sum = changed.emplace_back(tries_of(rows, device, kStrangers, now));
    sum.count = std::max(0, sum.count - own.count);
  }
  own.count = 0;
  changed.push_back(own);
  records.save_attempts(changed, now - kForget);
}

std::mutex& Throttle::mutex_of(std::string_view device) {
  return mutexes_.at(std::hash<std::string_view>()(device) % mutexes_.size());
}

}  // namespace ringfence::services::capf
