#include "tests/fleet/tests/test_node.h"

#include <array>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "core/net/asio.h"
#include "tests/fleet/sip_message.h"

namespace ringfence::fleet::test {

using core::Bytes;
using core::tcp;
using core::udp;
namespace asio = core::asio;

namespace {

constexpr std::size_t kBlock = 512;

asio::ip::address loopback() {
  return asio::ip::address_v4::loopback();
}

/// Transfer sends one file, plain RFC 1350; it ignores options, as an old server does.
struct Transfer : std::enable_shared_from_this<Transfer> {
  Transfer(asio::io_context& io, udp::endpoint to, Bytes bytes)
      : socket(io, udp::endpoint(loopback(), 0)), peer(std::move(to)), file(std::move(bytes)) {}

  void send() {
    const std::size_t at = (std::size_t{block} - 1) * kBlock;
    const std::size_t size = std::min(kBlock, file.size() - at);
    core::Writer packet;
    packet.u16(3).u16(block).bytes(core::BytesView(file).subspan(at, size));
    socket.send_to(asio::buffer(packet.view()), peer);
    last = size < kBlock;
    socket.async_receive_from(
        asio::buffer(in), peer,
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size_in) {
          if (error || size_in != 4 || self->last) return;
          ++self->block;
          self->send();
        });
  }

  udp::socket socket;
  udp::endpoint peer;
  Bytes file;
  std::array<std::uint8_t, 64> in{};
  std::uint16_t block = 1;
  bool last = false;
};

}  // namespace

struct TestNode::Parts {
  Parts() : tftp(io), sip(io), http(io) {
    for (offset = 20000; offset < 50000; offset = static_cast<std::uint16_t>(offset + 7)) {
      boost::system::error_code error;
      if (open(error)) return;
      tftp = udp::socket(io);
      sip = udp::socket(io);
      http = tcp::acceptor(io);
    }
    throw std::runtime_error("no free ports");
  }

  bool open(boost::system::error_code& error) {
    const auto at = [this](int port) { return static_cast<std::uint16_t>(port + offset); };
    tftp.open(udp::v4());
    sip.open(udp::v4());
    http.open(tcp::v4());
    tftp.bind(udp::endpoint(loopback(), at(69)), error);
    if (!error) sip.bind(udp::endpoint(loopback(), at(5060)), error);
    if (!error) http.bind(tcp::endpoint(loopback(), at(6970)), error);
    if (!error) http.listen(asio::socket_base::max_listen_connections, error);
    return !error;
  }

  void serve_tftp() {
    tftp.async_receive_from(
        asio::buffer(tftp_in), tftp_from,
        [this](const boost::system::error_code& error, std::size_t size) {
          if (error) return;
          const std::string text(tftp_in.begin() + 2,
                                 tftp_in.begin() + static_cast<std::ptrdiff_t>(size));
          const std::optional<Bytes> file = find(text.substr(0, text.find('\0')));
          if (file) {
            std::make_shared<Transfer>(io, tftp_from, *file)->send();
          } else {
            const Bytes answer = core::Writer().u16(5).u16(1).text("File not found").u8(0).take();
            udp::socket(io, udp::endpoint(loopback(), 0)).send_to(asio::buffer(answer), tftp_from);
          }
          serve_tftp();
        });
  }

  void serve_http() {
    http.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (error) return;
      std::string head;
      boost::system::error_code ignored;
      asio::read_until(socket, asio::dynamic_buffer(head), "\r\n\r\n", ignored);
      const std::size_t start = head.find('/') + 1;
      const std::optional<Bytes> file = find(head.substr(start, head.find(' ', start) - start));
      const std::string answer =
          file ? fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file->size())
               : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
      asio::write(socket, asio::buffer(answer), ignored);
      if (file) asio::write(socket, asio::buffer(*file), ignored);
      serve_http();
    });
  }

  void serve_sip() {
    sip.async_receive_from(asio::buffer(sip_in), sip_from,
                           [this](const boost::system::error_code& error, std::size_t size) {
                             if (error) return;
                             take_sip(std::string(sip_in.data(), size));
                             serve_sip();
                           });
  }

  void take_sip(const std::string& text) {
    const SipMessage message = parse_sip(text);
    if (message.method() != "REGISTER") return;
    std::string answer = sip_response(message, 200, "OK", "node");
    answer.insert(answer.find("Content-Length"),
                  fmt::format("Contact: {};expires=120\r\n", *message.header("Contact")));
    {
      const std::lock_guard lock(mutex);
      registers.push_back(text);
    }
    sip.send_to(asio::buffer(answer), sip_from);
  }

  std::optional<Bytes> find(const std::string& name) {
    const std::lock_guard lock(mutex);
    asked.push_back(name);
    const auto found = files.find(name);
    if (found == files.end()) return std::nullopt;
    return found->second;
  }

  asio::io_context io;
  std::uint16_t offset = 0;
  udp::socket tftp;
  udp::socket sip;
  tcp::acceptor http;
  udp::endpoint tftp_from;
  udp::endpoint sip_from;
  std::array<char, 2048> tftp_in{};
  std::array<char, 8192> sip_in{};
  std::mutex mutex;  ///< of what follows
  std::map<std::string, Bytes> files;
  std::vector<std::string> asked;
  std::vector<std::string> registers;
  unsigned notifies = 0;
  std::thread thread;
};

TestNode::TestNode() : parts_(std::make_unique<Parts>()) {
  parts_->serve_tftp();
  parts_->serve_http();
  parts_->serve_sip();
  parts_->thread = std::thread([this] { parts_->io.run(); });
}

TestNode::~TestNode() {
  parts_->io.stop();
  parts_->thread.join();
}

std::uint16_t TestNode::offset() const {
  return parts_->offset;
}

std::uint16_t TestNode::sip_port() const {
  return static_cast<std::uint16_t>(5060 + offset());
}

void TestNode::put(const std::string& name, Bytes file) {
  const std::lock_guard lock(parts_->mutex);
  parts_->files[name] = std::move(file);
}

std::vector<std::string> TestNode::asked() const {
  const std::lock_guard lock(parts_->mutex);
  return parts_->asked;
}

std::vector<std::string> TestNode::registers() const {
  const std::lock_guard lock(parts_->mutex);
  return parts_->registers;
}

void TestNode::notify(const std::string& device, const std::string& action) {
  const std::lock_guard lock(parts_->mutex);
  for (auto text = parts_->registers.rbegin(); text != parts_->registers.rend(); ++text) {
    const SipMessage message = parse_sip(*text);
    const std::string contact = *message.header("Contact");
    if (uri_of(contact).user != device) continue;
    const std::size_t colon = contact.rfind(':', contact.find('>'));
    const auto port = static_cast<std::uint16_t>(std::stoi(contact.substr(colon + 1)));
    const unsigned number = ++parts_->notifies;
    const std::string body =
        fmt::format("action={}\r\nRegisterCallId={{{}}}\r\n", action, *message.header("Call-ID"));
    const std::string notify = fmt::format(
        "NOTIFY sip:{}@127.0.0.1:{} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{};branch=z9hG4bKn{}\r\n"
        "From: <sip:127.0.0.1>;tag=n\r\nTo: <sip:{}@127.0.0.1>\r\nCall-ID: notify-{}\r\n"
        "CSeq: 1 NOTIFY\r\nEvent: service-control\r\nContent-Type: text/plain\r\n"
        "Content-Length: {}\r\n\r\n{}",
        device, port, sip_port(), number, device, number, body.size(), body);
    parts_->sip.send_to(asio::buffer(notify), udp::endpoint(loopback(), port));
    return;
  }
  throw std::runtime_error(device + " never registered");
}

}  // namespace ringfence::fleet::test
