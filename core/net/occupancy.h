// Who holds how much of what a server has, and who gives way when it is full.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "core/net/asio.h"

namespace ringfence::core {

/// Limits bound what peers can take of a server.
struct Limits {
  std::size_t connections = 4096;
  /// From one peer (see peer_key): generous, since a whole site may sit behind one address, and far
  /// from all of them, so that no peer has a server to itself.
  std::size_t per_address = 1024;
  /// Who was heard of so recently gives way to nobody of its own address.
  std::chrono::steady_clock::duration quiet = std::chrono::seconds(3);
  /// So long a TCP peer may take nothing of what waits for it.
  std::chrono::milliseconds stuck = std::chrono::seconds(10);
};

/// Crowd is how many there are when one more comes, with that one.
struct Crowd {
  std::size_t of_its_address = 1;
  std::size_t in_all = 1;
};

/// peer_key is what counts as one peer: an IPv4 address, or the /64 of an IPv6 address, which is
/// what one host has.
asio::ip::address peer_key(const asio::ip::address& address);

class Occupancy;

/// Seat is one connection's (or transfer's) seat. Its end frees it. Safe from several threads.
class Seat {
 public:
  /// Stage is how much a peer has shown; the lower ones give way first.
  enum class Stage {
    fresh,    ///< in its handshake, or before its first whole request
    settled,  ///< it has asked something, and may ask more
    working,  ///< something is under way that costs the peer dear to begin anew
  };

  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat();

  /// heard says that the peer did something useful just now, and what it is from now on.
  void heard(Stage stage);

  /// displaced tells whether it gave way to a newcomer.
  bool displaced() const;

  /// crowd is what it came into.
  const Crowd& crowd() const noexcept { return crowd_; }

 private:
  friend class Occupancy;
  using Clock = std::chrono::steady_clock;
  using List = std::list<Seat*>;

  explicit Seat(Occupancy& occupancy) : occupancy_(occupancy) {}

  Occupancy& occupancy_;  // whose mutex guards what follows
  Crowd crowd_;           // but this, which stays as it began
  asio::ip::address key_;
  std::function<void()> displace_;
  Stage stage_ = Stage::fresh;
  bool displaced_ = false;
  Clock::time_point heard_;
  List::iterator in_share_;
  List::iterator in_all_;
};

/// Occupancy seats peers within Limits; listeners may share one. Safe from several threads.
///
/// The invariant: whoever holds least keeps it. When all seats are taken, a newcomer gets one of
/// the address with the most idle seats, fresh and settled together, as long as that keeps more
/// than the newcomer's will have then: its idlest fresh one, or else its idlest settled one,
/// however lately that was heard of. A newcomer that holds none takes one of whoever has two.
///
/// When no address has two idle ones, one that holds none takes of the address with the most seats
/// of any kind, those that work last. So an address with one seat never loses it while another has
/// two, and who holds none finds a place while anybody holds two. When every address has one, the
/// one that was silent for longest goes: a fresh one, or a settled one that was silent for `quiet`
/// too; one that works gives way to nobody then.
///
/// An address that has used up its own share, or has as many as any, displaces its own quiet ones.
/// Those that work count apart: see make_room.
class Occupancy {
 public:
  explicit Occupancy(Limits limits) : limits_(limits) {}

  Occupancy(const Occupancy&) = delete;
  Occupancy& operator=(const Occupancy&) = delete;

  /// enter returns a seat, which must not outlive this; or null when nobody has to give way.
  /// `displace` is called at most once, from any thread, when this one has to give way: it must
  /// return at once and soon let the Seat end, which counts no longer.
  std::unique_ptr<Seat> enter(const asio::ip::address& address, std::function<void()> displace);

  /// make_room lets one that is working give way to `seat`, which is about to begin: the idlest of
  /// the peer that has most at work. False when `seat`'s own peer would have as many then: who has
  /// most waits, and who has less does not wait for him.
  bool make_room(const Seat& seat);

  const Limits& limits() const noexcept { return limits_; }

  std::size_t count() const;
  std::size_t count(Seat::Stage stage) const;

  /// displaced counts who had to give way since the start.
  std::size_t displaced() const;

 private:
  friend class Seat;
  static constexpr std::size_t kStages = 3;
  using Lists = std::array<Seat::List, kStages>;  ///< a stage each, the idlest first

  /// Tally is how many seats an address has.
  struct Tally {
    std::size_t idle = 0;  ///< fresh and settled
    std::size_t working = 0;

    std::size_t all() const { return idle + working; }
  };

  struct Share {
    Lists seats;

    Tally tally() const;
  };

  using Shares = std::map<asio::ip::address, Share>;

  /// Ranking orders addresses by a number; those of which it is 0 are not in it.
  using Ranking = std::set<std::pair<std::size_t, asio::ip::address>>;

  Seat* gives_way(const asio::ip::address& newcomer, Seat::Clock::time_point now);
  static Seat* idlest(const Share& share, Seat::Stage stage);
  static Seat* idlest(const Share& share);
  Seat* quiet_one(const Share& share, Seat::Clock::time_point now) const;
  Seat* silent_longest(Seat::Clock::time_point now) const;
  const Share* first_of(const Ranking& ranking, std::size_t least) const;
  void take_in(Seat& seat);
  void let_go(Seat& seat);
  void put_out(Seat& seat);
  Tally held_by(const asio::ip::address& key) const;
  void rank(const asio::ip::address& key, const Tally& before, const Tally& after);

  const Limits limits_;
  mutable std::mutex mutex_;  // for what follows
  Lists all_;
  std::size_t count_ = 0;
  std::size_t leaving_ = 0;  ///< displaced, and not ended yet
  std::size_t displaced_ = 0;
  Shares shares_;
  Ranking by_size_;
  Ranking by_idle_;
  Ranking by_working_;
};

}  // namespace ringfence::core
