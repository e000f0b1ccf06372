#include "tests/fleet/http_client.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"
#include "tests/fleet/alarm.h"

namespace ringfence::fleet {

using core::Bytes;
using core::Code;
using core::Error;
using core::tcp;
namespace asio = core::asio;

namespace {

constexpr std::size_t kLongestHead = 16 * 1024;
constexpr std::size_t kLongestBody = 4 * 1024 * 1024;

struct Head {
  int status = 0;
  std::size_t length = 0;
};

Head parse_head(std::string_view text) {
  Head head;
  if (text.size() < 12 || !text.starts_with("HTTP/1."))
    throw Error(Code::malformed, "the HTTP server's answer has no status line");
  std::from_chars(text.data() + 9, text.data() + 12, head.status);
  bool has_length = false;
  for (std::size_t at = text.find("\r\n"); at != std::string_view::npos;) {
    const std::size_t end = text.find("\r\n", at + 2);
    std::string line(text.substr(at + 2, end == std::string_view::npos ? end : end - at - 2));
    std::transform(line.begin(), line.end(), line.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::string_view kLength = "content-length:";
    if (line.starts_with(kLength)) {
      const char* first = line.data() + kLength.size();
      const char* last = line.data() + line.size();
      while (first != last && *first == ' ') ++first;
      has_length = std::from_chars(first, last, head.length).ec == std::errc();
    }
    at = end;
  }
  if (head.status == 200 && !has_length)
    throw Error(Code::malformed, "the HTTP server's answer has no Content-Length");
  return head;
}

}  // namespace

core::Task<std::optional<Bytes>> http_get(tcp::endpoint server, std::string name,
                                          std::chrono::milliseconds limit) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  tcp::socket socket(executor);
  Alarm alarm(executor, [&socket] { socket.close(); });
  alarm.set(limit);
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await socket.async_connect(server, token);
  if (error) throw Error(Code::not_found, "no HTTP server: " + error.message());

  const std::string request = fmt::format(
      "GET /{} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: Ringfence-Fleet\r\nConnection: close\r\n\r\n",
      name, server.address().to_string(), server.port());
  co_await asio::async_write(socket, asio::buffer(request), token);
  if (error) throw Error(Code::io, "the HTTP server hung up: " + error.message());

  std::string in;
  auto buffer = asio::dynamic_buffer(in, kLongestHead + kLongestBody);
  const std::size_t head_size = co_await asio::async_read_until(socket, buffer, "\r\n\r\n", token);
  if (error) throw Error(Code::io, "the HTTP server's answer broke off: " + error.message());
  const Head head = parse_head(std::string_view(in).substr(0, head_size));
  if (head.status == 404) co_return std::nullopt;
  if (head.status != 200)
    throw Error(Code::io, fmt::format("the HTTP server answered {} for {}", head.status, name));
  if (head.length > kLongestBody)
    throw Error(Code::malformed, "the file is longer than a phone would take");
  if (in.size() < head_size + head.length) {
    const auto rest = asio::transfer_exactly(head_size + head.length - in.size());
    co_await asio::async_read(socket, buffer, rest, token);
    if (error) throw Error(Code::io, "the file broke off: " + error.message());
  }
  const auto* first = reinterpret_cast<const std::uint8_t*>(in.data()) + head_size;
  std::optional<Bytes> file(std::in_place, first, first + head.length);
  co_return file;
}

}  // namespace ringfence::fleet
