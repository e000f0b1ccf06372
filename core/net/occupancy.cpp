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
  const Occupancy::Tally before = mine.tally();
  Seat::List& was_in_share = mine.seats[index_of(stage_)];
  stage_ = stage;
  Seat::List& all = occupancy_.all_[index_of(stage_)];
  Seat::List& share = mine.seats[index_of(stage_)];
  all.splice(all.end(), was_in_all, in_all_);
  share.splice(share.end(), was_in_share, in_share_);
  occupancy_.rank(key_, before, mine.tally());
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
    const bool share_used = held_by(seat->key_).all() >= limits_.per_address;
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
    if (most <= held_by(seat.key_).working + 1) return false;
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

Occupancy::Tally Occupancy::Share::tally() const {
  const auto of = [this](Seat::Stage stage) { return seats[index_of(stage)].size(); };
  return {of(Seat::Stage::fresh) + of(Seat::Stage::settled), of(Seat::Stage::working)};
}

Occupancy::Tally Occupancy::held_by(const asio::ip::address& key) const {
  const auto share = shares_.find(key);
  return share == shares_.end() ? Tally() : share->second.tally();
}

/// rank keeps the rankings true when what an address has changed.
void Occupancy::rank(const asio::ip::address& key, const Tally& before, const Tally& after) {
  const auto move = [&key](Ranking& ranking, std::size_t from, std::size_t to) {
    if (from == to) return;
    ranking.erase({from, key});
    if (to > 0) ranking.emplace(to, key);
  };
  move(by_size_, before.all(), after.all());
  move(by_idle_, before.idle, after.idle);
  move(by_working_, before.working, after.working);
}

/// gives_way returns who leaves so that one from `newcomer` can come, or null.
Seat* Occupancy::gives_way(const asio::ip::address& newcomer, Seat::Clock::time_point now) {
  const Tally held = held_by(newcomer);
  if (held.all() < limits_.per_address) {
    // The newcomer will have one more idle seat, and who gives way one less.
    const std::size_t least = held.idle + 2;
    if (const Share* most = first_of(by_idle_, least)) return idlest(*most);
    if (held.all() == 0) {
      if (const Share* most = first_of(by_size_, 2)) return idlest(*most);
      return silent_longest(now);
    }
  }
  return quiet_one(shares_.at(newcomer), now);
}

/// first_of returns the share of the address that ranks first, if it has `least`; or null.
const Occupancy::Share* Occupancy::first_of(const Ranking& ranking, std::size_t least) const {
  if (ranking.empty() || ranking.rbegin()->first < least) return nullptr;
  return &shares_.at(ranking.rbegin()->second);
}

/// idlest returns the one of a stage that was silent for longest, or null.
Seat* Occupancy::idlest(const Share& share, Seat::Stage stage) {
  const Seat::List& seats = share.seats[index_of(stage)];
  return seats.empty() ? nullptr : seats.front();
}

/// idlest returns the one of the lowest stage that was silent for longest, or null.
Seat* Occupancy::idlest(const Share& share) {
  for (const auto stage : {Seat::Stage::fresh, Seat::Stage::settled, Seat::Stage::working})
    if (Seat* const seat = idlest(share, stage)) return seat;
  return nullptr;
}

/// silent_longest returns who was silent for longest of all that do not work, or null. Whoever has
/// asked something has shown that he hears: he goes before a fresh one when he is quiet, too.
Seat* Occupancy::silent_longest(Seat::Clock::time_point now) const {
  const Seat::List& fresh = all_[index_of(Seat::Stage::fresh)];
  const Seat::List& settled = all_[index_of(Seat::Stage::settled)];
  if (settled.empty()) return fresh.empty() ? nullptr : fresh.front();
  Seat* const first = settled.front();
  if (fresh.empty()) return first;
  const bool quiet = now - first->heard_ >= limits_.quiet;
  return quiet && first->heard_ < fresh.front()->heard_ ? first : fresh.front();
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
  Share& share = shares_[seat.key_];
  const Tally before = share.tally();
  Seat::List& here = share.seats[index_of(seat.stage_)];
  seat.in_share_ = here.insert(here.end(), &seat);
  Seat::List& all = all_[index_of(seat.stage_)];
  seat.in_all_ = all.insert(all.end(), &seat);
  ++count_;
  const Tally after = share.tally();
  rank(seat.key_, before, after);
  seat.crowd_ = {after.all(), count_};
}

void Occupancy::let_go(Seat& seat) {
  const auto share = shares_.find(seat.key_);
  const Tally before = share->second.tally();
  share->second.seats[index_of(seat.stage_)].erase(seat.in_share_);
  all_[index_of(seat.stage_)].erase(seat.in_all_);
  --count_;
  const Tally after = share->second.tally();
  rank(seat.key_, before, after);
  if (after.all() == 0) shares_.erase(share);
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
