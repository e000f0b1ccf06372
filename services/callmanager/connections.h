// The TCP half of a Wire.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "services/callmanager/wire.h"

namespace ringfence::services::callmanager {

/// Connections accepts TCP connections and cuts their bytes into messages; see Wire.
class Wire::Connections {
 public:
  Connections(core::asio::io_context& io, const std::string& listen, std::uint16_t port,
              WireUser& user);
  ~Connections();

  void send(Flow flow, std::string text);
  void go_on(Flow flow);
  void end(Flow flow);

  bool open(Flow flow) const { return all_.contains(flow); }

  std::string own_address(Flow flow) const;
  void tick();

  std::size_t count() const noexcept { return all_.size(); }

 private:
  struct Connection;
  using Steady = std::chrono::steady_clock;
  using Flows = std::set<Flow>;

  /// Share is what an address has.
  struct Share {
    Flows all;
    Flows strangers;  ///< those of them over which nobody is registered
  };

  void accept();
  void take(core::tcp::socket socket);
  void make_room(const core::asio::ip::address& newcomer);
  Flow idlest(const Flows& flows) const;  ///< silent for longest; 0 of none
  /// idlest_of is idlest among a share's strangers, or among all when it has none.
  Flow idlest_of(const Share& share) const;
  /// greediest returns the share with the largest `part`.
  const Share& greediest(Flows Share::*part) const;
  /// judge looks anew whether a phone is registered over `connection`.
  void judge(Connection& connection);

  void read(const std::shared_ptr<Connection>& connection);
  /// bring hands over what `connection` has, and reads on unless a message waits.
  void bring(const std::shared_ptr<Connection>& connection);
  /// cut hands over the whole messages in `connection`, up to the first that waits; false when it
  /// has to end.
  bool cut(const std::shared_ptr<Connection>& connection);
  void write(const std::shared_ptr<Connection>& connection);

  core::asio::io_context& io_;
  WireUser& user_;
  core::tcp::acceptor acceptor_;
  core::asio::steady_timer again_;  ///< after an accept that failed
  std::unordered_map<Flow, std::shared_ptr<Connection>> all_;
  std::map<core::asio::ip::address, Share> by_address_;
  std::size_t strangers_ = 0;  ///< of all addresses
  Flow last_ = 0;
};

}  // namespace ringfence::services::callmanager
