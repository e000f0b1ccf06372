#include "services/admin/jobs/phone_watch.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace ringfence::services::admin {

using core::Acceptance;
using core::ItemState;
using core::JobItem;
using core::Time;

namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

}  // namespace

PhoneWatch::PhoneWatch(std::vector<JobItem> items, const std::vector<core::ResetRow>& resets,
                       Goal goal)
    : goal_(goal) {
  std::map<std::string_view, Time> sent;
  for (const core::ResetRow& one : resets) sent.emplace(one.device, one.sent_at);
  for (JobItem& item : items) {
    const auto asked = sent.find(item.phone);
    if (item.state == ItemState::waiting && asked != sent.end())
      item = {item.phone, ItemState::reset_sent, asked->second};
    else if (item.state == ItemState::reset_sent && asked == sent.end())
      item.state = ItemState::waiting;
    items_.emplace(item.phone, std::move(item));
  }
}

bool fetches_trust_lists(std::string_view device) {
  return device.starts_with("SEP") || device.starts_with("ATA");
}

PhoneWatch::Anew PhoneWatch::new_registration(const JobItem& item, const Contacts& contacts,
                                              const std::string& home, Time since) const {
  const auto calls = calls_before_.find(item.phone);
  const auto addresses = addresses_before_.find(item.phone);
  Anew anew;
  for (const core::Registration* contact : contacts) {
    if (contact->registered_at < since) continue;
    if (calls != calls_before_.end() && calls->second.contains(contact->call_id)) continue;
    const std::string address = core::address_text(contact->peer);
    bool is_home = true;
    if (!home.empty())
      is_home = address == home;
    else if (addresses != addresses_before_.end() && !addresses->second.empty())
      is_home = addresses->second.contains(address);
    (is_home ? anew.home : anew.elsewhere) = contact;
  }
  return anew;
}

ItemState PhoneWatch::again(const std::string& phone) {
  unsigned& times = asked_again_[phone];
  if (times == kAgainAtMost) return ItemState::reset_sent;
  ++times;
  return ItemState::waiting;
}

/// judge_back: the phone registered anew, from where it was.
PhoneWatch::Next PhoneWatch::judge_back(const JobItem& item, const core::Registration& back,
                                        const PhoneTrust& trust, Time now) {
  const core::Judgement& judgement = trust.judgement;
  if (goal_ != Goal::list || !fetches_trust_lists(item.phone) ||
      judgement.acceptance == Acceptance::accepted)
    return {ItemState::returned};
  if (item.state != ItemState::reset_sent || now - back.registered_at <= kListSeenWithin)
    return {item.state, item.detail};
  switch (judgement.acceptance) {
    case Acceptance::refused: return {ItemState::refused, judgement.evidence};
    case Acceptance::fetched:
      // What it did next may be lost with a killed service: a second boot tells.
      if (judgement.awaited && again(item.phone) == ItemState::waiting) return {ItemState::waiting};
      return {ItemState::unproven, judgement.evidence};
    default: return {again(item.phone)};
  }
}

/// judge_answer: somebody has answered the NOTIFY, and that is the goal.
std::optional<PhoneWatch::Next> PhoneWatch::judge_answer(const JobItem& item,
                                                         const PhoneTrust& trust,
                                                         const core::ResetRow& reset,
                                                         Time now) const {
  const std::vector<std::string> by = words_of(reset.answered_by);
  const auto before = addresses_before_.find(item.phone);
  const bool several = before != addresses_before_.end() && before->second.size() > 1;
  const bool home_known = !trust.home.empty() && trust.proof != core::AddressProof::none;
  const bool alone = !home_known && !several;
  if (by.empty() || alone || (home_known && std::ranges::find(by, trust.home) != by.end()))
    return Next{ItemState::returned};
  if (now - reset.sent_at <= kHeardWithin) return std::nullopt;
  return Next{ItemState::unproven,
              home_known
                  ? fmt::format("{} answered, which is not the phone's address, and {} did not",
                                fmt::join(by, ", "), trust.home)
                  : fmt::format("{} answered, one of {} addresses that registered as this "
                                "phone, and nothing shows which of them is the phone",
                                fmt::join(by, ", "), before->second.size())};
}

PhoneWatch::Next PhoneWatch::judge(const JobItem& item, const Contacts& contacts,
                                   const PhoneTrust& trust, const core::ResetRow* reset, Time now) {
  const bool on_its_way = item.state == ItemState::reset_sent;
  // A phone that is asked again has its earlier reset's row until the registrar sends the next.
  if (on_its_way && reset != nullptr && reset->sent_at < item.changed) reset = nullptr;
  if (goal_ == Goal::answer && reset != nullptr && reset->answered_at && reset->status < 300)
    if (auto next = judge_answer(item, trust, *reset, now)) return std::move(*next);
  const Time since = reset == nullptr ? item.changed : reset->sent_at;
  const Anew anew = new_registration(item, contacts, trust.home, since);
  Next next{item.state, item.detail};
  if (anew.home != nullptr) next = judge_back(item, *anew.home, trust, now);
  if (next.state != ItemState::reset_sent) return next;
  if (anew.home != nullptr) {
    // It is back, and what it makes of the list shows soon.
  } else if (anew.elsewhere != nullptr) {
    if (now - anew.elsewhere->registered_at > kMovedWithin)
      return {
          ItemState::unproven,
          fmt::format("it registered from {} alone, not from {}, where it was: that counts only "
                      "when it has proven itself to CAPF from there",
                      core::address_text(anew.elsewhere->peer),
                      trust.home.empty() ? "the address before" : trust.home)};
  } else if (reset == nullptr) {
    return {now - item.changed > kSentWithin ? ItemState::waiting : ItemState::reset_sent};
  } else if (!reset->answered_at) {
    // One that has unregistered obeys already.
    if (!contacts.empty() && now - reset->sent_at > kHeardWithin) next.state = again(item.phone);
  } else if (reset->status >= 300 && now - *reset->answered_at > kHeardWithin) {
    next = {ItemState::failed,
            reset->status == 408
                ? "it did not answer the reset"
                : fmt::format("it refused the reset with SIP status {}", reset->status)};
  }
  if (next.state == ItemState::reset_sent && now - since > kBackWithin)
    next = {ItemState::not_returned,
            fmt::format("it has not come back within {} minutes of its reset",
                        std::chrono::duration_cast<std::chrono::minutes>(kBackWithin).count())};
  return next;
}

/// take_up_addresses: of phones that an earlier run told, where they are registered is not kept.
void PhoneWatch::take_up_addresses(const std::vector<core::Registration>& registrations) {
  if (goal_ != Goal::answer) return;
  std::map<std::string, std::set<std::string>> addresses;
  for (const core::Registration& one : registrations)
    addresses[one.device].insert(core::address_text(one.peer));
  for (auto& [phone, known] : addresses) {
    const auto item = items_.find(phone);
    if (item != items_.end() && item->second.state == ItemState::reset_sent && known.size() > 1)
      addresses_before_.try_emplace(phone, std::move(known));
  }
}

std::vector<JobItem> PhoneWatch::observe(const Evidence& evidence, Time now) {
  std::map<std::string_view, Contacts> contacts;
  for (const core::Registration& one : evidence.registrations) contacts[one.device].push_back(&one);
  std::map<std::string_view, const core::ResetRow*> resets;
  for (const core::ResetRow& one : evidence.resets) resets[one.device] = &one;

  if (!std::exchange(looked_, true)) take_up_addresses(evidence.registrations);
  static const PhoneTrust kNothing;
  std::vector<JobItem> moved;
  for (auto& [phone, item] : items_) {
    if (item.state == ItemState::waiting || item.state == ItemState::returned ||
        item.state == ItemState::cancelled || item.state == ItemState::removed)
      continue;
    const auto reset = resets.find(phone);
    const auto trust = evidence.trust.find(phone);
    const Next next =
        judge(item, contacts[phone], trust == evidence.trust.end() ? kNothing : trust->second,
              reset == resets.end() ? nullptr : reset->second, now);
    if (next.state == item.state) continue;
    item.state = next.state;
    item.detail = next.detail;
    item.changed = now;
    moved.push_back(item);
  }
  return moved;
}

std::vector<std::string> PhoneWatch::asked_about(
    const std::vector<core::Registration>& registrations) const {
  std::set<std::string> phones;
  for (const auto& [phone, item] : items_)
    if (item.state != ItemState::waiting && item.state != ItemState::returned &&
        item.state != ItemState::cancelled && item.state != ItemState::removed)
      phones.insert(phone);
  for (const core::Registration& one : registrations)
    if (fetches_trust_lists(one.device) && !items_.contains(one.device)) phones.insert(one.device);
  return {phones.begin(), phones.end()};
}

std::vector<JobItem> PhoneWatch::take_in(const Evidence& evidence, Time now) {
  std::vector<JobItem> taken;
  undecided_ = false;
  if (cancelled_ || goal_ != Goal::list) return taken;
  for (const core::Registration& one : evidence.registrations) {
    if (items_.contains(one.device) || !fetches_trust_lists(one.device)) continue;
    const auto trust = evidence.trust.find(one.device);
    if (trust == evidence.trust.end()) continue;
    const core::Judgement& judgement = trust->second.judgement;
    const std::string& home = trust->second.home;
    if (!home.empty() && home != core::address_text(one.peer)) continue;
    if (judgement.acceptance == Acceptance::accepted || judgement.acceptance == Acceptance::fetched)
      continue;
    if (now - one.registered_at < kTakenInAfter) {
      undecided_ = true;
      continue;
    }
    JobItem item{one.device, ItemState::waiting, now};
    items_.emplace(one.device, item);
    taken.push_back(std::move(item));
  }
  return taken;
}

std::vector<JobItem> PhoneWatch::next_wave(const std::vector<core::Registration>& registrations,
                                           std::size_t room, Time now) {
  std::size_t outstanding = 0;
  for (const auto& [phone, item] : items_)
    if (item.state == ItemState::reset_sent) ++outstanding;
  std::map<std::string_view, std::set<std::string>> calls;
  std::map<std::string_view, std::set<std::string>> addresses;
  for (const core::Registration& one : registrations) {
    calls[one.device].insert(one.call_id);
    addresses[one.device].insert(core::address_text(one.peer));
  }
  std::vector<JobItem> wave;
  for (auto& [phone, item] : items_) {
    if (outstanding + wave.size() >= room) break;
    if (item.state != ItemState::waiting) continue;
    const auto missing = missing_.find(phone);
    if (missing != missing_.end() && !calls.contains(phone) &&
        now - missing->second.asked < kLookForMissingEvery)
      continue;
    calls_before_[phone].merge(calls[phone]);
    addresses_before_[phone].merge(addresses[phone]);
    item.state = ItemState::reset_sent;
    item.changed = now;
    wave.push_back(item);
  }
  return wave;
}

std::vector<JobItem> PhoneWatch::unreachable(const std::vector<std::string>& phones, Time now) {
  std::vector<JobItem> moved;
  for (const std::string& phone : phones) {
    const auto found = items_.find(phone);
    if (found == items_.end() || found->second.state != ItemState::reset_sent) continue;
    Missing& missing = missing_.try_emplace(phone, Missing{now, now}).first->second;
    missing.asked = now;
    const bool given_up = now - missing.since > kHeardWithin;
    found->second.state = given_up ? ItemState::failed : ItemState::waiting;
    found->second.detail = given_up ? "it is not registered, so it could not be reset" : "";
    found->second.changed = now;
    moved.push_back(found->second);
  }
  return moved;
}

void PhoneWatch::put_back(const std::vector<JobItem>& wave, Time now) {
  for (const JobItem& item : wave) {
    items_.at(item.phone) = {item.phone, ItemState::waiting, now};
    missing_.erase(item.phone);  // only a registrar that is there knows who is missing
  }
}

std::vector<JobItem> PhoneWatch::cancel_waiting(Time now) {
  cancelled_ = true;
  std::vector<JobItem> moved;
  for (auto& [phone, item] : items_) {
    if (item.state != ItemState::waiting) continue;
    item.state = ItemState::cancelled;
    item.changed = now;
    moved.push_back(item);
  }
  return moved;
}

std::vector<JobItem> PhoneWatch::cancel_unanswered(const std::vector<core::ResetRow>& resets,
                                                   Time now) {
  std::set<std::string_view> obey;
  for (const core::ResetRow& one : resets)
    if (one.answered_at && one.status < 300) obey.insert(one.device);
  std::vector<JobItem> moved;
  for (auto& [phone, item] : items_) {
    if (item.state != ItemState::reset_sent || now - item.changed <= kAnswersWithin ||
        obey.contains(phone))
      continue;
    item.state = ItemState::cancelled;
    item.detail = "it had not answered when the job was cancelled";
    item.changed = now;
    moved.push_back(item);
  }
  return moved;
}

std::vector<JobItem> PhoneWatch::removed(const std::function<bool(const std::string&)>& known,
                                         Time now) {
  std::vector<JobItem> moved;
  for (auto& [phone, item] : items_) {
    if (core::ended(item.state) || known(phone)) continue;
    item.state = ItemState::removed;
    item.detail.clear();
    item.changed = now;
    moved.push_back(item);
  }
  return moved;
}

bool PhoneWatch::finished() const {
  return !undecided_ && std::none_of(items_.begin(), items_.end(), [](const auto& entry) {
    return entry.second.state == ItemState::waiting || entry.second.state == ItemState::reset_sent;
  });
}

}  // namespace ringfence::services::admin
