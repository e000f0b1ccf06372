#include <deque>

#include "core/base/error.h"
#include "tests/fleet/alarm.h"
#include "tests/fleet/sip_link.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;
using core::tcp;
namespace asio = core::asio;

namespace {

constexpr std::size_t kLongestSipHead = 64 * 1024;
constexpr std::chrono::seconds kSipConnectLimit{10};

/// Flow is one connection; it lives as long as its reader, everything on the phone's strand.
struct Flow : std::enable_shared_from_this<Flow> {
  Flow(tcp::socket connected, const SipReceiver& to) : socket(std::move(connected)), receiver(to) {}

  void read_head() {
    auto buffer = asio::dynamic_buffer(in, kLongestSipHead);
    asio::async_read_until(
        socket, buffer, "\r\n\r\n",
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
          if (error) return self->end();
          self->take_head(size);
        });
  }

  void take_head(std::size_t size) {
    const std::size_t start = in.find_first_not_of("\r\n");  // keepalives (RFC 5626)
    if (start >= size) {
      in.erase(0, std::min(start, in.size()));
      return read_head();
    }
    in.erase(0, start);
    size -= start;
    try {
      const std::size_t whole = size + content_length_of(std::string_view(in).substr(0, size));
      if (in.size() >= whole) return take_message(whole);
      auto buffer = asio::dynamic_buffer(in);
      asio::async_read(
          socket, buffer, asio::transfer_exactly(whole - in.size()),
          [self = shared_from_this(), whole](const boost::system::error_code& error, std::size_t) {
            if (error) return self->end();
            self->take_message(whole);
          });
    } catch (const Error&) {
      end();  // the stream cannot be followed any more
    }
  }

  void take_message(std::size_t size) {
    try {
      SipMessage message = parse_sip(std::string_view(in).substr(0, size));
      in.erase(0, size);
      if (open) receiver.receive(std::move(message));
    } catch (const Error&) {
      return end();
    }
    read_head();
  }

  void write() {
    asio::async_write(
        socket, asio::buffer(out.front()),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
          if (error) return;  // the reader notices
          self->out.pop_front();
          if (!self->out.empty()) self->write();
        });
  }

  void end() {
    close();
    if (!open) return;
    open = false;
    receiver.lost();
  }

  void close() {
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  tcp::socket socket;
  const SipReceiver& receiver;
  std::string in;
  std::deque<std::string> out;
  bool open = true;  ///< false once the phone let go of the link
};

class TcpLink final : public SipLink {
 public:
  explicit TcpLink(std::shared_ptr<Flow> flow) : flow_(std::move(flow)) {
    const tcp::endpoint local = flow_->socket.local_endpoint();
    via_ = {"TCP", local.address().to_string(), local.port()};
  }

  ~TcpLink() override {
    flow_->open = false;
    flow_->close();
  }

  void send(std::string text) override {
    if (!flow_->open) return;
    flow_->out.push_back(std::move(text));
    if (flow_->out.size() == 1) flow_->write();
  }

  Via via() const override { return via_; }

 private:
  std::shared_ptr<Flow> flow_;
  Via via_;
};

}  // namespace

core::Task<std::unique_ptr<SipLink>> connect_sip_tcp(tcp::endpoint registrar,
                                                     const SipReceiver& receiver) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  tcp::socket socket(executor);
  Alarm alarm(executor, [&socket] { socket.close(); });
  alarm.set(kSipConnectLimit);
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await socket.async_connect(registrar, token);
  if (error) throw Error(Code::io, "cannot reach the registrar over TCP: " + error.message());
  auto flow = std::make_shared<Flow>(std::move(socket), receiver);
  std::unique_ptr<SipLink> link = std::make_unique<TcpLink>(flow);
  flow->read_head();
  co_return link;
}

}  // namespace ringfence::fleet
