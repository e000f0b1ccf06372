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

 private:
  friend class Occupancy;
  using Clock = std::chrono::steady_clock;
  using List = std::list<Seat*>;

  explicit Seat(Occupancy& occupancy) : occupancy_(occupancy) {}

  Occupancy& occupancy_;  // whose mutex guards what follows
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
/// When all seats are taken, a newcomer takes that of the idlest of the greediest peer, so that
/// whoever holds most pays for it: fresh ones before settled ones, and one that is working only
/// when its peer holds more than an equal part of all. When nobody holds more than a fair part, the
/// idlest fresh one gives way. A peer that has used up its own share displaces its own quiet ones.
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

  std::size_t count() const;
  std::size_t count(Seat::Stage stage) const;

  /// displaced counts who had to give way since the start.
  std::size_t displaced() const;

 private:
  friend class Seat;
  static constexpr std::size_t kStages = 3;
  using Lists = std::array<Seat::List, kStages>;  ///< a stage each, the idlest first

  struct Share {
    Lists seats;
    std::size_t size = 0;
  };

  using Shares = std::map<asio::ip::address, Share>;

  Seat* gives_way(const asio::ip::address& newcomer, Seat::Clock::time_point now);
  static Seat* idlest(const Share& share, Seat::Stage stage);
  Seat* quiet_one(const Share& share, Seat::Clock::time_point now) const;
  void take_in(Seat& seat);
  void let_go(Seat& seat);
  void resize(Shares::iterator share, std::size_t size);
  void put_out(Seat& seat);
  static std::size_t working(const Share& share);
  void index_working(const asio::ip::address& key, std::size_t before, std::size_t after);

  const Limits limits_;
  mutable std::mutex mutex_;  // for what follows
  Lists all_;
  std::size_t count_ = 0;
  std::size_t leaving_ = 0;  ///< displaced, and not ended yet
  std::size_t displaced_ = 0;
  Shares shares_;
  std::set<std::pair<std::size_t, asio::ip::address>> by_size_;
  std::set<std::pair<std::size_t, asio::ip::address>> by_working_;  ///< those that have any
};

}  // namespace ringfence::core
