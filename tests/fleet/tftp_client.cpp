#include "tests/fleet/tftp_client.h"

#include <array>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"
#include "tests/fleet/alarm.h"

namespace ringfence::fleet {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;
using core::Reader;
using core::udp;
using core::Writer;
namespace asio = core::asio;

namespace {

enum Opcode : std::uint16_t { kRead = 1, kData = 3, kAck = 4, kError = 5, kOptions = 6 };

constexpr std::uint16_t kNotFound = 1;
constexpr std::uint16_t kUnknownTransfer = 5;
constexpr std::uint16_t kOptionRefused = 8;
constexpr std::size_t kPlainBlock = 512;
constexpr std::chrono::milliseconds kLongestWait{8000};

Bytes request(std::string_view name, const TftpLimits& limits) {
  Writer packet;
  packet.u16(kRead).text(name).u8(0).text("octet").u8(0);
  packet.text("blksize").u8(0).text(std::to_string(limits.block_size)).u8(0);
  packet.text("tsize").u8(0).text("0").u8(0);
  return packet.take();
}

Bytes ack(std::uint16_t block) {
  return Writer().u16(kAck).u16(block).take();
}

Bytes refusal(std::uint16_t code, std::string_view text) {
  return Writer().u16(kError).u16(code).text(text).u8(0).take();
}

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Code::malformed, "the TFTP server's option is no number");
  return value;
}

/// Transfer is what has come so far; it knows nothing of sockets.
class Transfer {
 public:
  explicit Transfer(const TftpLimits& limits) : limits_(limits) {}

  /// take digests one packet of the server and returns the answer to send, empty for none.
  Bytes take(BytesView packet) {
    Reader reader(packet);
    switch (reader.u16("the TFTP packet")) {
      case kData: return take_data(reader);
      case kOptions: return take_options(reader);
      case kError: {
        const std::uint16_t code = reader.u16("the TFTP error");
        if (code == kNotFound) {
          done_ = not_found_ = true;
          return {};
        }
        throw Error(Code::io, fmt::format("the TFTP server refused with error {}{}", code,
                                          code == kOptionRefused ? " (option)" : ""));
      }
      default: throw Error(Code::malformed, "the TFTP server sent a packet of unknown kind");
    }
  }

  bool done() const { return done_; }

  bool not_found() const { return not_found_; }

  Bytes file() { return std::move(file_); }

 private:
  Bytes take_data(Reader& reader) {
    const std::uint16_t block = reader.u16("the TFTP block number");
    const BytesView data = reader.rest();
    started_ = true;
    if (block != next_)
      return block == static_cast<std::uint16_t>(next_ - 1) ? ack(block) : Bytes();
    if (data.size() > block_size_)
      throw Error(Code::malformed, "the TFTP server sent a block longer than agreed");
    if (file_.size() + data.size() > limits_.max_bytes)
      throw Error(Code::malformed, "the file is longer than a phone would take");
    file_.insert(file_.end(), data.begin(), data.end());
    ++next_;
    if (data.size() < block_size_) {
      if (announced_ && *announced_ != file_.size())
        throw Error(Code::malformed, "the file's size is not the one the TFTP server announced");
      done_ = true;
    }
    return ack(block);
  }

  Bytes take_options(Reader& reader) {
    if (started_) return {};  // a duplicate
    const std::string text = core::text_of(reader.rest());
    std::string_view rest = text;
    const auto word = [&rest] {
      const std::size_t end = rest.find('\0');
      if (end == std::string_view::npos)
        throw Error(Code::malformed, "the TFTP server's option lacks its NUL");
      const std::string_view result = rest.substr(0, end);
      rest.remove_prefix(end + 1);
      return result;
    };
    while (!rest.empty()) {
      const std::string_view name = word();
      const std::size_t value = number(word());
      if (name == "blksize") {
        if (value < 8 || value > limits_.block_size)
          throw Error(Code::malformed, "the TFTP server chose a block size that was not offered");
        block_size_ = value;
      } else if (name == "tsize") {
        announced_ = value;
      } else {
        throw Error(Code::malformed, "the TFTP server acknowledged an option nobody asked for");
      }
    }
    return ack(0);
  }

  const TftpLimits& limits_;
  Bytes file_;
  std::size_t block_size_ = kPlainBlock;
  std::optional<std::size_t> announced_;
  std::uint16_t next_ = 1;
  bool started_ = false;
  bool done_ = false;
  bool not_found_ = false;
};

}  // namespace

core::Task<std::optional<Bytes>> tftp_get(udp::endpoint server, std::string name,
                                          TftpLimits limits) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  udp::socket socket(executor, udp::endpoint(server.protocol(), 0));
  Alarm alarm(executor, [&socket] { socket.cancel(); });
  Transfer transfer(limits);
  udp::endpoint to = server;  // the server answers from a port of this transfer
  Bytes out = request(name, limits);
  Bytes in(std::size_t{limits.block_size} + 1024);
  unsigned attempts = 1;
  std::chrono::milliseconds wait = limits.timeout;
  boost::system::error_code error;
  socket.send_to(asio::buffer(out), to, 0, error);
  alarm.set(wait);
  while (!transfer.done()) {
    udp::endpoint from;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const std::size_t size = co_await socket.async_receive_from(asio::buffer(in), from, token);
    if (error && alarm.rang()) {
      if (attempts++ == limits.attempts)
        throw Error(Code::io, fmt::format("the TFTP server does not answer for {}", name));
      wait = std::min(wait * 2, kLongestWait);
      socket.send_to(asio::buffer(out), to, 0, error);
      alarm.set(wait);
      continue;
    }
    if (error == asio::error::connection_refused) continue;  // ICMP: as silent as a dead server
    if (error) throw boost::system::system_error(error);
    if (from.address() != server.address()) continue;
    if (to == server && from != server) to = from;
    if (from != to) {
      const Bytes stranger = refusal(kUnknownTransfer, "unknown transfer");
      socket.send_to(asio::buffer(stranger), from, 0, error);
      continue;
    }
    Bytes answer = transfer.take(BytesView(in).first(size));
    if (answer.empty()) continue;
    out = std::move(answer);
    attempts = 1;
    wait = limits.timeout;
    socket.send_to(asio::buffer(out), to, 0, error);
    alarm.set(wait);
  }
  std::optional<Bytes> file;
  if (!transfer.not_found()) file = transfer.file();
  co_return file;
}

}  // namespace ringfence::fleet
