#include "services/admin/trust/trust_ledger.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/phones/device_name.h"
#include "services/admin/trust/published_lists.h"

namespace ringfence::services::admin {

using core::Acceptance;
using core::Belief;
using core::Holding;
using core::TrustSign;
using core::TrustSignStore;

namespace {

constexpr std::size_t kSignsAPage = 5000;
constexpr std::size_t kChunk = 500;
constexpr std::size_t kVersionsKept = 20;  // by ListStore
constexpr std::size_t kTouchedKept = 20'000;
constexpr std::size_t kMovesTold = 20;  // a minute
constexpr std::chrono::minutes kPresentEvery{1};

/// sign_of makes a sign of a fetch that an earlier version of ringfence-tftp wrote down, which kept
/// whole seconds and nothing else.
TrustSign sign_of(const core::Fetch& fetch) {
  return {fetch.device,
          core::TrustSignKind::list_fetched,
          core::address_text(fetch.peer),
          fetch.sha1,
          fetch.file,
          fetch.at};
}

/// add_fetch adds an old fetch unless the signs know it.
void add_fetch(const core::Fetch& fetch, std::vector<TrustSign>& signs) {
  const TrustSign one = sign_of(fetch);
  const bool known = std::any_of(signs.begin(), signs.end(), [&](const TrustSign& sign) {
    return sign.kind == one.kind && sign.subject == one.subject && sign.peer == one.peer;
  });
  if (!known) signs.push_back(one);
}

}  // namespace

std::array<core::Database*, TrustLedger::kNeighbours> TrustLedger::neighbours() {
  return {neighbours_.tftp(), neighbours_.tvs(), neighbours_.capf(), neighbours_.callmanager()};
}

void TrustLedger::refresh() {
  const std::lock_guard lock(mutex_);
  if (!read_) read_holdings();
  read_marks();
  // After the signs: whatever list a phone fetched is among those published by then.
  read_lists();
  follow(pending_);
  note_touched(pending_);
  pending_.clear();
  read_ = true;
}

void TrustLedger::follow_quietly() noexcept {
  std::string why;
  try {
    refresh();
    const auto steady = std::chrono::steady_clock::now();
    core::Database* registrar = neighbours_.callmanager();
    if (registrar != nullptr && steady - looked_present_ >= kPresentEvery) {
      looked_present_ = steady;
      const std::vector<core::Registration> all = core::RegistrationStore(*registrar).list();
      const std::lock_guard lock(mutex_);
      note_present(all);
    }
  } catch (const std::exception& error) {  // tried again at the next tick, and by whoever asks
    why = error.what();
  }
  const std::lock_guard lock(mutex_);
  if (!why.empty() && why != complaint_)
    core::log(core::Level::error, "PHONE_TRUST_UNKNOWN", {{"why", why}});
  complaint_ = std::move(why);
}

void TrustLedger::read_holdings() {
  beliefs_.clear();
  at_home_.clear();
  for (const Holding& holding : holdings_.list()) {
    beliefs_[holding.device] = core::believe(lists_, holding, {});
    if (!holding.peer.empty()) at_home_[holding.peer].insert(holding.device);
  }
}

void TrustLedger::read_lists() {
  std::vector<core::ListVersion> versions = versions_.list(core::ListKind::itl);  // newest first
  const std::string newest = versions.empty() ? std::string() : versions.front().sha1;
  if (newest == in_force_) return;
  std::reverse(versions.begin(), versions.end());
  core::PublishedLists lists;
  lists.complete = versions.size() < kVersionsKept;
  lists.names = lists_.names;
  for (const core::ListVersion& version : versions) {
    if (const core::PublishedList* known = lists_.find(version.sha1)) {
      lists.versions.push_back(*known);
      continue;
    }
    const auto whole = versions_.find(core::ListKind::itl, version.sha1);
    if (whole) lists.versions.push_back(published_list(*whole, lists.names));
  }
  lists_ = std::move(lists);
  in_force_ = newest;
  first_touched_ += touched_.size() + 1;  // everybody is judged anew
  touched_.clear();
}

void TrustLedger::note_touched(const std::set<std::string>& devices) {
  touched_.insert(touched_.end(), devices.begin(), devices.end());
  if (touched_.size() <= kTouchedKept) return;
  const std::size_t surplus = touched_.size() - kTouchedKept;
  touched_.erase(touched_.begin(), touched_.begin() + static_cast<std::ptrdiff_t>(surplus));
  first_touched_ += surplus;
}

TrustLedger::News TrustLedger::since(std::uint64_t mark) {
  refresh();
  const std::lock_guard lock(mutex_);
  News news;
  news.mark = first_touched_ + touched_.size();
  news.all = mark < first_touched_;
  if (news.all) return news;
  for (std::uint64_t i = mark - first_touched_; i < touched_.size(); ++i)
    news.devices.push_back(touched_[i]);
  return news;
}

/// read_marks adds the devices of which something new was seen to those that are pending.
void TrustLedger::read_marks() {
  const auto databases = neighbours();
  for (std::size_t i = 0; i < databases.size(); ++i) {
    if (databases[i] == nullptr) continue;
    const TrustSignStore store(*databases[i]);
    for (;;) {
      const TrustSignStore::Page page = store.after(marks_[i], kSignsAPage);
      if (page.last == marks_[i]) break;
      for (const TrustSign& sign : page.signs) {
        if (!sign.device.empty()) {
          pending_.insert(sign.device);
          continue;
        }
        const auto here = at_home_.find(sign.peer);
        if (here != at_home_.end() && here->second.size() == 1)
          pending_.insert(*here->second.begin());
      }
      marks_[i] = page.last;
    }
  }
  if (!read_) {  // fetches that only an earlier version wrote down
    if (core::Database* tftp = neighbours_.tftp())
      for (const core::Fetch& fetch : core::FetchStore(*tftp).last_itls())
        pending_.insert(fetch.device);
  }
}

void TrustLedger::follow(const std::set<std::string>& devices) {
  for (auto at = devices.begin(); at != devices.end();) {
    Signs signs;
    for (; at != devices.end() && signs.size() < kChunk; ++at)
      if (phones_.has(*at)) signs[*at];  // what was seen of a removed one is nobody's
    if (signs.empty()) break;
    gather(signs);
    for (auto& [device, found] : signs) believe(device, std::move(found));
  }
  if (unsaved_.empty()) return;
  std::vector<Holding> changed;
  for (const auto& [device, proven] : unsaved_) changed.push_back(proven);
  holdings_.save(changed);
  unsaved_.clear();
}

/// gather fills in what was seen of each device.
void TrustLedger::gather(Signs& signs) {
  const auto take = [&signs](const std::vector<TrustSign>& found) {
    for (const TrustSign& sign : found)
      if (const auto place = signs.find(sign.device); place != signs.end())
        place->second.push_back(sign);
  };
  const bool few = signs.size() < kChunk;  // they may stand far apart
  for (core::Database* database : neighbours()) {
    if (database == nullptr) continue;
    const TrustSignStore store(*database);
    if (few)
      for (const auto& [device, unused] : signs) take(store.of(device));
    else
      take(store.between(signs.begin()->first, signs.rbegin()->first));
  }
}

void TrustLedger::believe(const std::string& device, std::vector<TrustSign> signs) {
  if (core::Database* tftp = neighbours_.tftp())
    if (const auto fetch = core::FetchStore(*tftp).last_itl(device)) add_fetch(*fetch, signs);
  Belief& belief = beliefs_[device];
  Holding before = belief.proven;
  before.device = device;
  // A clock that was set back must not hide what came since.
  if (before.at > core::sign_time()) before.at = {};
  const auto here = at_home_.find(before.peer);
  if (here != at_home_.end() && here->second.size() == 1)
    for (core::Database* database : neighbours())
      if (database != nullptr)
        for (TrustSign& sign : TrustSignStore(*database).of_peer(before.peer))
          signs.push_back(std::move(sign));
  // Who is registered now matters where somebody else acts in the phone's name.
  const bool rivals =
      std::ranges::any_of(signs, [&](const TrustSign& sign) { return sign.peer != before.peer; });
  const core::Present registered = rivals ? present(device) : core::Present{};
  Belief now = core::believe(lists_, before, std::move(signs), registered, belief.home_seen);
  note_move(belief, now);
  if (now.proven.peer != before.peer) {
    at_home_[before.peer].erase(device);
    at_home_[now.proven.peer].insert(device);
  }
  if (now.proven != belief.proven) unsaved_[device] = now.proven;
  belief = std::move(now);
}

core::Present TrustLedger::present(const std::string& device) const {
  core::Present present;
  core::Database* registrar = neighbours_.callmanager();
  if (registrar == nullptr) return present;
  const core::Time now = clock_.now();
  for (const core::Registration& one : core::RegistrationStore(*registrar).find(device)) {
    if (one.expires_at <= now) continue;
    TrustSign::Time& last = present[core::address_text(one.peer)];
    last = std::max<TrustSign::Time>(last, one.refreshed_at);
  }
  return present;
}

/// note_present remembers where phones were registered that only refresh, which is no sign.
void TrustLedger::note_present(const std::vector<core::Registration>& registrations) {
  for (const core::Registration& one : registrations) {
    const auto found = beliefs_.find(one.device);
    if (found == beliefs_.end() || found->second.proven.peer != core::address_text(one.peer))
      continue;
    TrustSign::Time& seen = found->second.home_seen;
    seen = std::max<TrustSign::Time>(seen, one.refreshed_at);
  }
}

/// note_move tells once that another address acts as a phone, and bounds how often.
void TrustLedger::note_move(const Belief& before, const Belief& now) {
  if (now.elsewhere.empty() || now.elsewhere == before.elsewhere) return;
  const core::Time time = clock_.now();
  if (time - moves_since_ > std::chrono::minutes(1)) {
    moves_since_ = time;
    moves_ = 0;
  }
  if (++moves_ > kMovesTold) return;
  core::log(core::Level::warning, "PHONE_ADDRESS_CHANGED",
            {{"device", now.proven.device}, {"from", now.proven.peer}, {"to", now.elsewhere}});
}

PhoneTrust TrustLedger::trust_of(const std::string& device, const std::string& sha1) const {
  const auto found = beliefs_.find(device);
  if (found == beliefs_.end()) return {core::judge(lists_, Belief{}, sha1), "", "", {}, ""};
  const Belief* belief = &found->second;
  Belief settled;
  if (!belief->contested_by.empty() && core::contest_over(*belief, present(device))) {
    settled = *belief;
    settled.contested_by.clear();
    belief = &settled;
  }
  return {core::judge(lists_, *belief, sha1), belief->proven.peer, belief->elsewhere,
          belief->proven.address_proof, belief->contested_by};
}

PhoneTrust TrustLedger::of(const std::string& device) {
  refresh();
  const std::lock_guard lock(mutex_);
  return trust_of(device, in_force_);
}

std::map<std::string, PhoneTrust> TrustLedger::of(const std::vector<std::string>& devices,
                                                  const std::set<std::string>& lists) {
  refresh();
  const std::lock_guard lock(mutex_);
  std::map<std::string, PhoneTrust> result;
  for (const std::string& device : devices) {
    PhoneTrust trust = trust_of(device, in_force_);
    for (const std::string& sha1 : lists) {
      if (trust.judgement.acceptance == Acceptance::accepted) break;
      PhoneTrust other = trust_of(device, sha1);
      if (other.judgement.acceptance == Acceptance::accepted) trust = std::move(other);
    }
    result.emplace(device, std::move(trust));
  }
  return result;
}

TrustCounts TrustLedger::counts() {
  refresh();
  TrustCounts counts;
  const auto phones = phones_.stamps();
  const std::lock_guard lock(mutex_);
  for (const auto& [device, stamp] : phones) {
    if (!core::fetches_trust_lists(device)) continue;
    const core::Judgement judgement = trust_of(device, in_force_).judgement;
    switch (judgement.acceptance) {
      case Acceptance::accepted: ++counts.accepted; break;
      case Acceptance::fetched: ++counts.fetched; break;
      case Acceptance::refused: ++counts.refused; break;
      case Acceptance::unknown:
        ++counts.unknown;
        if (!judgement.holds.empty()) ++counts.older;
        break;
    }
  }
  return counts;
}

std::vector<TrustLedger::Unproven> TrustLedger::unproven(const std::vector<std::string>& devices) {
  refresh();
  const std::lock_guard lock(mutex_);
  std::vector<Unproven> result;
  for (const std::string& device : devices) {
    if (!core::fetches_trust_lists(device)) continue;
    core::Judgement judgement = trust_of(device, in_force_).judgement;
    if (judgement.acceptance != Acceptance::accepted)
      result.push_back({device, std::move(judgement)});
  }
  std::sort(result.begin(), result.end(),
            [](const Unproven& a, const Unproven& b) { return a.device < b.device; });
  return result;
}

std::vector<TrustSign> TrustLedger::signs(const std::string& device) {
  std::vector<TrustSign> all;
  for (core::Database* database : neighbours()) {
    if (database == nullptr) continue;
    for (TrustSign& sign : TrustSignStore(*database).of(device)) all.push_back(std::move(sign));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const TrustSign& a, const TrustSign& b) { return a.at < b.at; });
  return all;
}

void TrustLedger::forget(const std::string& device) {
  const std::lock_guard lock(mutex_);
  holdings_.remove(device);
  unsaved_.erase(device);
  const auto found = beliefs_.find(device);
  if (found == beliefs_.end()) return;
  at_home_[found->second.proven.peer].erase(device);
  beliefs_.erase(found);
}

}  // namespace ringfence::services::admin
