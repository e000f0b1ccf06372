#include "services/tvs/server.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "services/tvs/session.h"

namespace ringfence::services::tvs {
namespace {

namespace asio = core::asio;
using boost::system::error_code;

std::string device_of(const Request& request) {
  return std::visit([](const auto& asked) { return asked.device; }, request);
}

}  // namespace

Server::Server(asio::io_context& io, asio::thread_pool& pool, core::SigningPool& signing,
               Book& book, const core::tcp::endpoint& endpoint, Times times)
    : pool_(pool),
      signing_(signing),
      book_(book),
      times_(times),
      listener_(io, endpoint, core::Limits{}, "tvs",
                [this](core::tcp::socket socket, core::Seat& seat) {
                  return serve(std::move(socket), seat);
                }) {}

core::Task<void> Server::serve(core::tcp::socket socket, core::Seat& seat) {
  ++attempted_;
  const std::string peer = core::peer_text(socket);
  const core::SigningPool::Choose choose = [this] { return book_.tls(); };
  auto shaken = signing_.shake_hands(std::move(socket), choose, times_.handshake);
  core::TlsStream stream = co_await std::move(shaken);
  core::Deadline deadline(stream.next_layer(), times_.idle);
  ++accepted_;

  auto read_page = [this] { return book_.current(); };
  Session session;
  core::Bytes bytes;
  while (true) {
    deadline.extend(times_.idle);
    std::optional<Session::Asked> asked;
    while (!asked) {
      bytes.resize(session.wanted());
      error_code ended;
      auto token = asio::redirect_error(asio::use_awaitable, ended);
      const auto buffer = asio::buffer(bytes);
      co_await asio::async_read(stream, buffer, token);
      if (ended) co_return;  // between or inside messages: the phone has what it wanted, or left
      try {
        asked = session.take(bytes);
      } catch (const core::Error&) {
        ++malformed_;
        throw;
      }
    }
    seat.heard(core::Seat::Stage::settled);
    const std::shared_ptr<const Page> page = co_await core::run_on(pool_, read_page);
    const Answer answer = page->directory.answer(asked->request);
    ++(asked->header.command == Command::query_request ? queries_ : verifications_);
    if (!answer.trusted()) ++unknown_;
    core::log(core::Level::info, "TVS_ANSWERED",
              {{"peer", peer},
               {"device", device_of(asked->request)},
               {"asked", asked->header.command == Command::query_request ? "query" : "verify"},
               {"status", answer.trusted() ? "valid" : "invalid"}});
    const core::Bytes response = to_bytes(asked->header, answer);
    const auto out = asio::buffer(response);
    co_await asio::async_write(stream, out, asio::use_awaitable);
  }
}

boost::json::object Server::counters() const {
  return {{"sessions_attempted", attempted_.load()},
          {"sessions_accepted", accepted_.load()},
          {"queries", queries_.load()},
          {"verifications", verifications_.load()},
          {"unknown", unknown_.load()},
          {"malformed", malformed_.load()}};
}

}  // namespace ringfence::services::tvs
