#include "services/admin/jobs/bulk_watch.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/phones/trust_sign.h"

namespace ringfence::services::admin {

using core::ItemState;
using core::JobItem;
using core::OperationStatus;
using core::Outcome;
using core::ResetRow;
using core::Time;

namespace {

constexpr int kNoAnswer = 408;  // RFC 3261 section 21.4.9

/// tried_again tells whether a phone comes back by itself after this failure.
bool tried_again(OperationStatus status) {
  return status == OperationStatus::communication_failure ||
         status == OperationStatus::ca_communication_failure;
}

bool is_pending(ItemState state) {
  return state == ItemState::applied || state == ItemState::enrolling || state == ItemState::away;
}

/// unproven_text tells who came in the phone's name, and what the phone may still do.
std::string unproven_text(const Outcome& outcome) {
  return fmt::format(
      "{} did it, which is not known to be the phone's address; the operation stays open for the "
      "phone",
      outcome.peer.substr(0, outcome.peer.rfind(':')));
}

/// is_strangers tells a failure that somebody brought about who is not where the phone is, or may
/// not be: where several addresses register, nobody knows which is the phone's. Anybody can come in
/// its name.
bool is_strangers(const Outcome& outcome, const PhoneLook& look) {
  if (outcome.status == OperationStatus::success || outcome.status == OperationStatus::unproven ||
      outcome.peer.empty())
    return false;
  const std::string from = core::address_text(outcome.peer);
  if (look.trust.proof == core::AddressProof::identified) return from != look.trust.home;
  if (look.addresses.empty()) return false;
  return look.addresses.size() > 1 || !look.addresses.contains(from);
}

}  // namespace

BulkWatch::BulkWatch(std::vector<JobItem> items, const std::vector<ResetRow>& resets,
                     Time completes_by, const WavePace& pace)
    : waves_(std::move(items), pace), completes_by_(completes_by) {
  for (const std::string& name : waves_.followed()) keep_up(waves_.at(name).item);
  for (const ResetRow& one : resets)
    if (waves_.has(one.device) && one.sent_at >= waves_.at(one.device).item.changed)
      untold_.erase(one.device);
}

/// keep_up notes what the state of an item that has just come into it means.
void BulkWatch::keep_up(const JobItem& item) {
  const std::string& name = item.phone;
  if (item.state == ItemState::applied)
    untold_.insert(name);
  else
    untold_.erase(name);
  if (item.state == ItemState::cancelled && item.detail == kTakenBack)
    taken_back_.insert(name);
  else
    taken_back_.erase(name);
  if (core::ended(item.state)) doubtful_.erase(name);
}

std::vector<JobItem> BulkWatch::next_wave(Time now) {
  std::vector<JobItem> wave;
  for (const std::string& name : waves_.next(now)) wave.push_back(waves_.at(name).item);
  return wave;
}

void BulkWatch::take(const std::vector<JobItem>& items) {
  for (const JobItem& item : items) {
    waves_.set(item);
    keep_up(item);
  }
}

BulkWatch::ToTell BulkWatch::to_tell() const {
  ToTell names;
  for (const std::string& name : untold_)
    if (waves_.in(ItemState::applied).contains(name))  // not one that was removed since
      (waves_.at(name).asked_again == 0 ? names.first : names.again).push_back(name);
  return names;
}

void BulkWatch::told(const std::vector<std::string>& phones,
                     const std::vector<std::string>& not_registered, Time now) {
  for (const std::string& name : phones) {
    untold_.erase(name);
    waves_.retouch(name, now);
    waves_.look_at(name, now + kAnsweredWithin);
  }
  for (const std::string& name : not_registered) {
    if (!waves_.in(ItemState::applied).contains(name)) continue;
    waves_.move(name, ItemState::away, "it is not registered", now);
    waves_.look_at(name, now + kTellAgainAfter);
  }
}

bool BulkWatch::tell_again(const WavePhone& phone, WaveNext& next) {
  if (phone.asked_again == kAgainAtMost) return false;
  untold_.insert(phone.item.phone);
  next = {ItemState::applied, "", true};
  return true;
}

void BulkWatch::judge_outcome(const JobItem& item, const Outcome& outcome, Limits& limits,
                              WaveNext& next) {
  const ItemState state = next.state;
  if (state == ItemState::waiting || state == ItemState::succeeded || state == ItemState::removed ||
      outcome.request < item.request)
    return;
  if (state == ItemState::cancelled) {
    if (taken_back_.contains(item.phone) && outcome.request == item.request &&
        outcome.status == OperationStatus::success)
      next = {ItemState::succeeded};
    return;
  }
  if (outcome.request > item.request) {
    if (is_pending(state))
      next = {ItemState::failed, "another operation was asked for it meanwhile"};
    return;
  }
  const std::string words = core::describe(outcome.operation, outcome.status);
  switch (outcome.status) {
    case OperationStatus::none:
    case OperationStatus::pending: return;
    case OperationStatus::success: next = {ItemState::succeeded}; return;
    case OperationStatus::late:
      if (is_pending(state)) next = {ItemState::expired, words};
      return;
    case OperationStatus::unproven: next = {ItemState::unproven, unproven_text(outcome)}; return;
    default: break;  // a failure, whatever its reason
  }
  // It fails when as much time has passed, not more.
  if (is_pending(state) && tried_again(outcome.status) &&
      !limits.over(outcome.at, kTriesWithin - std::chrono::seconds(1))) {
    doubtful_[item.phone] = words;
    return;
  }
  next = {ItemState::failed, words};
}

void BulkWatch::judge_reset(const WavePhone& phone, const PhoneLook& look, Limits& limits,
                            WaveNext& next) {
  const JobItem& item = phone.item;
  if (untold_.contains(item.phone)) return;
  const ResetRow* reset = look.reset ? &*look.reset : nullptr;
  // A phone that is told again has its earlier row until the registrar sends the next NOTIFY.
  if (reset != nullptr && reset->sent_at < item.changed) reset = nullptr;
  if (reset == nullptr) {
    if (limits.over(item.changed, kSentWithin) && !tell_again(phone, next))
      next = {ItemState::away, "the NOTIFY was never sent"};
  } else if (!reset->answered_at) {
    if (limits.over(reset->sent_at, kAnsweredWithin) && !tell_again(phone, next))
      next = {ItemState::away, "it did not answer the NOTIFY"};
  } else if (reset->status >= 300) {
    next = {ItemState::away, reset->status == kNoAnswer
                                 ? "it did not answer the NOTIFY"
                                 : fmt::format("it refused the NOTIFY ({})", reset->status)};
  } else {
    next = {ItemState::enrolling};
  }
}

/// judge_silence: the phone is away, or was told and is not heard of.
void BulkWatch::judge_silence(const WavePhone& phone, const PhoneLook& look, Limits& limits,
                              WaveNext& next) {
  const JobItem& item = phone.item;
  // One that registered anew has read its configuration on the way.
  const bool stayed = std::ranges::any_of(look.contacts, [&](const core::Registration& one) {
    return one.registered_at <= item.changed;
  });
  if (!stayed || doubtful_.contains(item.phone)) return;
  const std::chrono::seconds within =
      next.state == ItemState::away ? kTellAgainAfter : std::chrono::seconds(kSilentFor);
  if (limits.over(item.changed, within)) tell_again(phone, next);
}

WaveNext BulkWatch::judge(const WavePhone& phone, const PhoneLook& look, Limits& limits) {
  const JobItem& item = phone.item;
  WaveNext next{item.state, item.detail};
  doubtful_.erase(item.phone);
  for (const Outcome& outcome : look.outcomes)
    if (!is_strangers(outcome, look)) judge_outcome(item, outcome, limits, next);
  if (next.state == item.state) {
    if (next.state == ItemState::applied)
      judge_reset(phone, look, limits, next);
    else if (next.state == ItemState::enrolling || next.state == ItemState::away)
      judge_silence(phone, look, limits, next);
  }
  if (next.state != item.state && next.state != ItemState::applied) {
    JobItem moved = item;
    moved.state = next.state;
    moved.detail = next.detail;
    keep_up(moved);
    // What it does from there on has limits of its own.
    if (!core::ended(next.state)) limits.look_again(kTellAgainAfter + std::chrono::seconds(1));
  }
  return next;
}

void BulkWatch::end_if_late(Time now) {
  if (now < completes_by_ + kGrace || finished()) return;
  const std::set<std::string> waiting = waves_.in(ItemState::waiting);
  for (const std::string& name : waiting)
    waves_.move(name, ItemState::expired, "its turn did not come in time", now);
  for (const JobItem& item : to_withdraw()) {
    const auto failure = doubtful_.find(item.phone);
    if (failure != doubtful_.end())
      waves_.move(item.phone, ItemState::failed, std::string(failure->second), now);
    else if (item.state == ItemState::away)
      waves_.move(item.phone, ItemState::unreachable, item.detail, now);
    else
      waves_.move(item.phone, ItemState::expired, "it did not end the operation in time", now);
    keep_up(waves_.at(item.phone).item);
  }
}

std::vector<JobItem> BulkWatch::to_withdraw() const {
  std::vector<JobItem> items;
  for (const ItemState state : {ItemState::applied, ItemState::enrolling, ItemState::away})
    for (const std::string& name : waves_.in(state)) items.push_back(waves_.at(name).item);
  return items;
}

}  // namespace ringfence::services::admin
