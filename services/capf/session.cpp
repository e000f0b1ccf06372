// One CAPF conversation as a state machine.
#include "services/capf/session.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/log.h"
#include "services/capf/public_key.h"

namespace ringfence::services::capf {
namespace {

using core::AuthMode;
using core::Code;
using core::Error;
using core::KeyOrder;
using core::Level;
using core::Operation;
using core::OperationStatus;

/// Jabber's version knows neither key types nor curves.
constexpr std::uint8_t kFirstVersionWithCurves = 3;

Curve curve_of(int bits) {
  switch (bits) {
    case 256: return Curve::p256;
    case 521: return Curve::p521;
    default: return Curve::p384;
  }
}

/// address_of takes the port off "address:port": each connection has another one.
std::string_view address_of(std::string_view peer) {
  return peer.substr(0, peer.rfind(':'));
}

/// said_yes accepts an answer without a reason: what a phone leaves out means what is usual.
bool said_yes(const std::optional<Reason>& reason) {
  return reason.value_or(Reason::ok) == Reason::ok;
}

}  // namespace

Session::Session(std::uint32_t id, std::string peer, const Parts& parts)
    : id_(id),
      peer_(std::move(peer)),
      parts_(parts),
      deadline_(parts.clock.now() + parts.patience.session) {}

Session::~Session() {
  leave();
}

Turn Session::open() {
  return ask(State::auth, AuthRequest{kVersion, AuthType::none});
}

Turn Session::feed(const Message& message) {
  if (state_ == State::over) return end(Reason::no_action);
  try {
    return step(message);
  } catch (const Error& error) {
    // What a record or a signature could not do now is not the phone's fault: it comes back, and
    // the operation is still pending.
    core::log(Level::error, "CAPF_POSTPONED",
              {{"device", phone_.name}, {"peer", peer_}, {"error", error.what()}});
    return retry();
  }
}

void Session::sent() {
  if (state_ != State::store || serial_.empty()) return;
  try {
    parts_.records.delivered(serial_, parts_.clock.now());
  } catch (const Error& error) {
    // The phone's confirmation will say as much; without it the certificate counts as stale.
    core::log(Level::error, "CAPF_DELIVERY_NOT_RECORDED",
              {{"device", phone_.name}, {"peer", peer_}, {"error", error.what()}});
  }
}

Turn Session::reject(const Error& error) {
  core::log(Level::warning, "CAPF_MALFORMED",
            {{"device", phone_.name}, {"peer", peer_}, {"error", error.what()}});
  return end(Reason::invalid_element);
}

void Session::lost(Loss loss) noexcept {
  if (state_ == State::over) return;
  const bool gave_up_on_key = state_ == State::key && loss == Loss::timeout;
  core::log(Level::info, "CAPF_LOST",
            {{"device", phone_.name},
             {"peer", peer_},
             {"why", loss == Loss::timeout ? "the phone said nothing in time" : "closed by peer"}});
  try {
    if (gave_up_on_key && parts_.roster.has(phone_.name, id_)) {
      finish(OperationStatus::key_generation_failed);
    }
  } catch (const std::exception& error) {
    core::log(Level::error, "CAPF_OUTCOME_NOT_RECORDED",
              {{"device", phone_.name}, {"error", error.what()}});
  }
  leave();
}

Turn Session::step(const Message& message) {
  if (parts_.clock.now() > deadline_) {
    core::log(Level::warning, "CAPF_TOO_LONG", {{"device", phone_.name}, {"peer", peer_}});
    return state_ == State::key ? fail(OperationStatus::key_generation_failed, Reason::no_action)
                                : end(Reason::no_action);
  }
  if (std::holds_alternative<EndSession>(message)) {
    core::log(Level::info, "CAPF_LEFT", {{"device", phone_.name}, {"peer", peer_}});
    leave();
    return {};
  }
  const bool working = state_ != State::auth && state_ != State::password;
  if (working && !parts_.roster.has(phone_.name, id_)) return end(Reason::no_action);
  if (working && std::holds_alternative<InProgress>(message)) return stay();

  switch (state_) {
    case State::auth:
    case State::password:
      if (const auto* response = std::get_if<AuthResponse>(&message)) return on_auth(*response);
      break;
    case State::key:
      if (const auto* key = std::get_if<KeyGenerateResponse>(&message)) return on_key(*key);
      break;
    case State::store:
      if (const auto* stored = std::get_if<StoreResponse>(&message)) return on_store(*stored);
      break;
    case State::remove:
      if (const auto* removed = std::get_if<DeleteResponse>(&message)) return on_remove(*removed);
      break;
    case State::fetch_lsc:
    case State::fetch_mic:
      if (const auto* fetched = std::get_if<FetchResponse>(&message)) return on_fetch(*fetched);
      break;
    case State::fresh:
    case State::over: break;
  }
  core::log(Level::warning, "CAPF_UNEXPECTED",
            {{"device", phone_.name},
             {"peer", peer_},
             {"message", std::string(name(command_of(message)))}});
  return end(Reason::invalid_element);
}

Turn Session::on_auth(const AuthResponse& response) {
  if (state_ == State::password && response.device != phone_.name) {
    core::log(Level::warning, "CAPF_NAME_CHANGED", {{"device", phone_.name}, {"peer", peer_}});
    return end(Reason::invalid_element);
  }
  const std::optional<core::Phone> phone = parts_.records.phone(response.device);
  if (!phone) {
    core::log(Level::notice, "CAPF_UNKNOWN_DEVICE", {{"device", response.device}, {"peer", peer_}});
    return end(Reason::unknown_device);
  }
  phone_ = *phone;
  version_ = response.version.value_or(kVersion);
  if (auto turn = refuse_request()) return std::move(*turn);
  if (auto turn = check_identity(response)) return std::move(*turn);
  if (!parts_.roster.enter(phone_.name, id_)) {
    core::log(Level::notice, "CAPF_BUSY", {{"device", phone_.name}, {"peer", peer_}});
    return retry();
  }
  return begin();
}

/// refuse_request ends the session when nothing is asked of the phone, or not any more.
std::optional<Turn> Session::refuse_request() {
  const core::CapfSettings& capf = phone_.capf;
  if (capf.operation == Operation::none || capf.request == 0) return end(Reason::no_action);
  const auto outcome = parts_.records.outcome(phone_.name, capf.request);
  if (outcome && outcome->status == OperationStatus::success) return end(Reason::no_action);
  if (capf.completes_by && *capf.completes_by <= parts_.clock.now()) {
    return fail(OperationStatus::late, Reason::no_action);
  }
  return std::nullopt;
}

/// check_identity judges the phone by the mode of its record, whatever type it answered.
std::optional<Turn> Session::check_identity(const AuthResponse& response) {
  switch (phone_.capf.auth_mode) {
    case AuthMode::null_string: return std::nullopt;
    case AuthMode::lsc: return fail(OperationStatus::invalid_lsc, Reason::invalid_element);
    case AuthMode::mic: return fail(OperationStatus::invalid_mic, Reason::invalid_element);
    case AuthMode::auth_string: break;
  }
  if (response.password.empty() && state_ == State::auth) {
    return ask(State::password, AuthRequest{kVersion, AuthType::password});
  }
  const core::Time now = parts_.clock.now();
  if (const auto again_at = parts_.throttle.attempt(phone_.name, address_of(peer_), now)) {
    core::log(Level::warning, "CAPF_THROTTLED", {{"device", phone_.name}, {"peer", peer_}});
    return retry(*again_at - now);
  }
  const std::string& expected = phone_.capf.auth_string;
  if (expected.empty() || !response.password.equals(core::bytes_of(expected))) {
    return fail(OperationStatus::invalid_auth_string, Reason::invalid_element);
  }
  parts_.throttle.succeeded(phone_.name, address_of(peer_));
  return std::nullopt;
}

Turn Session::begin() {
  switch (phone_.capf.operation) {
    case Operation::install: return ask_for_key();
    case Operation::remove: return ask(State::remove, DeleteRequest{CertificateKind::lsc});
    case Operation::troubleshoot: return ask(State::fetch_lsc, FetchRequest{CertificateKind::lsc});
    case Operation::none: break;
  }
  return end(Reason::no_action);
}

Turn Session::ask_for_key() {
  const core::CapfSettings& capf = phone_.capf;
  KeyGenerateRequest request;
  request.bits = static_cast<std::uint16_t>(capf.key_order == KeyOrder::ec_only ? capf.ec_bits
                                                                                : capf.rsa_bits);
  if (version_ < kFirstVersionWithCurves) {
    if (capf.key_order == KeyOrder::ec_only) {
      return fail(OperationStatus::ec_unsupported, Reason::no_action);
    }
  } else if (capf.key_order == KeyOrder::rsa_only) {
    request.type = KeyType::rsa;
  } else {
    request.type = KeyType::ec;
    request.curve = curve_of(capf.ec_bits);
  }
  return ask(State::key, request);
}

Turn Session::on_key(const KeyGenerateResponse& response) {
  // Half an hour may have passed: is this still what the administrator wants?
  const auto phone = parts_.records.phone(phone_.name);
  if (!phone || phone->capf.request != phone_.capf.request ||
      phone->capf.operation != phone_.capf.operation) {
    core::log(Level::notice, "CAPF_WITHDRAWN", {{"device", phone_.name}, {"peer", peer_}});
    return end(Reason::no_action);
  }
  phone_.capf.completes_by = phone->capf.completes_by;  // which may be changed without asking anew
  if (auto turn = refuse_request()) return std::move(*turn);

  if (response.spki.empty()) {
    return fail(OperationStatus::key_generation_failed, Reason::no_action);
  }
  if (!key_fits(response.spki)) {
    return fail(OperationStatus::key_generation_failed, Reason::invalid_element);
  }
  // From here to the phone's answer no other session may take over.
  if (!parts_.roster.busy(phone_.name, id_)) return end(Reason::no_action);
  return issue(response.spki);
}

bool Session::key_fits(core::BytesView spki) const {
  const core::CapfSettings& capf = phone_.capf;
  try {
    const PublicKey key = read_public_key(spki);
    const bool right = key.type == KeyType::rsa
                           ? capf.key_order != KeyOrder::ec_only && key.bits == capf.rsa_bits
                           : capf.key_order != KeyOrder::rsa_only && key.bits == capf.ec_bits &&
                                 version_ >= kFirstVersionWithCurves;
    if (right) return true;
    core::log(Level::warning, "CAPF_WRONG_KEY",
              {{"device", phone_.name}, {"peer", peer_}, {"key", describe(key)}});
  } catch (const Error& error) {
    core::log(Level::warning, "CAPF_WRONG_KEY",
              {{"device", phone_.name}, {"peer", peer_}, {"error", error.what()}});
  }
  return false;
}

Turn Session::issue(core::BytesView spki) {
  core::IssuedCertificate certificate;
  try {
    const std::chrono::days validity(parts_.records.policy().validity_days);
    certificate = parts_.issuer.issue(phone_, spki, validity, parts_.clock.now());
  } catch (const Error& error) {
    core::log(Level::error, "CAPF_NOT_SIGNED",
              {{"device", phone_.name}, {"peer", peer_}, {"error", error.what()}});
    switch (error.code()) {
      case Code::malformed:
        return fail(OperationStatus::key_generation_failed, Reason::invalid_element);
      case Code::refused: return fail(OperationStatus::ca_rejected, Reason::no_action);
      case Code::not_found:
      case Code::conflict:
      case Code::hsm_unavailable:
      case Code::hsm_locked:
      case Code::io:
      case Code::internal: return retry();
    }
  }
  parts_.records.issued(certificate);
  serial_ = certificate.serial;
  deadline_ = std::min(deadline_, parts_.clock.now() + parts_.patience.store);
  core::log(Level::info, "CAPF_ISSUED",
            {{"device", phone_.name},
             {"serial", core::to_hex(serial_)},
             {"key", certificate.key},
             {"issuer", certificate.issuer}});
  return ask(State::store, StoreRequest{CertificateKind::lsc, std::move(certificate.der)});
}

Turn Session::on_store(const StoreResponse& response) {
  if (!said_yes(response.reason)) return fail(OperationStatus::failed, Reason::no_action);
  parts_.records.confirmed(serial_, parts_.clock.now());
  core::log(Level::notice, "CAPF_CONFIRMED",
            {{"device", phone_.name}, {"serial", core::to_hex(serial_)}, {"peer", peer_}});
  return end(Reason::ok);
}

Turn Session::on_remove(const DeleteResponse& response) {
  if (!said_yes(response.reason)) return fail(OperationStatus::failed, Reason::no_action);
  parts_.records.removed(phone_.name, phone_.capf.request, parts_.clock.now());
  core::log(Level::notice, "CAPF_REMOVED", {{"device", phone_.name}, {"peer", peer_}});
  return end(Reason::ok);
}

Turn Session::on_fetch(const FetchResponse& response) {
  const bool lsc = state_ == State::fetch_lsc;
  try {
    if (!response.der.empty()) {
      parts_.records.fetched(phone_.name, lsc ? CertificateKind::lsc : CertificateKind::mic,
                             response.der);
    }
  } catch (const Error& error) {
    if (error.code() != Code::malformed) throw;
    // It would show the same again: this one is the phone's fault.
    core::log(Level::warning, "CAPF_NO_CERTIFICATE",
              {{"device", phone_.name}, {"peer", peer_}, {"error", error.what()}});
    return fail(OperationStatus::failed, Reason::invalid_element);
  }
  if (lsc) return ask(State::fetch_mic, FetchRequest{CertificateKind::mic});
  finish(OperationStatus::success);
  return end(Reason::ok);
}

Turn Session::ask(State state, Message message) {
  state_ = state;
  Turn turn = stay();
  turn.send = std::move(message);
  return turn;
}

Turn Session::stay() {
  const auto left = deadline_ - parts_.clock.now();
  const auto wait = state_ == State::key ? parts_.patience.key : parts_.patience.message;
  return {{}, std::clamp(left, std::chrono::seconds(1), wait)};
}

Turn Session::end(Reason reason) {
  leave();
  return {EndSession{reason}, {}};
}

Turn Session::fail(OperationStatus status, Reason reason) {
  finish(status);
  return end(reason);
}

Turn Session::retry(std::chrono::seconds delay) {
  leave();
  return {RetryLater{delay}, {}};
}

Turn Session::retry() {
  const auto spread = std::max<std::chrono::seconds::rep>(parts_.patience.retry.count(), 1);
  return retry(parts_.patience.retry + std::chrono::seconds(id_ % spread));
}

/// leave gives the seat back at once: the phone may begin anew before its connection has closed.
void Session::leave() {
  state_ = State::over;
  parts_.roster.leave(phone_.name, id_);
}

/// finish records the outcome, unless another session works on the request or has completed it:
/// a stranger who only knows a device's name must not change what became of it.
void Session::finish(OperationStatus status) {
  core::log(status == OperationStatus::success ? Level::notice : Level::warning, "CAPF_FINISHED",
            {{"device", phone_.name},
             {"peer", peer_},
             {"status", core::describe(phone_.capf.operation, status)}});
  if (parts_.roster.taken_by_another(phone_.name, id_)) return;
  const auto before = parts_.records.outcome(phone_.name, phone_.capf.request);
  if (before && before->status == OperationStatus::success) return;
  parts_.records.finished(
      {phone_.name, phone_.capf.request, phone_.capf.operation, status, parts_.clock.now()});
}

}  // namespace ringfence::services::capf
