// How SIP messages come and go: datagrams, and TCP connections within limits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/net/asio.h"
#include "services/callmanager/flow.h"

namespace ringfence::services::callmanager {

/// Way is the way a message came, and its answer goes.
struct Way {
  core::udp::endpoint peer;  ///< of TCP as well
  Flow flow = 0;             ///< 0 for UDP
  std::size_t socket = 0;    ///< for UDP: which of ours

  std::string address() const { return peer.address().to_string(); }

  std::string text() const;  ///< "address:port"
};

/// Taken is what became of a message.
enum class Taken {
  over,     ///< nothing more is to come of it
  waiting,  ///< it has its turn later; over TCP go_on says when its connection may bring another
};

/// WireUser is whom a Wire tells. Nothing of it may throw.
class WireUser {
 public:
  virtual ~WireUser() = default;
  /// take is given a message, or over UDP any datagram but empty lines.
  virtual Taken take(std::string_view text, const Way& way) = 0;
  virtual void ended(Flow flow, const Way& way) = 0;  ///< a TCP connection, however it did
  virtual bool registered(Flow flow) const = 0;       ///< whether a phone is, over it
  /// unreadable is told of a peer whose bytes are no SIP, and why.
  virtual void unreadable(const Way& way, std::string_view why) = 0;
};

/// Wire owns the sockets of the SIP port. Everything happens on the thread that runs `io`.
///
/// UDP has a socket an interface when it listens on 0.0.0.0, so that an answer leaves from the
/// address that was asked. A datagram over kLongestMessage is dropped.
///
/// Of a TCP connection one message waits at a time, and nothing more is read meanwhile: TCP itself
/// slows down who sends more than is answered. A TCP message is at most kLongestMessage; half a
/// message lives 20 seconds, a connection without a message 15, one over which nobody is registered
/// 60 after its last message; answers that a peer does not read are kept up to 64 KiB, beside what
/// core::buffer_bytes lets the kernel keep, and for ten seconds. All
/// connections together are at most three quarters of the descriptors, one address' at most a
/// quarter; those without a registration are a quarter in all and 256 an address. One more is
/// always taken: the idlest of the greediest address makes room.
class Wire {
 public:
  /// Throws Error{conflict} when the port is taken. `user` must outlive this.
  Wire(core::asio::io_context& io, const std::string& listen, std::uint16_t port, WireUser& user);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// send queues a message. One that cannot be sent is lost: who sent it asks again, or not.
  void send(const Way& way, std::string text);

  /// hang_up ends a connection. Not from within WireUser::take.
  void hang_up(Flow flow);

  /// go_on has a connection bring its next message. Not from within WireUser::take.
  void go_on(Flow flow);

  bool open(Flow flow) const;  ///< whether that TCP connection still stands

  /// way_to returns the way of a datagram to "address:port", which leaves as the kernel's routes
  /// say; nothing when that is no address.
  std::optional<Way> way_to(const std::string& target) const;

  /// own_address is what our end of `way` is called: "address:port".
  std::string own_address(const Way& way) const;

  /// tick ends the connections whose time has come; once a second.
  void tick();

  std::size_t connections() const noexcept;

 private:
  class Datagrams;
  class Connections;

  std::unique_ptr<Datagrams> datagrams_;
  std::unique_ptr<Connections> connections_;
};

}  // namespace ringfence::services::callmanager
