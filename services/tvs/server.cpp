#include "services/tvs/server.h"

#include "core/base/device_name.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/x509.h"
#include "core/net/tls_alert.h"
#include "services/tvs/session.h"

namespace ringfence::services::tvs {
namespace {

namespace asio = core::asio;
using boost::system::error_code;

std::string device_of(const Request& request) {
  return std::visit([](const auto& asked) { return asked.device; }, request);
}

}  // namespace

/// Peer is who asks, and the certificate that TLS showed it.
struct Server::Peer {
  std::string text;          ///< "address:port"
  std::string our_serial{};  ///< as signs have it
};

Server::Server(asio::io_context& io, const Parts& parts, const core::tcp::endpoint& endpoint,
               Times times)
    : parts_(parts),
      times_(times),
      listener_(io, endpoint, core::Limits{}, "tvs",
                [this](core::tcp::socket socket, core::Seat& seat) {
                  return serve(std::move(socket), seat);
                }) {}

core::Task<core::TlsStream> Server::greet(core::tcp::socket socket, Peer& peer) {
  const core::SigningPool::Choose choose = [this, &peer] {
    auto context = parts_.book.tls();
    const std::shared_ptr<const Page> page = parts_.book.current();
    peer.our_serial =
        core::serial_text(core::serial_of(*core::parse_certificate(page->shown.own.der)));
    return context;
  };
  auto shaken = parts_.signing.shake_hands(std::move(socket), choose, times_.handshake);
  try {
    core::TlsStream stream = co_await std::move(shaken);
    co_return stream;
  } catch (const boost::system::system_error& failed) {
    if (const auto alert = core::certificate_alert(failed.code()))
      note_refusal(peer, core::TrustSignKind::tls_refused, *alert);
    throw;
  }
}

core::Task<void> Server::serve(core::tcp::socket socket, core::Seat& seat) {
  ++attempted_;
  Peer peer{core::peer_text(socket)};
  auto greeted = greet(std::move(socket), peer);
  core::TlsStream stream = co_await std::move(greeted);
  core::Deadline deadline(stream.next_layer(), times_.idle);
  ++accepted_;
  auto read_page = [this] { return parts_.book.current(); };
  Session session;
  core::Bytes bytes;
  bool spoke = false;
  while (true) {
    deadline.extend(times_.idle);
    std::optional<Session::Asked> asked;
    while (!asked) {
      bytes.resize(session.wanted());
      error_code ended;
      auto token = asio::redirect_error(asio::use_awaitable, ended);
      const auto buffer = asio::buffer(bytes);
      co_await asio::async_read(stream, buffer, token);
      if (ended) {  // between or inside messages: the phone has what it wanted, or left
        if (!spoke && !deadline.expired() && ended != asio::error::operation_aborted)
          note_refusal(peer, core::TrustSignKind::tls_left,
                       "it hung up when it had seen the certificate");
        co_return;
      }
      spoke = true;
      try {
        asked = session.take(bytes);
      } catch (const core::Error&) {
        ++malformed_;
        throw;
      }
    }
    seat.heard(core::Seat::Stage::settled);
    const std::shared_ptr<const Page> page = co_await core::run_on(parts_.pool, read_page);
    const Answer answer = page->directory.answer(asked->request);
    ++(asked->header.command == Command::query_request ? queries_ : verifications_);
    if (!answer.trusted()) ++unknown_;
    auto note_it = [&] { note(peer, asked->request, answer); };
    co_await core::run_on(parts_.pool, note_it);
    core::log(core::Level::info, "TVS_ANSWERED",
              {{"peer", peer.text},
               {"device", device_of(asked->request)},
               {"asked", asked->header.command == Command::query_request ? "query" : "verify"},
               {"status", answer.trusted() ? "valid" : "invalid"}});
    const core::Bytes response = to_bytes(asked->header, answer);
    const auto out = asio::buffer(response);
    co_await asio::async_write(stream, out, asio::use_awaitable);
  }
}

void Server::note_refusal(const Peer& peer, core::TrustSignKind kind, const std::string& how) {
  parts_.signs.add(
      {"", kind, core::address_text(peer.text), peer.our_serial, how, core::sign_time()});
}

/// device_in returns the phone that asks when there is one of that name: NAME or MODEL-NAME, as
/// certificates have it. What stands before the name is no name of a phone's.
std::string Server::device_in(const Request& request) const {
  const std::string text = device_of(request);
  try {
    if (parts_.phones.has(text)) return text;
    std::string name(core::device_of(text));
    if (!name.empty() && name != text && parts_.phones.has(name)) return name;
  } catch (const core::Error&) {  // phones are answered also while admin.db cannot be read
  }
  return {};
}

/// note records that the phone believes our TLS certificate, and about which signer it had to ask.
void Server::note(const Peer& peer, const Request& request, const Answer& answer) {
  const std::string device = device_in(request);
  if (device.empty()) return;
  const std::string address = core::address_text(peer.text);
  const auto now = core::sign_time();
  parts_.signs.add(
      {device, core::TrustSignKind::tls_trusted, address, peer.our_serial, "TVS", now});
  const auto* query = std::get_if<Query>(&request);
  if (query == nullptr) return;  // about a server, not about who signs files
  if (!answer.trusted()) {
    parts_.signs.add({device, core::TrustSignKind::tvs_denied, address,
                      core::serial_text(query->serial), query->subject, now});
    return;
  }
  const core::X509Cert certificate = core::parse_certificate(answer.certificate);
  parts_.signs.add({device, core::TrustSignKind::tvs_vouched, address,
                    core::serial_text(core::serial_of(*certificate)),
                    core::subject_of(*certificate), now});
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
