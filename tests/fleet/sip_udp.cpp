#include <array>

#include "core/base/error.h"
#include "tests/fleet/sip_link.h"
#include "tests/fleet/sip_notify.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;
using core::udp;
namespace asio = core::asio;

struct SipUdp::Socket : std::enable_shared_from_this<SipUdp::Socket> {
  explicit Socket(asio::io_context& io)
      : strand(asio::make_strand(io)), socket(strand), throw_away(strand) {}

  /// send is called from the phones' strands.
  void send(std::string text, const udp::endpoint& to, bool thrown_away = false) {
    asio::post(strand, [self = shared_from_this(), text = std::move(text), to, thrown_away] {
      boost::system::error_code ignored;  // a datagram lost here is sent again by its transaction
      (thrown_away ? self->throw_away : self->socket).send_to(asio::buffer(text), to, 0, ignored);
    });
  }

  void receive() {
    socket.async_receive_from(
        asio::buffer(in), from,
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
          if (error == asio::error::operation_aborted || !self->socket.is_open()) return;
          if (!error) self->deliver(std::string_view(self->in.data(), size));
          self->receive();
        });
  }

  void deliver(std::string_view text) {
    SipMessage message;
    try {
      message = parse_sip(text);
    } catch (const Error&) {
      return;  // no phone answers what it cannot read
    }
    const std::string user = message.is_response()
                                 ? uri_of(message.header("From").value_or("")).user
                                 : uri_of(message.uri()).user;
    const auto phone = phones.find(user);
    if (phone != phones.end()) {
      const SipReceiver& receiver = phone->second;
      asio::post(receiver.strand, [&receiver, message = std::move(message)]() mutable {
        receiver.receive(std::move(message));
      });
    } else if (!message.is_response() && message.method() != "ACK") {
      const NotifyVerdict verdict = judge_notify(message, "", "");
      send(sip_response(message, verdict.status, verdict.reason, "nobody"), from);
    }
  }

  asio::strand<asio::io_context::executor_type> strand;
  udp::socket socket;
  udp::socket throw_away;  ///< nobody listens there
  udp::endpoint local;     ///< read by every phone, hence fixed before start
  udp::endpoint from;
  std::array<char, 65536> in{};
  std::map<std::string, SipReceiver> phones;  ///< fixed before start
};

class SipUdp::Link final : public SipLink {
 public:
  Link(std::shared_ptr<Socket> socket, const udp::endpoint& registrar, bool thrown_away)
      : socket_(std::move(socket)), registrar_(registrar), thrown_away_(thrown_away) {
    const udp::endpoint& local = socket_->local;
    via_ = {"UDP", local.address().to_string(), local.port()};
  }

  void send(std::string text) override { socket_->send(std::move(text), registrar_, thrown_away_); }

  Via via() const override { return via_; }

 private:
  std::shared_ptr<Socket> socket_;
  udp::endpoint registrar_;
  bool thrown_away_;
  Via via_;
};

SipUdp::SipUdp(asio::io_context& io, const udp::endpoint& server)
    : socket_(std::make_shared<Socket>(io)) {
  try {
    udp::socket probe(io);
    probe.connect(server);  // sends nothing: asks the kernel for the route
    const asio::ip::address local = probe.local_endpoint().address();
    socket_->socket.open(server.protocol());
    socket_->socket.set_option(asio::socket_base::receive_buffer_size(4 * 1024 * 1024));
    socket_->socket.bind(udp::endpoint(local, 0));
    socket_->local = socket_->socket.local_endpoint();
    socket_->throw_away.open(server.protocol());
    socket_->throw_away.bind(udp::endpoint(local, 0));
  } catch (const boost::system::system_error& error) {
    throw Error(Code::io, std::string("cannot open a UDP port for SIP: ") + error.what());
  }
}

SipUdp::~SipUdp() = default;

void SipUdp::attach(const std::string& user, SipReceiver receiver) {
  socket_->phones.emplace(user, std::move(receiver));
}

void SipUdp::start() {
  asio::post(socket_->strand, [socket = socket_] { socket->receive(); });
}

void SipUdp::close() {
  asio::post(socket_->strand, [socket = socket_] {
    boost::system::error_code ignored;
    socket->socket.close(ignored);
    socket->throw_away.close(ignored);
  });
}

std::unique_ptr<SipLink> SipUdp::link(const udp::endpoint& registrar) {
  return std::make_unique<Link>(socket_, registrar, false);
}

std::unique_ptr<SipLink> SipUdp::old_link(const udp::endpoint& registrar) {
  return std::make_unique<Link>(socket_, registrar, true);
}

}  // namespace ringfence::fleet
