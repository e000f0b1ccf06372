#include "services/admin/jobs/waves.h"

#include <algorithm>
#include <utility>

namespace ringfence::services::admin {

using core::ItemState;
using core::JobItem;
using core::Time;

namespace {

constexpr std::chrono::seconds kTick{1};  // of core::Time

bool is_on_way(ItemState state) {
  return state == ItemState::reset_sent || state == ItemState::applied ||
         state == ItemState::enrolling;
}

}  // namespace

bool Limits::over(Time since, std::chrono::seconds within) {
  const Time end = since + within + kTick;
  if (now_ >= end) return true;
  if (!next_ || end < *next_) next_ = end;
  return false;
}

void Limits::look_again(std::chrono::seconds in) {
  if (!next_ || now_ + in < *next_) next_ = now_ + in;
}

Waves::Waves(std::vector<JobItem> items, const WavePace& pace) : pace_(pace) {
  phones_.reserve(items.size());
  for (JobItem& item : items) {
    std::string name = item.phone;
    const auto [phone, fresh] = phones_.emplace(std::move(name), WavePhone{std::move(item)});
    if (fresh) index(phone->second.item, std::nullopt);
  }
}

void Waves::index(const JobItem& item, std::optional<ItemState> before) {
  const std::string& name = item.phone;
  if (!before) ++counts_.total;
  if (before && --counts_.by_state[*before] == 0) counts_.by_state.erase(*before);
  ++counts_.by_state[item.state];
  if (before && !core::ended(*before)) {
    in_[*before].erase(name);
    --unfinished_;
  }
  if (!core::ended(item.state)) {
    in_[item.state].insert(name);
    ++unfinished_;
  }
  if (item.state == ItemState::waiting) {
    ready_.insert(name);
  } else {
    ready_.erase(name);
    put_off_.clear(name);
  }
  if (!is_on_way(item.state)) {
    on_way_.erase(name);
    room_.clear(name);
  } else {
    on_way_.insert(name);
    // One that was not told yet holds up the next: they would not be told either.
    if (pace_.holds_room && item.state != ItemState::applied)
      room_.set(name, item.changed + *pace_.holds_room + kTick);
  }
}

std::vector<std::string> Waves::next(Time now) {
  std::vector<std::string> wave;
  if (wanted_ != core::JobWanted::run) return wave;
  for (const std::string& name : put_off_.take_due(now)) ready_.insert(name);
  for (const std::string& name : room_.take_due(now)) on_way_.erase(name);
  const std::size_t room = pace_.room > on_way_.size() ? pace_.room - on_way_.size() : 0;
  for (const std::string& name : ready_) {
    if (wave.size() == std::min(room, pace_.at_once)) break;
    wave.push_back(name);
  }
  return wave;
}

void Waves::want(core::JobWanted wanted, Time now, const std::string& detail) {
  wanted_ = wanted;
  cancelled_why_ = detail;
  if (cancelled()) cancel_waiting(now);
}

void Waves::cancel_waiting(Time now) {
  const std::set<std::string> waiting = in(ItemState::waiting);
  for (const std::string& name : waiting) move(name, ItemState::cancelled, cancelled_why_, now);
}

void Waves::put_off(const std::string& phone, Time until) {
  if (ready_.erase(phone) > 0) put_off_.set(phone, until);
}

void Waves::call_up(const std::string& phone) {
  if (phones_.at(phone).item.state != ItemState::waiting) return;
  put_off_.clear(phone);
  ready_.insert(phone);
}

void Waves::move(const std::string& phone, ItemState state, const std::string& detail, Time now) {
  JobItem& item = phones_.at(phone).item;
  const ItemState before = item.state;
  item.state = state;
  item.detail = detail;
  item.changed = now;
  index(item, before);
  changed_.insert(phone);
}

void Waves::add(JobItem item) {
  std::string name = item.phone;
  const auto [phone, fresh] = phones_.emplace(std::move(name), WavePhone{std::move(item)});
  if (!fresh) return;
  index(phone->second.item, std::nullopt);
  changed_.insert(phone->first);
}

void Waves::set(JobItem item) {
  WavePhone& phone = phones_.at(item.phone);
  const ItemState before = phone.item.state;
  phone.item = std::move(item);
  index(phone.item, before);
}

void Waves::retouch(const std::string& phone, Time now) {
  JobItem& item = phones_.at(phone).item;
  item.changed = now;
  index(item, item.state);
}

void Waves::observe(const std::vector<PhoneLook>& looks, WavePolicy& policy, Time now) {
  for (const PhoneLook& look : looks) {
    Limits limits(now);
    const auto found = phones_.find(look.phone);
    if (found == phones_.end()) {
      policy.meet(look, limits);
    } else if (JobItem& item = found->second.item; !look.known && !core::ended(item.state)) {
      move(look.phone, ItemState::removed, "", now);
    } else {
      WaveNext next = policy.judge(found->second, look, limits);
      if (next.again) ++found->second.asked_again;
      if (next.state != item.state || next.detail != item.detail)
        move(look.phone, next.state, next.detail, now);
      else if (next.again)
        retouch(look.phone, now);
    }
    if (limits.next())
      deadlines_.set(look.phone, *limits.next());
    else
      deadlines_.clear(look.phone);
  }
  if (cancelled()) cancel_waiting(now);
}

std::vector<JobItem> Waves::take_changes() {
  std::vector<JobItem> items;
  for (const std::string& name : std::exchange(changed_, {})) items.push_back(at(name).item);
  return items;
}

const std::set<std::string>& Waves::in(ItemState state) const {
  static const std::set<std::string> kNobody;
  const auto found = in_.find(state);
  return found == in_.end() ? kNobody : found->second;
}

std::vector<std::string> Waves::followed() const {
  std::vector<std::string> names;
  for (const auto& [name, phone] : phones_) {
    const ItemState state = phone.item.state;
    if (state != ItemState::waiting && state != ItemState::returned &&
        state != ItemState::succeeded && state != ItemState::removed)
      names.push_back(name);
  }
  return names;
}

}  // namespace ringfence::services::admin
