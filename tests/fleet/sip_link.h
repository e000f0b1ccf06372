// How SIP messages travel: one UDP socket for all phones, or one TCP connection a phone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/net/asio.h"
#include "tests/fleet/sip_message.h"

namespace ringfence::fleet {

/// Via is what a phone writes into Via and Contact.
struct Via {
  std::string transport;  ///< "UDP" or "TCP"
  std::string address;    ///< ours as the registrar sees it
  std::uint16_t port = 0;
};

/// SipLink carries one phone's messages.
class SipLink {
 public:
  SipLink() = default;
  SipLink(const SipLink&) = delete;
  SipLink& operator=(const SipLink&) = delete;
  virtual ~SipLink() = default;

  /// send queues a message; a failure shows as silence or as a lost link.
  virtual void send(std::string text) = 0;
  virtual Via via() const = 0;
};

/// SipReceiver is what a phone does with messages; called on the phone's strand.
struct SipReceiver {
  core::asio::any_io_executor strand;
  std::function<void(SipMessage)> receive;
  std::function<void()> lost;  ///< the TCP connection ended by itself
};

/// SipUdp is the socket all phones share. It tells them apart by the user part of the Request-URI
/// (requests) or of From (responses to their REGISTER).
class SipUdp {
 public:
  /// Binds a free port on the address that reaches `server`. Throws core::Error{io}.
  SipUdp(core::asio::io_context& io, const core::udp::endpoint& server);
  ~SipUdp();
  SipUdp(const SipUdp&) = delete;
  SipUdp& operator=(const SipUdp&) = delete;

  /// attach must be called for every phone before `start`; the receiver must outlive `io.run()`.
  void attach(const std::string& user, SipReceiver receiver);
  void start();
  void close();  ///< any thread

  /// link returns a phone's way to `registrar`. Must not outlive this object.
  std::unique_ptr<SipLink> link(const core::udp::endpoint& registrar);

  /// old_link is the way of a 79xx: it sends from a throw-away port, and names the other one.
  std::unique_ptr<SipLink> old_link(const core::udp::endpoint& registrar);

 private:
  struct Socket;
  class Link;

  std::shared_ptr<Socket> socket_;
};

/// connect_sip_tcp opens a TCP connection whose messages go to `receiver` until the link's end.
/// Throws core::Error{io}. Runs on the phone's strand.
core::Task<std::unique_ptr<SipLink>> connect_sip_tcp(core::tcp::endpoint registrar,
                                                     const SipReceiver& receiver);

}  // namespace ringfence::fleet
