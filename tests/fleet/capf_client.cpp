#include "tests/fleet/capf_client.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "core/net/listener.h"
#include "services/capf/protocol.h"
#include "tests/fleet/tls_client.h"

namespace ringfence::fleet {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;
namespace capf = services::capf;

namespace {

constexpr std::chrono::seconds kConnectLimit{20};
constexpr std::chrono::seconds kMessageLimit{60};

bool is_jabber(const std::string& device) {
  return !device.starts_with("SEP") && !device.starts_with("ATA");
}

/// Visit is one session; its coroutines run one after another.
class Visit {
 public:
  Visit(const core::asio::any_io_executor& executor, const CapfTools& tools, CapfVisit visit)
      : tools_(tools), visit_(std::move(visit)), connection_(executor, tools.context, "CAPF") {}

  core::Task<CapfOutcome> run(const std::function<bool(BytesView)>& trusts_server) {
    co_await connection_.connect(visit_.server, kConnectLimit);
    capf_ = connection_.certificate();
    if (!trusts_server(capf_))
      throw Error(Code::refused, "the CAPF server's certificate is not in the trust list");
    while (!over_) {
      capf::Message message;
      try {
        message = co_await receive();
      } catch (const Error& error) {
        // What was stored stays stored, also when CAPF's last word is lost.
        if (error.code() == Code::io && outcome_.end == CapfEnd::installed)
          over_ = true;
        else
          throw;
      }
      if (!over_) co_await take(std::move(message));
    }
    co_return std::move(outcome_);
  }

 private:
  core::Task<capf::Message> receive() {
    const Bytes head = co_await connection_.read(capf::kHeaderBytes, kMessageLimit);
    const capf::Header header = capf::parse_header(head);
    session_ = header.session;
    Bytes body;
    if (header.length > 0) body = co_await connection_.read(header.length, kMessageLimit);
    co_return capf::parse_body(header, body);
  }

  core::Task<void> send(capf::Message message) {
    Bytes out = capf::encode(session_, message);
    co_await connection_.write(std::move(out), kMessageLimit);
  }

  core::Task<void> take(capf::Message message) {
    if (const auto* request = std::get_if<capf::AuthRequest>(&message)) {
      capf::Message answer = authenticate(*request);
      co_await send(std::move(answer));
    } else if (const auto* generate = std::get_if<capf::KeyGenerateRequest>(&message)) {
      co_await make_key(*generate);
    } else if (const auto* store = std::get_if<capf::StoreRequest>(&message)) {
      co_await keep(*store);
    } else if (const auto* fetch = std::get_if<capf::FetchRequest>(&message)) {
      outcome_.end = CapfEnd::shown;
      capf::Message answer = show(fetch->kind);
      co_await send(std::move(answer));
    } else if (std::get_if<capf::DeleteRequest>(&message) != nullptr) {
      outcome_.end = CapfEnd::removed;
      capf::Message answer = capf::DeleteResponse{capf::Reason::ok};
      co_await send(std::move(answer));
    } else if (const auto* end = std::get_if<capf::EndSession>(&message)) {
      end_session(*end);
    } else if (const auto* later = std::get_if<capf::RetryLater>(&message)) {
      outcome_.end = CapfEnd::retry_later;
      outcome_.delay = later->delay.value_or(outcome_.delay);
      over_ = true;
    } else {
      throw Error(Code::malformed, "CAPF sent what only a phone says");
    }
  }

  capf::Message authenticate(const capf::AuthRequest& request) const {
    capf::AuthResponse answer;
    answer.device = visit_.device;
    answer.version = is_jabber(visit_.device) ? std::uint8_t{2} : capf::kVersion;
    capf::AuthType type = request.type;
    // 0 leaves the choice to the configuration, whose numbers are those of the wire.
    if (type == capf::AuthType::none) type = static_cast<capf::AuthType>(visit_.auth_mode);
    if (type == capf::AuthType::lsc || type == capf::AuthType::mic) prove(type, answer);
    if (type == capf::AuthType::password) {
      if (visit_.auth_string.empty())
        throw Error(Code::refused, "nobody typed the authentication string into this phone");
      answer.password = core::Secret(visit_.auth_string);
    }
    answer.type = type;
    return answer;
  }

  /// prove shows a certificate; a phone that has none says so by showing nothing.
  void prove(capf::AuthType type, capf::AuthResponse& answer) const {
    if (type == capf::AuthType::lsc && !visit_.lsc.empty() && visit_.lsc_key) {
      sign(capf::CertificateKind::lsc, visit_.lsc, visit_.lsc_key.get(), answer);
    } else if (!is_jabber(visit_.device)) {
      const Proof mic = tools_.maker.mic_of(visit_.device);
      sign(capf::CertificateKind::mic, mic.certificate, mic.key.get(), answer);
      core::Writer bound;
      for (int shift = 0; shift < 32; shift += 8)
        bound.u8(static_cast<std::uint8_t>(session_ >> shift));
      bound.bytes(mic.certificate);
      answer.sudi = capf::Sudi{mic.certificate, bare_signature(mic.key.get(), "SHA1", bound.view()),
                               bare_signature(mic.key.get(), "SHA512", bound.view())};
    }
  }

  void sign(capf::CertificateKind kind, const Bytes& der, EVP_PKEY* key,
            capf::AuthResponse& answer) const {
    core::Writer signed_data;
    signed_data.text(visit_.device).u8(0).bytes(der);
    answer.certificate = capf::ShownCertificate{kind, der};
    answer.sha1_signature = bare_signature(key, "SHA1", signed_data.view());
    answer.sha512_signature =
        capf::Sha2Signature{0, bare_signature(key, "SHA512", signed_data.view())};
  }

  capf::FetchResponse show(capf::CertificateKind kind) const {
    if (kind == capf::CertificateKind::lsc) return {kind, visit_.lsc, capf::Reason::ok};
    if (is_jabber(visit_.device)) return {kind, {}, capf::Reason::ok};
    return {kind, tools_.maker.mic_of(visit_.device).certificate, capf::Reason::ok};
  }

  core::Task<void> make_key(const capf::KeyGenerateRequest& request) {
    if (request.type == capf::KeyType::ec && request.curve) {
      key_ = make_ec_key(capf::curve_bits(*request.curve));
    } else {
      if (!tools_.keys.is_quick(request.bits)) {
        capf::Message wait = capf::InProgress{};
        co_await send(std::move(wait));
      }
      auto make = [this, bits = unsigned{request.bits}] { return tools_.keys.rsa(bits); };
      key_ = co_await core::run_on(tools_.pool, make);
    }
    capf::KeyGenerateResponse made{spki_of(key_.get()), std::nullopt};
    capf::Message answer = std::move(made);
    co_await send(std::move(answer));
  }

  core::Task<void> keep(const capf::StoreRequest& request) {
    std::string complaint;
    try {
      check_lsc(request.der, key_.get(), capf_);
    } catch (const Error& error) {
      complaint = error.what();
    }
    capf::Message answer =
        capf::StoreResponse{complaint.empty() ? capf::Reason::ok : capf::Reason::invalid_element};
    co_await send(std::move(answer));
    if (!complaint.empty()) throw Error(Code::refused, complaint);
    outcome_.end = CapfEnd::installed;
    outcome_.lsc = request.der;
    outcome_.key = std::move(key_);
  }

  void end_session(const capf::EndSession& end) {
    over_ = true;
    const capf::Reason reason = end.reason.value_or(capf::Reason::ok);
    if (reason == capf::Reason::invalid_element)
      throw Error(Code::refused, "CAPF refused what the phone sent (reason 7)");
    if (reason == capf::Reason::unknown_device)
      throw Error(Code::refused, "CAPF does not know this device (reason 9)");
  }

  const CapfTools& tools_;
  CapfVisit visit_;
  TlsConnection connection_;
  Bytes capf_;
  std::uint32_t session_ = 0;
  core::EvpPkey key_;
  CapfOutcome outcome_;
  bool over_ = false;
};

}  // namespace

void check_lsc(BytesView lsc, EVP_PKEY* key, BytesView capf) {
  if (key == nullptr) throw Error(Code::refused, "CAPF sent a certificate before asking for a key");
  const core::X509Cert certificate = core::parse_certificate(lsc);
  const core::X509Cert issuer = core::parse_certificate(capf);
  if (core::spki_of(*certificate) != spki_of(key))
    throw Error(Code::refused, "the LSC is not for this phone's key");
  if (X509_NAME_cmp(X509_get_issuer_name(certificate.get()), X509_get_subject_name(issuer.get())) !=
      0)
    throw Error(Code::refused, "the LSC names another issuer than CAPF");
  const core::EvpPkey issuer_key(core::ensure(X509_get_pubkey(issuer.get()), "X509_get_pubkey"));
  if (X509_verify(certificate.get(), issuer_key.get()) != 1) {
    ERR_clear_error();
    throw Error(Code::refused, "the LSC's signature is not CAPF's");
  }
}

core::Task<CapfOutcome> visit_capf(const CapfTools& tools, CapfVisit visit,
                                   const std::function<bool(BytesView)>& trusts_server) {
  const core::asio::any_io_executor executor = co_await core::asio::this_coro::executor;
  Visit session(executor, tools, std::move(visit));
  CapfOutcome outcome = co_await session.run(trusts_server);
  co_return outcome;
}

}  // namespace ringfence::fleet
