#include "services/tftp/http.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include "core/base/device_name.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/x509.h"
#include "core/net/peer_address.h"
#include "services/tftp/target.h"

namespace ringfence::services::tftp {
namespace {

namespace asio = core::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using core::Code;
using core::Error;

constexpr std::size_t kMaxHeaderBytes = 8192;

enum class Connection { keep, close };

/// head writes the status line and fields; nothing that a phone does not need.
std::string head(http::status status, std::size_t length, Connection connection) {
  std::string text =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Length: {}\r\n", static_cast<unsigned>(status),
                  std::string_view(http::obsolete_reason(status)), length);
  if (status == http::status::ok) text += "Content-Type: application/octet-stream\r\n";
  if (status == http::status::method_not_allowed) text += "Allow: GET, HEAD\r\n";
  text += connection == Connection::keep ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  return text + "\r\n";
}

/// status_of maps our codes to HTTP.
http::status status_of(Code code) noexcept {
  switch (code) {
    case Code::not_found: return http::status::not_found;
    case Code::refused: return http::status::forbidden;
    case Code::malformed: return http::status::bad_request;
    case Code::conflict:
    case Code::hsm_unavailable:
    case Code::hsm_locked:
    case Code::io: return http::status::service_unavailable;
    case Code::internal: return http::status::internal_server_error;
  }
  return http::status::internal_server_error;
}

/// check_owner refuses a phone's file to another phone, by the name in its certificate; who showed
/// none is served as over HTTP.
void check_owner(const File& file, const std::string& shown) {
  if (shown.empty() || file.device.empty()) return;
  if (core::names_device(shown, file.device, "")) return;
  throw Error(Code::refused, "it is another phone's than that of the certificate shown, " + shown);
}

}  // namespace

struct HttpServer::Reply {
  http::status status = http::status::ok;
  std::string name;
  std::optional<File> file;
};

HttpServer::HttpServer(asio::io_context& io, const Pools& pools, Source& files, FetchLog& fetches,
                       const core::Clock& clock, Identity* identity,
                       const core::tcp::endpoint& endpoint, HttpTimes times)
    : pools_(pools),
      files_(files),
      fetches_(fetches),
      clock_(clock),
      identity_(identity),
      times_(times),
      listener_(io, endpoint, core::Limits{}, identity == nullptr ? "http" : "https",
                [this](core::tcp::socket socket, core::Seat& seat) {
                  return identity_ == nullptr ? accept(std::move(socket), seat)
                                              : accept_tls(std::move(socket), seat);
                }) {}

core::Task<void> HttpServer::accept(core::tcp::socket socket, core::Seat& seat) {
  core::Deadline deadline(socket, times_.request);
  Client client{core::peer_text(socket)};
  co_await serve(socket, deadline, seat, std::move(client));
}

core::Task<void> HttpServer::accept_tls(core::tcp::socket socket, core::Seat& seat) {
  Client client{core::peer_text(socket)};
  const core::SigningPool::Choose choose = [this] { return identity_->current(); };
  auto shaken = pools_.handshakes.shake_hands(std::move(socket), choose, times_.handshake);
  core::TlsStream stream = co_await std::move(shaken);
  core::Deadline deadline(stream.next_layer(), times_.request);
  if (const core::X509Cert shown = stream.peer_certificate())
    client.name = core::common_name_of(*shown);
  co_await serve(stream, deadline, seat, std::move(client));
  deadline.extend(times_.handshake);
  error_code ignored;  // the client may be gone already
  auto quiet = asio::redirect_error(asio::use_awaitable, ignored);
  co_await stream.async_shutdown(quiet);
}

template <typename Stream>
core::Task<void> HttpServer::serve(Stream& stream, core::Deadline& deadline, core::Seat& seat,
                                   Client client) {
  beast::flat_buffer buffer(kMaxHeaderBytes * 2);
  bool open = true;
  while (open) {
    deadline.extend(times_.request);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kMaxHeaderBytes);
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    co_await http::async_read_header(stream, buffer, parser, token);
    const bool our_grammar =
        failed.category() == make_error_code(http::error::bad_method).category();
    if (failed == http::error::end_of_stream || failed == http::error::partial_message ||
        (failed && !our_grammar))
      co_return;

    ++requests_;
    seat.heard(core::Seat::Stage::settled);
    Reply reply;
    if (failed) {
      const bool much =
          failed == http::error::header_limit || failed == http::error::buffer_overflow;
      reply.status =
          much ? http::status::request_header_fields_too_large : http::status::bad_request;
      open = false;
    } else {
      reply = co_await reply_to(parser.get(), client);
      // What has a body is no question of a phone; the body is not read, so nothing can follow it.
      open = parser.get().keep_alive() && parser.is_done();
    }
    const std::size_t length = reply.file ? reply.file->content->bytes.size() : 0;
    const bool body = reply.file && parser.get().method() == http::verb::get;
    // Head and body in one write: real phones stall on two.
    std::string answer = head(reply.status, length, open ? Connection::keep : Connection::close);
    if (body) {
      const core::Bytes& bytes = reply.file->content->bytes;
      answer.append(bytes.begin(), bytes.end());
    }
    deadline.extend(times_.answer);
    const auto out = asio::buffer(answer);
    co_await asio::async_write(stream, out, asio::use_awaitable);
    ++(reply.status == http::status::ok ? completed_ : refused_);
    core::log(core::Level::info, "HTTP_ANSWERED",
              {{"peer", client.peer},
               {"file", reply.name},
               {"status", std::to_string(static_cast<unsigned>(reply.status))}});
    if (body) fetches_.add(*reply.file, reply.name, client.peer, clock_.now());
  }
}

template <typename Asked>
core::Task<HttpServer::Reply> HttpServer::reply_to(const Asked& request, const Client& client) {
  Reply reply;
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    reply.status = http::status::method_not_allowed;
    co_return reply;
  }
  const std::optional<std::string> name = file_in_target(request.target());
  if (!name) {
    reply.status = http::status::bad_request;
    co_return reply;
  }
  reply.name = *name;
  auto found = find_file(pools_, files_, *name, core::peer_address(client.peer));
  try {
    reply.file = co_await std::move(found);
    if (!reply.file) reply.status = http::status::not_found;
    if (reply.file) check_owner(*reply.file, client.name);
  } catch (const Error& error) {
    core::log(core::Level::warning, "HTTP_REFUSED",
              {{"peer", client.peer}, {"file", *name}, {"why", error.what()}});
    reply.file.reset();
    reply.status = status_of(error.code());
  }
  co_return reply;
}

boost::json::object HttpServer::counters() const {
  return {{"requests", requests_.load()},
          {"completed", completed_.load()},
          {"refused", refused_.load()}};
}

}  // namespace ringfence::services::tftp
