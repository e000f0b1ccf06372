#include "services/admin/phone_watch.h"

#include <algorithm>

namespace ringfence::services::admin {

using core::ItemState;
using core::JobItem;
using core::Time;

namespace {

constexpr int kNoAnswer = 408;  // RFC 3261 section 21.4.9, and what the registrar notes for silence

}  // namespace

PhoneWatch::PhoneWatch(std::vector<JobItem> items,
                       std::map<std::string, std::set<std::string>> calls_before)
    : calls_before_(std::move(calls_before)) {
  for (JobItem& item : items) items_.emplace(item.phone, std::move(item));
}

bool fetches_trust_lists(std::string_view device) {
  return device.starts_with("SEP") || device.starts_with("ATA");
}

bool PhoneWatch::returned(const JobItem& item,
                          const std::vector<const core::Registration*>& contacts,
                          const core::Fetch* itl, const core::ResetRow* reset,
                          const std::set<std::string>& good_itls) const {
  if (fetches_trust_lists(item.phone) && (itl == nullptr || !good_itls.contains(itl->sha1)))
    return false;
  const Time since = reset == nullptr ? item.changed : reset->sent_at;
  const auto before = calls_before_.find(item.phone);
  return std::any_of(contacts.begin(), contacts.end(), [&](const core::Registration* contact) {
    if (contact->registered_at < since) return false;
    return before == calls_before_.end() || !before->second.contains(contact->call_id);
  });
}

ItemState PhoneWatch::judge(const JobItem& item,
                            const std::vector<const core::Registration*>& contacts,
                            const core::Fetch* itl, const core::ResetRow* reset,
                            const std::set<std::string>& good_itls, Time now) const {
  if (returned(item, contacts, itl, reset, good_itls)) return ItemState::returned;
  if (item.state != ItemState::reset_sent) return item.state;
  if (reset == nullptr)
    return now - item.changed > kSentWithin ? ItemState::waiting : ItemState::reset_sent;
  if (reset->answered_at && reset->status >= 300) {
    const bool silent = reset->status == kNoAnswer;
    if (!silent || now - *reset->answered_at > kHeardWithin) return ItemState::failed;
  }
  return now - reset->sent_at > kBackWithin ? ItemState::not_returned : ItemState::reset_sent;
}

std::vector<JobItem> PhoneWatch::observe(const Evidence& evidence, Time now) {
  std::map<std::string_view, std::vector<const core::Registration*>> contacts;
  for (const core::Registration& one : evidence.registrations) contacts[one.device].push_back(&one);
  std::map<std::string_view, const core::Fetch*> itls;
  for (const core::Fetch& one : evidence.itls) itls[one.device] = &one;
  std::map<std::string_view, const core::ResetRow*> resets;
  for (const core::ResetRow& one : evidence.resets) resets[one.device] = &one;

  std::vector<JobItem> moved;
  for (auto& [phone, item] : items_) {
    if (item.state == ItemState::waiting || item.state == ItemState::returned) continue;
    const auto itl = itls.find(phone);
    const auto reset = resets.find(phone);
    const ItemState next =
        judge(item, contacts[phone], itl == itls.end() ? nullptr : itl->second,
              reset == resets.end() ? nullptr : reset->second, evidence.good_itls, now);
    if (next == item.state) continue;
    item.state = next;
    item.changed = now;
    moved.push_back(item);
  }
  return moved;
}

std::vector<JobItem> PhoneWatch::next_wave(std::size_t room, Time now) {
  std::size_t outstanding = 0;
  for (const auto& [phone, item] : items_)
    if (item.state == ItemState::reset_sent) ++outstanding;
  std::vector<JobItem> wave;
  for (auto& [phone, item] : items_) {
    if (outstanding + wave.size() >= room) break;
    if (item.state != ItemState::waiting) continue;
    item.state = ItemState::reset_sent;
    item.changed = now;
    wave.push_back(item);
  }
  return wave;
}

std::vector<JobItem> PhoneWatch::unreachable(const std::vector<std::string>& phones, Time now) {
  std::vector<JobItem> failed;
  for (const std::string& phone : phones) {
    const auto found = items_.find(phone);
    if (found == items_.end() || found->second.state != ItemState::reset_sent) continue;
    found->second.state = ItemState::failed;
    found->second.changed = now;
    failed.push_back(found->second);
  }
  return failed;
}

void PhoneWatch::put_back(const std::vector<JobItem>& wave, Time now) {
  for (const JobItem& item : wave) items_.at(item.phone) = {item.phone, ItemState::waiting, now};
}

bool PhoneWatch::finished() const {
  return std::none_of(items_.begin(), items_.end(), [](const auto& entry) {
    return entry.second.state == ItemState::waiting || entry.second.state == ItemState::reset_sent;
  });
}

}  // namespace ringfence::services::admin
