#include "services/admin/jobs/phone_watch.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace ringfence::services::admin {

using core::Acceptance;
using core::fetches_trust_lists;
using core::ItemState;
using core::JobItem;
using core::Time;

namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// as_asked corrects what is written of phones by whom the registrar has asked.
std::vector<JobItem> as_asked(std::vector<JobItem> items,
                              const std::vector<core::ResetRow>& resets) {
  std::map<std::string_view, Time> sent;
  for (const core::ResetRow& one : resets) sent.emplace(one.device, one.sent_at);
  for (JobItem& item : items) {
    const auto asked = sent.find(item.phone);
    if (item.state == ItemState::waiting && asked != sent.end())
      item = {item.phone, ItemState::reset_sent, asked->second};
    else if (item.state == ItemState::reset_sent && asked == sent.end())
      item.state = ItemState::waiting;
  }
  return items;
}

/// once_more asks a phone again, unless it was often enough: then it stays as it is.
WaveNext once_more(const WavePhone& phone) {
  if (phone.asked_again == PhoneWatch::kAgainAtMost) return {phone.item.state, phone.item.detail};
  return {ItemState::waiting, "", true};
}

}  // namespace

PhoneWatch::PhoneWatch(std::vector<JobItem> items, const std::vector<core::ResetRow>& resets,
                       Goal goal, const WavePace& pace)
    : goal_(goal), waves_(as_asked(std::move(items), resets), pace) {}

void PhoneWatch::asked(const std::vector<PhoneLook>& wave, const std::vector<std::string>& missing,
                       Time now) {
  const std::set<std::string_view> absent(missing.begin(), missing.end());
  for (const PhoneLook& look : wave) {
    Before& before = before_[look.phone];
    for (const core::Registration& one : look.contacts) {
      before.calls.insert(one.call_id);
      before.addresses.insert(core::address_text(one.peer));
    }
    if (!absent.contains(look.phone)) {
      waves_.move(look.phone, ItemState::reset_sent, "", now);
      waves_.look_at(look.phone, now + kSentWithin);
      continue;
    }
    const Time since = missing_since_.try_emplace(look.phone, now).first->second;
    if (now - since > kHeardWithin) {
      waves_.move(look.phone, ItemState::failed, "it is not registered, so it could not be reset",
                  now);
    } else {
      waves_.move(look.phone, ItemState::waiting, "", now);
      waves_.put_off(look.phone, now + kLookForMissingEvery);
    }
  }
}

void PhoneWatch::not_asked(const std::vector<std::string>& wave) {
  for (const std::string& phone : wave) missing_since_.erase(phone);
}

void PhoneWatch::want(core::JobWanted wanted, Time now) {
  const bool again = waves_.cancelled();
  waves_.want(wanted, now);
  if (again || !waves_.cancelled()) return;
  undecided_.clear();
  for (const std::string& phone : waves_.in(ItemState::reset_sent)) waves_.look_at(phone, now);
}

PhoneWatch::Anew PhoneWatch::new_registration(const PhoneLook& look, Time since) const {
  const auto before = before_.find(look.phone);
  const std::string& home = look.trust.home;
  Anew anew;
  for (const core::Registration& contact : look.contacts) {
    if (contact.registered_at < since) continue;
    if (before != before_.end() && before->second.calls.contains(contact.call_id)) continue;
    const std::string address = core::address_text(contact.peer);
    bool is_home = true;
    if (!home.empty())
      is_home = address == home;
    else if (before != before_.end() && !before->second.addresses.empty())
      is_home = before->second.addresses.contains(address);
    (is_home ? anew.home : anew.elsewhere) = &contact;
  }
  return anew;
}

/// judge_back: the phone registered anew, from where it was.
WaveNext PhoneWatch::judge_back(const WavePhone& phone, const core::Registration& back,
                                const PhoneTrust& trust, Limits& limits) const {
  const JobItem& item = phone.item;
  const core::Judgement& judgement = trust.judgement;
  if (goal_ != Goal::list || !fetches_trust_lists(item.phone) ||
      judgement.acceptance == Acceptance::accepted)
    return {ItemState::returned};
  if (item.state != ItemState::reset_sent || !limits.over(back.registered_at, kListSeenWithin))
    return {item.state, item.detail};
  switch (judgement.acceptance) {
    case Acceptance::refused: return {ItemState::refused, judgement.evidence};
    case Acceptance::fetched:
      // What it did next may be lost with a killed service: a second boot tells.
      if (judgement.awaited && phone.asked_again < kAgainAtMost) return once_more(phone);
      return {ItemState::unproven, judgement.evidence};
    default: return once_more(phone);
  }
}

/// judge_answer: somebody has answered the NOTIFY, and that is the goal.
std::optional<WaveNext> PhoneWatch::judge_answer(const PhoneLook& look, const core::ResetRow& reset,
                                                 Limits& limits) const {
  const std::vector<std::string> by = words_of(reset.answered_by);
  const auto before = before_.find(look.phone);
  const bool several = before != before_.end() && before->second.addresses.size() > 1;
  const PhoneTrust& trust = look.trust;
  const bool home_known = !trust.home.empty() && trust.proof != core::AddressProof::none;
  const bool alone = !home_known && !several;
  if (by.empty() || alone || (home_known && std::ranges::find(by, trust.home) != by.end()))
    return WaveNext{ItemState::returned};
  if (!limits.over(reset.sent_at, kHeardWithin)) return std::nullopt;
  return WaveNext{ItemState::unproven,
                  home_known
                      ? fmt::format("{} answered, which is not the phone's address, and {} did not",
                                    fmt::join(by, ", "), trust.home)
                      : fmt::format("{} answered, one of {} addresses that registered as this "
                                    "phone, and nothing shows which of them is the phone",
                                    fmt::join(by, ", "), before->second.addresses.size())};
}

/// judge_notify: the phone has not registered anew.
WaveNext PhoneWatch::judge_notify(const WavePhone& phone, const PhoneLook& look,
                                  const core::ResetRow* reset, Limits& limits) const {
  const JobItem& item = phone.item;
  WaveNext stays{item.state, item.detail};
  if (reset == nullptr)
    return limits.over(item.changed, kSentWithin) ? WaveNext{ItemState::waiting} : stays;
  if (!reset->answered_at) {
    // One that has unregistered obeys already.
    if (look.contacts.empty() || !limits.over(reset->sent_at, kHeardWithin)) return stays;
    return once_more(phone);
  }
  if (reset->status < 300 || !limits.over(*reset->answered_at, kHeardWithin)) return stays;
  return {ItemState::failed,
          reset->status == 408
              ? "it did not answer the reset"
              : fmt::format("it refused the reset with SIP status {}", reset->status)};
}

WaveNext PhoneWatch::judge_reset(const WavePhone& phone, const PhoneLook& look, Limits& limits) {
  const JobItem& item = phone.item;
  const bool on_its_way = item.state == ItemState::reset_sent;
  const core::ResetRow* reset = look.reset ? &*look.reset : nullptr;
  // A phone that is asked again has its earlier reset's row until the registrar sends the next.
  if (on_its_way && reset != nullptr && reset->sent_at < item.changed) reset = nullptr;
  if (goal_ == Goal::answer && reset != nullptr && reset->answered_at && reset->status < 300)
    if (auto next = judge_answer(look, *reset, limits)) return std::move(*next);
  const Time since = reset == nullptr ? item.changed : reset->sent_at;
  const Anew anew = new_registration(look, since);
  WaveNext next{item.state, item.detail};
  if (anew.home != nullptr) next = judge_back(phone, *anew.home, look.trust, limits);
  if (!on_its_way || next.state != ItemState::reset_sent) return next;
  if (anew.home != nullptr) {
    // It is back, and what it makes of the list shows soon.
  } else if (anew.elsewhere != nullptr) {
    if (limits.over(anew.elsewhere->registered_at, kMovedWithin))
      return {ItemState::unproven,
              fmt::format("it registered from {} alone, not from {}, where it was: that counts "
                          "only when it has proven itself to CAPF from there",
                          core::address_text(anew.elsewhere->peer),
                          look.trust.home.empty() ? "the address before" : look.trust.home)};
  } else {
    next = judge_notify(phone, look, reset, limits);
    if (next.state != ItemState::reset_sent) return next;
  }
  const bool obeys = reset != nullptr && reset->answered_at && reset->status < 300;
  if (waves_.cancelled() && !obeys && limits.over(item.changed, kAnswersWithin))
    return {ItemState::cancelled, "it had not answered when the job was cancelled"};
  if (limits.over(since, kBackWithin)) {
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(kBackWithin).count();
    if (anew.home != nullptr)
      return {ItemState::unproven,
              fmt::format("it is back, and nothing showed within {} minutes of its reset that it "
                          "took the new list",
                          minutes)};
    return {ItemState::not_returned,
            fmt::format("it has not come back within {} minutes of its reset", minutes)};
  }
  return next;
}

/// take_up_addresses: of phones that an earlier run told, where they are registered is not kept.
void PhoneWatch::take_up_addresses(const PhoneLook& look) {
  if (goal_ != Goal::answer || before_.contains(look.phone)) return;
  std::set<std::string> addresses;
  for (const core::Registration& one : look.contacts)
    addresses.insert(core::address_text(one.peer));
  if (addresses.size() < 2) addresses.clear();
  before_[look.phone].addresses = std::move(addresses);
}

WaveNext PhoneWatch::judge(const WavePhone& phone, const PhoneLook& look, Limits& limits) {
  const JobItem& item = phone.item;
  switch (item.state) {
    case ItemState::waiting:
      if (!look.contacts.empty()) waves_.call_up(look.phone);
      return {item.state, item.detail};
    case ItemState::returned:
    case ItemState::cancelled:
    case ItemState::removed: return {item.state, item.detail};
    default: break;  // on its way, or given up
  }
  if (item.state == ItemState::reset_sent) {
    take_up_addresses(look);
    // Who goes on refreshing while the other is gone settles it, which is no news.
    if (!look.trust.contested_by.empty()) limits.look_again(kLookAtContestedEvery);
  }
  WaveNext next = judge_reset(phone, look, limits);
  if (next.state == item.state) next.detail = item.detail;
  return next;
}

void PhoneWatch::meet(const PhoneLook& look, Limits& limits) {
  const auto met = undecided_.find(look.phone);
  const std::optional<core::Time> first =
      met == undecided_.end() ? std::nullopt : std::optional(met->second);
  undecided_.erase(look.phone);
  if (waves_.cancelled() || goal_ != Goal::list || !look.known || !fetches_trust_lists(look.phone))
    return;
  const Acceptance acceptance = look.trust.judgement.acceptance;
  if (acceptance == Acceptance::accepted || acceptance == Acceptance::fetched) return;
  for (const core::Registration& one : look.contacts) {
    if (!look.trust.home.empty() && look.trust.home != core::address_text(one.peer)) continue;
    // Who registers again and again is decided all the same.
    const core::Time since = first ? std::min(*first, one.registered_at) : one.registered_at;
    if (!limits.over(since, kTakenInAfter)) {
      undecided_.emplace(look.phone, since);
      continue;
    }
    undecided_.erase(look.phone);
    waves_.add({look.phone, ItemState::waiting, limits.now()});
    return;
  }
}

}  // namespace ringfence::services::admin
