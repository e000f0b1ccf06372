// How a CAPF conversation ends, and what it came to.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/log.h"
#include "services/capf/session.h"

namespace ringfence::services::capf {

using core::Level;
using core::OperationStatus;

/// unproven ends a session that did its part from an address that is not known to be the phone's:
/// nothing of the phone's changes, and the operation stays open for it.
Turn Session::unproven(std::string what) {
  witness_.saw(evidence::kAnsweredElsewhere,
               fmt::format("an address that is not known to be this phone's (which is known at {}) "
                           "{}; the operation stays open for the phone",
                           place().elsewhere, what));
  finish(OperationStatus::unproven);
  return end(Reason::ok);
}

/// believe_what_was_shown corrects the journal by the LSC that the phone has, or has not.
void Session::believe_what_was_shown() {
  if (parts_.records.showed(phone_.name, shown_lsc_, parts_.clock.now())) return;
  witness_.saw(evidence::kUnknownLsc,
               "the phone showed an LSC that is not on record here: another CAPF issued it");
}

bool Session::at_work() const noexcept {
  return state_ != State::fresh && state_ != State::auth && state_ != State::over;
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

/// break_off ends a session whose phone did not do its part.
Turn Session::break_off(Loss loss, const std::string& why, Reason reason) {
  record_loss(loss, why);
  return end(reason);
}

std::string_view Session::task_of(State state) noexcept {
  switch (state) {
    case State::key: return "make its key";
    case State::store: return "store its certificate";
    case State::remove: return "delete its LSC";
    case State::fetch_lsc: return "show its LSC";
    case State::fetch_mic: return "show its MIC";
    case State::fresh:
    case State::auth:
    case State::over: break;
  }
  return "answer";
}

void Session::record_loss(Loss loss, const std::string& why) {
  const bool ours = loss == Loss::stopped || loss == Loss::displaced;
  if (!at_work() || ours || !parts_.roster.has(phone_.name, id_)) return;
  witness_.saw(evidence::kLost, fmt::format("the phone was to {}, and {}", task_of(state_), why));
  const bool no_key = state_ == State::key && loss == Loss::timeout;
  finish(no_key ? OperationStatus::key_generation_failed : OperationStatus::communication_failure);
}

Turn Session::retry(std::chrono::seconds delay) {
  leave();
  return {RetryLater{delay}, {}};
}

Turn Session::retry(const std::string& why) {
  witness_.saw(evidence::kRetryLater, why);
  return retry(spread());
}

/// spread keeps phones that were sent away together from returning together.
std::chrono::seconds Session::spread() const {
  const auto most = std::max<std::chrono::seconds::rep>(parts_.patience.retry.count(), 1);
  return parts_.patience.retry + std::chrono::seconds(id_ % most);
}

/// leave gives the seat back at once: the phone may begin anew before its connection has closed.
void Session::leave() {
  state_ = State::over;
  parts_.roster.leave(phone_.name, id_);
}

/// place returns what the peer's address is to the phone, as it was when that was last looked up.
const Place& Session::place() {
  if (!place_) place_.emplace(parts_.records.whereabouts(phone_.name), address_);
  return *place_;
}

/// look_again is for who showed nothing: a phone is known by what came to be known of it since.
void Session::look_again() {
  if (place().shown) return;
  const bool name_only = place_->name_only;
  place_.emplace(parts_.records.whereabouts(phone_.name), address_);
  place_->name_only = name_only;
}

/// finish records the outcome, unless another session from there works on the request, or one has
/// completed it, or it failed and the peer is not where the phone is, or may not be: a stranger who
/// only knows a device's name must not change what became of it.
void Session::finish(OperationStatus status) {
  core::log(status == OperationStatus::success ? Level::notice : Level::warning, "CAPF_FINISHED",
            {{"device", phone_.name},
             {"peer", peer_},
             {"status", core::describe(phone_.capf.operation, status)}});
  if (parts_.roster.others_at(phone_.name, address_, id_) > 0) return;
  if (status != OperationStatus::success && status != OperationStatus::unproven) {
    look_again();
    const bool nobody_knows = place().standing == Standing::unknown;
    if (!place().counts()) return;
    if (nobody_knows && parts_.roster.others(phone_.name, id_) > 0) return;
  }
  const auto before = parts_.records.outcome(phone_.name, phone_.capf.request);
  if (before && before->status == OperationStatus::success) return;
  parts_.records.finished(
      {phone_.name, phone_.capf.request, phone_.capf.operation, status, parts_.clock.now(), peer_});
}

}  // namespace ringfence::services::capf
