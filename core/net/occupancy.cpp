#include "core/net/occupancy.h"

#include <algorithm>

namespace ringfence::core {
namespace {

std::size_t index_of(Seat::Stage stage) {
  return static_cast<std::size_t>(stage);
}

}  // namespace

asio::ip::address peer_key(const asio::ip::address& address) {
  if (address.is_v4()) return address;
  const asio::ip::address_v6 six = address.to_v6();
  if (six.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, six);
  auto bytes = six.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return asio::ip::address_v6(bytes);
}

Seat::~Seat() {
  const std::lock_guard lock(occupancy_.mutex_);
  if (displaced_) {
    --occupancy_.leaving_;
  } else {
    occupancy_.let_go(*this);
  }
}

void Seat::heard(Stage stage) {
  const std::lock_guard lock(occupancy_.mutex_);
  if (displaced_) return;
  heard_ = Clock::now();
  Seat::List& was_in_all = occupancy_.all_[index_of(stage_)];
  Occupancy::Share& mine = occupancy_.shares_[key_];
  const std::size_t worked = Occupancy::working(mine);
  Seat::List& was_in_share = mine.seats[index_of(stage_)];
  stage_ = stage;
  Seat::List& all = occupancy_.all_[index_of(stage_)];
  Seat::List& share = mine.seats[index_of(stage_)];
  all.splice(all.end(), was_in_all, in_all_);
  share.splice(share.end(), was_in_share, in_share_);
  occupancy_.index_working(key_, worked, Occupancy::working(mine));
}

bool Seat::displaced() const {
  const std::lock_guard lock(occupancy_.mutex_);
  return displaced_;
}

std::unique_ptr<Seat> Occupancy::enter(const asio::ip::address& address,
                                       std::function<void()> displace) {
  std::function<void()> make_way;
  std::unique_ptr<Seat> seat(new Seat(*this));
  {
    const std::lock_guard lock(mutex_);
    seat->key_ = peer_key(address);
    seat->heard_ = Seat::Clock::now();
    seat->displace_ = std::move(displace);
    const auto share = shares_.find(seat->key_);
    const bool share_used = share != shares_.end() && share->second.size >= limits_.per_address;
    if (share_used || count_ >= limits_.connections) {
      Seat* const other = gives_way(seat->key_, seat->heard_);
      // Those that are leaving hold descriptors until they have: they are bounded too.
      if (other == nullptr || leaving_ >= limits_.connections) {
        seat->displaced_ = true;
        ++leaving_;
      } else {
        put_out(*other);
        make_way = std::move(other->displace_);
        take_in(*seat);
      }
    } else {
      take_in(*seat);
    }
  }
  if (seat->displaced()) return nullptr;
  if (make_way) make_way();
  return seat;
}

bool Occupancy::make_room(const Seat& seat) {
  std::function<void()> make_way;
  {
    const std::lock_guard lock(mutex_);
    if (seat.displaced_ || by_working_.empty() || leaving_ >= limits_.connections) return false;
    const auto& [most, greediest] = *std::prev(by_working_.end());
    const auto own = shares_.find(seat.key_);
    const std::size_t held = own == shares_.end() ? 0 : working(own->second);
    if (most <= held + 1) return false;
    Seat& other = *idlest(shares_.at(greediest), Seat::Stage::working);
    put_out(other);
    make_way = std::move(other.displace_);
  }
  if (make_way) make_way();
  return true;
}

/// put_out takes a seat from who has it, who is told by its displace_ without the lock.
void Occupancy::put_out(Seat& seat) {
  let_go(seat);
  seat.displaced_ = true;
  ++leaving_;
  ++displaced_;
}

std::size_t Occupancy::working(const Share& share) {
  return share.seats[index_of(Seat::Stage::working)].size();
}

void Occupancy::index_working(const asio::ip::address& key, std::size_t before, std::size_t after) {
  if (before == after) return;
  by_working_.erase({before, key});
  if (after > 0) by_working_.emplace(after, key);
}

/// gives_way returns who leaves so that one from `newcomer` can come, or null.
Seat* Occupancy::gives_way(const asio::ip::address& newcomer, Seat::Clock::time_point now) {
  const auto own = shares_.find(newcomer);
  const std::size_t held = own == shares_.end() ? 0 : own->second.size;
  if (held >= limits_.per_address) return quiet_one(own->second, now);

  const auto greediest = std::prev(by_size_.end());
  const Share& most = shares_.at(greediest->second);
  if (most.size <= held) return quiet_one(own->second, now);
  const std::size_t equal_part = limits_.connections / shares_.size();
  const std::size_t fair_part = std::max(equal_part, limits_.per_address / 8);
  if (most.size > fair_part) {
    Seat* const fresh = idlest(most, Seat::Stage::fresh);
    if (fresh != nullptr) return fresh;
    Seat* const settled = idlest(most, Seat::Stage::settled);
    if (settled != nullptr && now - settled->heard_ >= limits_.quiet) return settled;
  }
  const Seat::List& fresh = all_[index_of(Seat::Stage::fresh)];
  if (!fresh.empty()) return fresh.front();
  Seat* const settled = idlest(most, Seat::Stage::settled);
  if (settled != nullptr) return settled;
  return most.size > equal_part ? idlest(most, Seat::Stage::working) : nullptr;
}

/// idlest returns the one of a stage that was silent for longest, or null.
Seat* Occupancy::idlest(const Share& share, Seat::Stage stage) {
  const Seat::List& seats = share.seats[index_of(stage)];
  return seats.empty() ? nullptr : seats.front();
}

/// quiet_one returns who may give way to another of its own address, or null: one that waits for
/// our answer must not be pushed out by the crowd that it came with.
Seat* Occupancy::quiet_one(const Share& share, Seat::Clock::time_point now) const {
  for (const auto stage : {Seat::Stage::fresh, Seat::Stage::settled}) {
    Seat* const seat = idlest(share, stage);
    if (seat != nullptr && now - seat->heard_ >= limits_.quiet) return seat;
  }
  return nullptr;
}

void Occupancy::take_in(Seat& seat) {
  const auto share = shares_.try_emplace(seat.key_).first;
  Seat::List& here = share->second.seats[index_of(seat.stage_)];
  seat.in_share_ = here.insert(here.end(), &seat);
  Seat::List& all = all_[index_of(seat.stage_)];
  seat.in_all_ = all.insert(all.end(), &seat);
  ++count_;
  resize(share, share->second.size + 1);
}

void Occupancy::let_go(Seat& seat) {
  const auto share = shares_.find(seat.key_);
  const std::size_t worked = working(share->second);
  share->second.seats[index_of(seat.stage_)].erase(seat.in_share_);
  index_working(seat.key_, worked, working(share->second));
  all_[index_of(seat.stage_)].erase(seat.in_all_);
  --count_;
  resize(share, share->second.size - 1);
}

void Occupancy::resize(Shares::iterator share, std::size_t size) {
  by_size_.erase({share->second.size, share->first});
  share->second.size = size;
  if (size == 0) {
    shares_.erase(share);
  } else {
    by_size_.emplace(size, share->first);
  }
}

std::size_t Occupancy::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::size_t Occupancy::count(Seat::Stage stage) const {
  const std::lock_guard lock(mutex_);
  return all_[index_of(stage)].size();
}

std::size_t Occupancy::displaced() const {
  const std::lock_guard lock(mutex_);
  return displaced_;
}

}  // namespace ringfence::core
