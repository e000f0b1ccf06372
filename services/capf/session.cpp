// One CAPF conversation as a state machine.
#include "services/capf/session.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/log.h"

namespace ringfence::services::capf {
namespace {

using core::Code;
using core::Error;
using core::Level;
using core::Operation;
using core::OperationStatus;

/// who_of tells whose tries of strings these are.
Throttle::Who who_of(Standing standing) {
  switch (standing) {
    case Standing::proven: return Throttle::Who::proven;
    case Standing::likely: return Throttle::Who::likely;
    case Standing::seen: return Throttle::Who::seen;
    case Standing::unknown:
    case Standing::stranger: break;
  }
  return Throttle::Who::stranger;
}

/// claim_of tells before whom a session has its seat.
Roster::Claim claim_of(const Place& place) {
  if (place.shown || place.at_home) return Roster::Claim::proven;
  return place.standing == Standing::likely ? Roster::Claim::likely : Roster::Claim::bare;
}

/// said_yes accepts an answer without a reason: what a phone leaves out means what is usual.
bool said_yes(const std::optional<Reason>& reason) {
  return reason.value_or(Reason::ok) == Reason::ok;
}

/// Each gives an alternative of a variant its own lambda.
template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

Session::Session(std::uint32_t id, std::string peer, const Parts& parts)
    : id_(id),
      peer_(std::move(peer)),
      address_(address_of(peer_)),
      parts_(parts),
      deadline_(parts.clock.now() + parts.patience.session),
      witness_(parts.records, parts.clock, peer_, phone_) {}

Session::~Session() {
  leave();
}

Turn Session::open() {
  return ask(State::auth, AuthRequest{kVersion, asked_});
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
    return retry(fmt::format("CAPF cannot do its part now: {}", error.what()));
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
  return break_off(Loss::closed, fmt::format("it sent what is no message: {}", error.what()),
                   Reason::invalid_element);
}

void Session::lost(Loss loss) noexcept {
  if (state_ == State::over) return;
  try {
    std::string why = "its connection was closed";
    if (loss == Loss::timeout) why = "it said nothing in time";
    if (loss == Loss::stopped) why = "this server stops";
    if (loss == Loss::displaced) why = "its place was given to another phone";
    core::log(Level::info, "CAPF_LOST", {{"device", phone_.name}, {"peer", peer_}, {"why", why}});
    record_loss(loss, why);
  } catch (const std::exception& error) {
    core::log(Level::error, "CAPF_OUTCOME_NOT_RECORDED",
              {{"device", phone_.name}, {"peer", peer_}, {"error", error.what()}});
  }
  leave();
}

Turn Session::step(const Message& message) {
  if (parts_.clock.now() > deadline_) {
    core::log(Level::warning, "CAPF_TOO_LONG", {{"device", phone_.name}, {"peer", peer_}});
    return break_off(Loss::timeout, "it took too long in all", Reason::no_action);
  }
  if (at_work() && !parts_.roster.has(phone_.name, id_)) return end(Reason::no_action);
  if (std::holds_alternative<EndSession>(message) || std::holds_alternative<Abort>(message)) {
    core::log(Level::info, "CAPF_LEFT", {{"device", phone_.name}, {"peer", peer_}});
    record_loss(Loss::closed, "it ended the session");
    leave();
    return {};
  }
  if (at_work() &&
      (std::holds_alternative<InProgress>(message) || std::holds_alternative<Status>(message))) {
    return stay();
  }

  switch (state_) {
    case State::auth:
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
  const std::string what(name(command_of(message)));
  core::log(Level::warning, "CAPF_UNEXPECTED",
            {{"device", phone_.name}, {"peer", peer_}, {"message", what}});
  return break_off(Loss::closed, fmt::format("it sent {} out of turn", what),
                   Reason::invalid_element);
}

Turn Session::on_auth(const AuthResponse& response) {
  if (asked_ != AuthType::none && response.device != phone_.name) {
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
  if (auto turn = refuse_identity(response)) return std::move(*turn);
  if (!parts_.roster.enter(phone_.name, address_, id_, claim_of(place()))) {
    core::log(Level::notice, "CAPF_BUSY", {{"device", phone_.name}, {"peer", peer_}});
    return retry("another session of this device is about to store a certificate");
  }
  return begin();
}

/// nothing_to_do ends as the original does: Jabber, which speaks version 2, reads reason 7 as
/// "nothing to do, you have one" (cucm-behaviour 0 and 5.6), phones read 0 so.
Turn Session::nothing_to_do() {
  return end(version_ < kVersion ? Reason::invalid_element : Reason::no_action);
}

/// refuse_request ends the session when nothing is asked of the phone, or not any more.
std::optional<Turn> Session::refuse_request() {
  const core::CapfSettings& capf = phone_.capf;
  if (capf.operation == Operation::none || capf.request == 0) return nothing_to_do();
  const auto outcome = parts_.records.outcome(phone_.name, capf.request);
  if (outcome && outcome->status == OperationStatus::success) return nothing_to_do();
  if (capf.completes_by && *capf.completes_by <= parts_.clock.now()) {
    witness_.saw(evidence::kLate, fmt::format("the phone came after {}, by which the operation was "
                                              "to be complete: ask for it anew",
                                              core::to_iso(*capf.completes_by)));
    return fail(OperationStatus::late, Reason::no_action);
  }
  // Neither mode will do: one of the two is weaker than somebody wanted, and nobody knows which.
  if (core::contradicts_profile(phone_)) {
    witness_.saw(
        evidence::kProfileMismatch,
        fmt::format("the phone's record says {} and its security profile {} fixes {}: "
                    "CAPF carries out nothing until they agree",
                    word(capf.auth_mode), phone_.security_profile, word(*phone_.profile_mode)));
    return fail(OperationStatus::invalid_credentials, Reason::invalid_element);
  }
  return std::nullopt;
}

/// refuse_identity goes by the mode of the phone's record, whatever type it answered.
std::optional<Turn> Session::refuse_identity(const AuthResponse& response) {
  const Authentication authentication({parts_.records, parts_.throttle, parts_.clock, witness_},
                                      phone_, id_, address_, who_of(place().standing));
  return std::visit(
      Overloaded{
          [this](const Authentication::Admitted& admitted) -> std::optional<Turn> {
            if (!admitted.proves) {
              place();
              place_->name_only = phone_.capf.auth_mode != core::AuthMode::null_string;
              return std::nullopt;
            }
            // A string can be guessed: from elsewhere it is worth telling. A certificate cannot.
            if (phone_.capf.auth_mode == core::AuthMode::lsc ||
                phone_.capf.auth_mode == core::AuthMode::mic)
              place_ = Place::of_proof();
            place_->shown = true;
            if (std::exchange(place_->contested, false)) place_->elsewhere.clear();
            parts_.records.saw({phone_.name, core::TrustSignKind::identified, address_, "",
                                std::string(word(phone_.capf.auth_mode)), core::sign_time()});
            return std::nullopt;
          },
          [this](const Authentication::AskFor& more) -> std::optional<Turn> {
            asked_ = more.type;
            return ask(State::auth, AuthRequest{kVersion, more.type});
          },
          [this](const Authentication::Refused& refused) -> std::optional<Turn> {
            if (!refused.status) return end(Reason::invalid_element);
            return fail(*refused.status, Reason::invalid_element);
          },
          [this](const Authentication::ComeBack& later) -> std::optional<Turn> {
            return retry(later.after);
          },
      },
      authentication.judge(response, asked_));
}

Turn Session::begin() {
  switch (phone_.capf.operation) {
    case Operation::install: return go_on(issuing().begin());
    case Operation::remove: return ask(State::remove, DeleteRequest{CertificateKind::lsc});
    case Operation::troubleshoot: return ask(State::fetch_lsc, FetchRequest{CertificateKind::lsc});
    case Operation::none: break;
  }
  return end(Reason::no_action);
}

Turn Session::on_key(const KeyGenerateResponse& response) {
  look_again();
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
    witness_.saw(evidence::kWrongKey, "the phone answered that it cannot make the key");
    return fail(OperationStatus::key_generation_failed, Reason::no_action);
  }
  // From here to the phone's answer no other session may take over.
  if (!parts_.roster.busy(phone_.name, id_)) return end(Reason::no_action);
  return go_on(issuing().certify(response.spki));
}

Turn Session::go_on(Issuing::Next next) {
  return std::visit(
      Overloaded{
          [this](const Issuing::Ask& more) { return ask(State::key, more.request); },
          [this](Issuing::Store& ready) { return store(std::move(ready.certificate)); },
          [this](const Issuing::Wait&) { return end(Reason::no_action); },
          [this](const Issuing::Failed& failed) { return fail(failed.status, failed.reason); },
          [this](const Issuing::Unproven&) {
            return fail(OperationStatus::unproven, Reason::invalid_element);
          },
          [this](const Issuing::Later&) { return retry(spread()); },
      },
      next);
}

Turn Session::store(core::IssuedCertificate certificate) {
  if (!parts_.roster.busy(phone_.name, id_)) return end(Reason::no_action);
  serial_ = std::move(certificate.serial);
  deadline_ = std::min(deadline_, parts_.clock.now() + parts_.patience.store);
  return ask(State::store, StoreRequest{CertificateKind::lsc, std::move(certificate.der)});
}

Issuing Session::issuing() {
  return Issuing({parts_.records, parts_.issuer, parts_.ca_failures, parts_.clock, witness_},
                 phone_, version_, peer_, place());
}

/// look_if_possible is for a word that must not be lost: what was known before will do.
void Session::look_if_possible() {
  try {
    look_again();
  } catch (const Error& error) {
    core::log(Level::warning, "CAPF_PLACE_UNREADABLE",
              {{"device", phone_.name}, {"peer", peer_}, {"error", error.what()}});
  }
}

Turn Session::on_store(const StoreResponse& response) {
  look_if_possible();
  if (!said_yes(response.reason)) {
    witness_.saw(evidence::kNotStored,
                 fmt::format("the phone did not store the certificate: it answered with reason {}",
                             static_cast<int>(*response.reason)));
    return fail(OperationStatus::failed, Reason::no_action);
  }
  const std::string elsewhere = place().counts() ? "" : place().elsewhere;
  parts_.records.confirmed(serial_, parts_.clock.now(), elsewhere);
  core::log(Level::notice, "CAPF_CONFIRMED",
            {{"device", phone_.name}, {"serial", core::to_hex(serial_)}, {"peer", peer_}});
  if (!place().elsewhere.empty()) {
    witness_.saw(
        evidence::kElsewhere,
        place().contested
            ? fmt::format("an LSC went to one of several addresses that register as this phone "
                          "(also {}), and nobody knows which of them is the phone",
                          place().elsewhere)
            : fmt::format("an LSC went to an address that is not known of this phone, which was "
                          "last seen at {}",
                          place().elsewhere));
  }
  return end(Reason::ok);
}

Turn Session::on_remove(const DeleteResponse& response) {
  look_if_possible();
  if (!said_yes(response.reason)) {
    witness_.saw(evidence::kNotDeleted,
                 fmt::format("the phone did not delete its LSC: it answered with reason {}",
                             static_cast<int>(*response.reason)));
    return fail(OperationStatus::failed, Reason::no_action);
  }
  if (!place().counts())
    return unproven("said that it has deleted its LSC, which counts for nothing");
  parts_.records.removed(phone_.name, phone_.capf.request, parts_.clock.now());
  core::log(Level::notice, "CAPF_REMOVED", {{"device", phone_.name}, {"peer", peer_}});
  return end(Reason::ok);
}

Turn Session::on_fetch(const FetchResponse& response) {
  look_again();
  const bool lsc = state_ == State::fetch_lsc;
  (lsc ? shown_lsc_ : shown_mic_) = response.der;
  try {
    if (!response.der.empty() && place().counts())
      parts_.records.fetched(phone_.name, lsc ? CertificateKind::lsc : CertificateKind::mic,
                             response.der);
  } catch (const Error& error) {
    if (error.code() != Code::malformed) throw;
    // It would show the same again: this one is the phone's fault.
    witness_.saw(evidence::kNotShown, fmt::format("what the phone showed as its {} is none: {}",
                                                  lsc ? "LSC" : "MIC", error.what()));
    return fail(OperationStatus::failed, Reason::invalid_element);
  }
  if (lsc) return ask(State::fetch_mic, FetchRequest{CertificateKind::mic});
  if (!place().counts()) return unproven("showed certificates as its own, which were not kept");
  if (shown_lsc_.empty() && shown_mic_.empty()) {
    witness_.saw(evidence::kNotShown, "the phone showed neither an LSC nor a MIC");
    return fail(OperationStatus::failed, Reason::no_action);
  }
  believe_what_was_shown();
  finish(OperationStatus::success);
  return end(Reason::ok);
}

}  // namespace ringfence::services::capf
