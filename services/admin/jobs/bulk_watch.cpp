#include "services/admin/jobs/bulk_watch.h"

#include <algorithm>

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
/// not be: where several addresses register, nobody knows which is the phone's.
bool is_strangers(const Outcome& outcome, const BulkEvidence& evidence) {
  if (outcome.status == OperationStatus::success || outcome.status == OperationStatus::unproven ||
      outcome.peer.empty())
    return false;
  const auto homes = evidence.homes.find(outcome.phone);
  if (homes == evidence.homes.end() || homes->second.empty()) return false;
  if (homes->second.size() > 1) return true;
  return !homes->second.contains(core::address_text(outcome.peer));
}

}  // namespace

BulkWatch::BulkWatch(std::vector<JobItem> items, const std::vector<ResetRow>& resets,
                     Time completes_by)
    : completes_by_(completes_by) {
  phones_.reserve(items.size());
  for (JobItem& item : items) {
    index(item, ItemState::succeeded);
    std::string name = item.phone;
    phones_.emplace(std::move(name), Phone{std::move(item)});
  }
  for (const ResetRow& one : resets) {
    const auto found = phones_.find(one.device);
    if (found != phones_.end() && one.sent_at >= found->second.item.changed)
      found->second.told = true;
  }
}

void BulkWatch::index(const JobItem& item, ItemState before) {
  const std::string& name = item.phone;
  if (before == ItemState::away) --away_;
  if (item.state == ItemState::away) ++away_;
  const auto keep = [&](std::set<std::string>& names, bool in) {
    if (in) {
      names.insert(name);
    } else {
      names.erase(name);
    }
  };
  keep(waiting_, item.state == ItemState::waiting);
  keep(pending_, is_pending(item.state));
  keep(applied_, item.state == ItemState::applied);
  keep(taken_back_, item.state == ItemState::cancelled && item.detail == kTakenBack);
  keep(on_way_, item.state == ItemState::applied || item.state == ItemState::enrolling);
  if (core::ended(item.state)) doubtful_.erase(name);
}

void BulkWatch::move(Phone& phone, ItemState state, const std::string& detail, Time now,
                     std::vector<JobItem>& moved) {
  const ItemState before = phone.item.state;
  phone.item.state = state;
  phone.item.detail = detail;
  phone.item.changed = now;
  index(phone.item, before);
  moved.push_back(phone.item);
}

std::vector<JobItem> BulkWatch::next_wave(std::size_t room, Time now) {
  for (auto name = on_way_.begin(); name != on_way_.end();) {
    const bool long_ago = now - phones_.at(*name).item.changed > kOnWayFor;
    name = long_ago && !applied_.contains(*name) ? on_way_.erase(name) : std::next(name);
  }
  std::vector<JobItem> wave;
  for (const std::string& name : waiting_) {
    if (on_way_.size() + wave.size() >= room) break;
    wave.push_back(phones_.at(name).item);
  }
  return wave;
}

void BulkWatch::take(const std::vector<JobItem>& items) {
  for (const JobItem& item : items) {
    Phone& phone = phones_.at(item.phone);
    const ItemState before = phone.item.state;
    phone.item = item;
    index(item, before);
  }
}

BulkWatch::ToTell BulkWatch::to_tell() const {
  ToTell names;
  for (const std::string& name : applied_) {
    const Phone& phone = phones_.at(name);
    if (!phone.told) (phone.again == 0 ? names.first : names.again).push_back(name);
  }
  return names;
}

std::vector<JobItem> BulkWatch::told(const std::vector<std::string>& phones,
                                     const std::vector<std::string>& not_registered, Time now) {
  std::vector<JobItem> moved;
  for (const std::string& name : phones) {
    Phone& phone = phones_.at(name);
    phone.told = true;
    phone.item.changed = now;
  }
  for (const std::string& name : not_registered) {
    const auto found = phones_.find(name);
    if (found == phones_.end() || found->second.item.state != ItemState::applied) continue;
    move(found->second, ItemState::away, "it is not registered", now, moved);
  }
  return moved;
}

bool BulkWatch::again(Phone& phone, Time now) {
  if (phone.again == kAgainAtMost) return false;
  ++phone.again;
  phone.told = false;
  phone.item.changed = now;
  return true;
}

void BulkWatch::judge_outcome(Phone& phone, const Outcome& outcome, Time now,
                              std::vector<JobItem>& moved) {
  const ItemState state = phone.item.state;
  if (state == ItemState::waiting || state == ItemState::succeeded || state == ItemState::removed ||
      outcome.request < phone.item.request)
    return;
  if (state == ItemState::cancelled) {
    if (taken_back_.contains(phone.item.phone) && outcome.request == phone.item.request &&
        outcome.status == OperationStatus::success)
      move(phone, ItemState::succeeded, "", now, moved);
    return;
  }
  if (outcome.request > phone.item.request) {
    if (is_pending(state))
      move(phone, ItemState::failed, "another operation was asked for it meanwhile", now, moved);
    return;
  }
  const std::string words = core::describe(outcome.operation, outcome.status);
  switch (outcome.status) {
    case OperationStatus::none:
    case OperationStatus::pending: return;
    case OperationStatus::success: return move(phone, ItemState::succeeded, "", now, moved);
    case OperationStatus::late:
      if (is_pending(state)) move(phone, ItemState::expired, words, now, moved);
      return;
    case OperationStatus::unproven: {
      const std::string why = unproven_text(outcome);
      if (state != ItemState::unproven || phone.item.detail != why)
        move(phone, ItemState::unproven, why, now, moved);
      return;
    }
    default: break;  // a failure, whatever its reason
  }
  if (state == ItemState::failed && phone.item.detail == words) return;
  if (is_pending(state) && tried_again(outcome.status) && now - outcome.at < kTriesWithin) {
    doubtful_[phone.item.phone] = outcome;
    return;
  }
  move(phone, ItemState::failed, words, now, moved);
}

void BulkWatch::judge_reset(Phone& phone, const ResetRow* reset, Time now,
                            std::vector<JobItem>& moved) {
  const JobItem& item = phone.item;
  // A phone that is told again has its earlier row until the registrar sends the next NOTIFY.
  if (reset != nullptr && reset->sent_at < item.changed) reset = nullptr;
  if (reset == nullptr) {
    if (phone.told && now - item.changed > kSentWithin && !again(phone, now))
      move(phone, ItemState::away, "the NOTIFY was never sent", now, moved);
  } else if (!reset->answered_at) {
    if (now - reset->sent_at > kAnsweredWithin && !again(phone, now))
      move(phone, ItemState::away, "it did not answer the NOTIFY", now, moved);
  } else if (reset->status >= 300) {
    move(phone, ItemState::away,
         reset->status == kNoAnswer ? "it did not answer the NOTIFY"
                                    : fmt::format("it refused the NOTIFY ({})", reset->status),
         now, moved);
  } else {
    move(phone, ItemState::enrolling, "", now, moved);
  }
}

std::vector<JobItem> BulkWatch::observe(const BulkEvidence& evidence, Time now) {
  std::vector<JobItem> moved;
  for (const Outcome& outcome : evidence.outcomes) {
    const auto found = phones_.find(outcome.phone);
    if (found == phones_.end() || is_strangers(outcome, evidence)) continue;
    judge_outcome(found->second, outcome, now, moved);
  }
  const std::unordered_map<std::string, Outcome> doubtful = doubtful_;
  for (const auto& [name, outcome] : doubtful) judge_outcome(phones_.at(name), outcome, now, moved);

  std::unordered_map<std::string_view, const ResetRow*> resets;
  for (const ResetRow& one : evidence.resets) resets[one.device] = &one;
  const std::vector<std::string> applied(applied_.begin(), applied_.end());
  for (const std::string& name : applied) {
    const auto reset = resets.find(name);
    judge_reset(phones_.at(name), reset == resets.end() ? nullptr : reset->second, now, moved);
  }
  if (now >= completes_by_ + kGrace) close(now, moved);
  return moved;
}

void BulkWatch::close(Time now, std::vector<JobItem>& moved) {
  const std::vector<std::string> waiting(waiting_.begin(), waiting_.end());
  for (const std::string& name : waiting)
    move(phones_.at(name), ItemState::expired, "its turn did not come in time", now, moved);
  const std::vector<std::string> pending(pending_.begin(), pending_.end());
  for (const std::string& name : pending) {
    Phone& phone = phones_.at(name);
    const auto failure = doubtful_.find(name);
    if (failure != doubtful_.end()) {
      move(phone, ItemState::failed,
           core::describe(failure->second.operation, failure->second.status), now, moved);
    } else if (phone.item.state == ItemState::away) {
      move(phone, ItemState::unreachable, std::string(phone.item.detail), now, moved);
    } else {
      move(phone, ItemState::expired, "it did not end the operation in time", now, moved);
    }
  }
}

std::vector<JobItem> BulkWatch::tell_again(const std::vector<core::Registration>& registrations,
                                           Time now) {
  std::vector<JobItem> moved;
  for (const core::Registration& one : registrations) {
    const auto found = phones_.find(one.device);
    if (found == phones_.end()) continue;
    Phone& phone = found->second;
    const ItemState state = phone.item.state;
    const bool silent = state == ItemState::enrolling && now - phone.item.changed > kSilentFor &&
                        !doubtful_.contains(one.device);
    if (state != ItemState::away && !silent) continue;
    // One that registered anew has read its configuration on the way.
    if (one.registered_at > phone.item.changed || !again(phone, now)) continue;
    move(phone, ItemState::applied, "", now, moved);
  }
  return moved;
}

std::vector<JobItem> BulkWatch::cancel(Time now) {
  std::vector<JobItem> moved;
  const std::vector<std::string> waiting(waiting_.begin(), waiting_.end());
  for (const std::string& name : waiting)
    move(phones_.at(name), ItemState::cancelled, "cancelled before its turn", now, moved);
  return moved;
}

std::vector<JobItem> BulkWatch::removed(const std::function<bool(const std::string&)>& known,
                                        Time now) {
  std::vector<std::string> open(waiting_.begin(), waiting_.end());
  open.insert(open.end(), pending_.begin(), pending_.end());
  std::vector<JobItem> moved;
  for (const std::string& name : open)
    if (!known(name)) move(phones_.at(name), ItemState::removed, "", now, moved);
  return moved;
}

std::vector<JobItem> BulkWatch::to_withdraw() const {
  std::vector<JobItem> items;
  for (const std::string& name : pending_) items.push_back(phones_.at(name).item);
  return items;
}

Time BulkWatch::asked_since(Time now) const {
  Time since = now;
  for (const std::string& name : applied_) since = std::min(since, phones_.at(name).item.changed);
  return since;
}

}  // namespace ringfence::services::admin
