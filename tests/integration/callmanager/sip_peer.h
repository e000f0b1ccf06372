// A phone's end of a SIP conversation in raw text, written without any SIP stack.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"

namespace ringfence::test {

/// header returns the value of the first header `name` of a message, or empty.
std::string header(std::string_view message, std::string_view name);

/// body returns what follows the empty line.
std::string body(std::string_view message);

/// first_line returns "SIP/2.0 200 OK" or "NOTIFY sip:… SIP/2.0".
std::string first_line(std::string_view message);

/// SipPeer is a socket connected to the registrar on loopback.
class SipPeer {
 public:
  enum class Transport { udp, tcp };

  SipPeer(Transport transport, std::uint16_t server_port,
          const std::string& own_address = "127.0.0.1");

  void send(std::string_view text);

  /// receive returns the next message, or nothing when none comes within `milliseconds` or the
  /// connection ended.
  std::optional<std::string> receive(int milliseconds = 5000);

  /// ask sends and returns the next message; empty when there is none.
  std::string ask(std::string_view text) {
    send(text);
    return receive().value_or("");
  }

  /// answer sends a response with `status` to a request that came.
  void answer(std::string_view request, int status, std::string_view reason);

  /// bytes returns what comes next, whatever it is.
  std::string bytes(int milliseconds = 5000);

  /// ended waits until the other side has closed the connection.
  bool ended(int milliseconds = 5000);

  void finish_sending();  ///< a FIN, while we still read
  void end_with_reset();  ///< closing will be an RST

  std::uint16_t port() const noexcept { return port_; }

  const char* name() const noexcept { return transport_ == Transport::udp ? "UDP" : "TCP"; }

 private:
  Transport transport_;
  core::Fd socket_;
  std::uint16_t port_ = 0;
  std::string buffer_;
};

/// PhoneText is what a phone would write into its REGISTER; change what a test is about.
struct PhoneText {
  std::string device;
  std::string user = "6001";
  std::string call_id = "0011-2233@phone";
  int cseq = 101;
  std::string expires = "120";
  std::string contact = {};  ///< the whole header value instead of the usual one
};

/// register_text writes the REGISTER that `phone` sends from `peer`, with a fresh branch.
std::string register_text(const PhoneText& phone, const SipPeer& peer);

}  // namespace ringfence::test
