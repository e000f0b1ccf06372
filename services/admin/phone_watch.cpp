#include "services/admin/phone_watch.h"

#include <algorithm>

namespace ringfence::services::admin {

using core::ItemState;
using core::JobItem;
using core::Time;

PhoneWatch::PhoneWatch(std::vector<JobItem> items, const std::vector<core::ResetRow>& resets) {
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

const core::Registration* PhoneWatch::new_registration(const JobItem& item,
                                                       const Contacts& contacts, Time since) const {
  const auto before = calls_before_.find(item.phone);
  const auto found =
      std::find_if(contacts.begin(), contacts.end(), [&](const core::Registration* contact) {
        if (contact->registered_at < since) return false;
        return before == calls_before_.end() || !before->second.contains(contact->call_id);
      });
  return found == contacts.end() ? nullptr : *found;
}

ItemState PhoneWatch::again(const std::string& phone) {
  unsigned& times = asked_again_[phone];
  if (times == kAgainAtMost) return ItemState::reset_sent;
  ++times;
  return ItemState::waiting;
}

ItemState PhoneWatch::judge(const JobItem& item, const Contacts& contacts, bool has_list,
                            const core::ResetRow* reset, Time now) {
  const bool on_its_way = item.state == ItemState::reset_sent;
  // A phone that is asked again has its earlier reset's row until the registrar sends the next.
  if (on_its_way && reset != nullptr && reset->sent_at < item.changed) reset = nullptr;
  const core::Registration* anew =
      new_registration(item, contacts, reset == nullptr ? item.changed : reset->sent_at);
  if (anew != nullptr && has_list) return ItemState::returned;
  if (!on_its_way) return item.state;
  ItemState next = ItemState::reset_sent;
  if (anew != nullptr) {
    if (now - anew->registered_at > kListSeenWithin) next = again(item.phone);
  } else if (reset == nullptr) {
    return now - item.changed > kSentWithin ? ItemState::waiting : ItemState::reset_sent;
  } else if (!reset->answered_at) {
    // One that has unregistered obeys already.
    if (!contacts.empty() && now - reset->sent_at > kHeardWithin) next = again(item.phone);
  } else if (reset->status >= 300 && now - *reset->answered_at > kHeardWithin) {
    next = ItemState::failed;
  }
  if (next != ItemState::reset_sent) return next;
  const Time since = reset == nullptr ? item.changed : reset->sent_at;
  return now - since > kBackWithin ? ItemState::not_returned : ItemState::reset_sent;
}

std::vector<JobItem> PhoneWatch::observe(const Evidence& evidence, Time now) {
  std::map<std::string_view, Contacts> contacts;
  for (const core::Registration& one : evidence.registrations) contacts[one.device].push_back(&one);
  std::set<std::string_view> with_list;
  for (const core::Fetch& one : evidence.itls)
    if (evidence.good_itls.contains(one.sha1)) with_list.insert(one.device);
  std::map<std::string_view, const core::ResetRow*> resets;
  for (const core::ResetRow& one : evidence.resets) resets[one.device] = &one;

  std::vector<JobItem> moved;
  for (auto& [phone, item] : items_) {
    if (item.state == ItemState::waiting || item.state == ItemState::returned ||
        item.state == ItemState::cancelled)
      continue;
    const auto reset = resets.find(phone);
    const ItemState next =
        judge(item, contacts[phone], !fetches_trust_lists(phone) || with_list.contains(phone),
              reset == resets.end() ? nullptr : reset->second, now);
    if (next == item.state) continue;
    item.state = next;
    item.changed = now;
    moved.push_back(item);
  }
  return moved;
}

std::vector<JobItem> PhoneWatch::next_wave(const std::vector<core::Registration>& registrations,
                                           std::size_t room, Time now) {
  std::size_t outstanding = 0;
  for (const auto& [phone, item] : items_)
    if (item.state == ItemState::reset_sent) ++outstanding;
  std::map<std::string_view, std::set<std::string>> calls;
  for (const core::Registration& one : registrations) calls[one.device].insert(one.call_id);
  std::vector<JobItem> wave;
  for (auto& [phone, item] : items_) {
    if (outstanding + wave.size() >= room) break;
    if (item.state != ItemState::waiting) continue;
    const auto missing = missing_.find(phone);
    if (missing != missing_.end() && !calls.contains(phone) &&
        now - missing->second.asked < kLookForMissingEvery)
      continue;
    calls_before_[phone].merge(calls[phone]);
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
    found->second.state =
        now - missing.since > kHeardWithin ? ItemState::failed : ItemState::waiting;
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
  std::vector<JobItem> moved;
  for (auto& [phone, item] : items_) {
    if (item.state != ItemState::waiting) continue;
    item.state = ItemState::cancelled;
    item.changed = now;
    moved.push_back(item);
  }
  return moved;
}

bool PhoneWatch::finished() const {
  return std::none_of(items_.begin(), items_.end(), [](const auto& entry) {
    return entry.second.state == ItemState::waiting || entry.second.state == ItemState::reset_sent;
  });
}

}  // namespace ringfence::services::admin
