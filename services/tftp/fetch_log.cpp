#include "services/tftp/fetch_log.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/base/error.h"
#include "core/base/log.h"

namespace ringfence::services::tftp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxWaiting = 100'000;
constexpr auto kGather = 50ms;  // what it shows goes through one more log of 100 ms

/// last_of_each leaves out what a later one replaces: of a peer that fetches one file again and
/// again, the last is all that is kept.
std::vector<core::Fetch> last_of_each(std::vector<core::Fetch> fetches) {
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  std::vector<core::Fetch> kept;
  for (auto one = fetches.rbegin(); one != fetches.rend(); ++one)
    if (seen.emplace(one->device, one->file, one->peer).second) kept.push_back(std::move(*one));
  std::ranges::reverse(kept);
  return kept;
}

}  // namespace

FetchLog::FetchLog(core::Database& database, core::Database& admin)
    : group_(database),
      signs_(database, group_),
      store_(database),
      phones_(admin),
      behind_(
          group_, {.event = "TFTP_FETCHES_WAIT", .gather = kGather}, [this] { return take(); },
          [this](const Batch& batch) { store_.save(batch); }) {}

void FetchLog::add(const File& file, const std::string& name, const std::string& peer,
                   core::Time now) {
  Added added{
      {file.device, name, file.content->sha1, core::address_text(peer), now, file.config_stamp},
      file.signer,
      core::sign_time()};
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) waiting_.pop_front();
    waiting_.push_back(std::move(added));
  }
  behind_.due();
}

/// note keeps what a known phone's fetch shows: which list it was offered, and what came next.
void FetchLog::note(const Added& added) {
  const core::Fetch& fetch = added.fetch;
  if (fetch.device.empty() || fetch.file.starts_with("CTL")) return;
  core::TrustSign sign{fetch.device, core::TrustSignKind::plain_config, fetch.peer, "", fetch.file,
                       added.at};
  if (fetch.file.starts_with("ITL")) {
    sign.kind = core::TrustSignKind::list_fetched;
    sign.subject = fetch.sha1;
  } else if (!added.signer.empty()) {
    sign.kind = core::TrustSignKind::signed_config;
    sign.subject = added.signer;
  }
  signs_.add(std::move(sign));
}

/// known returns the fetches with the devices that phones have, and notes what these show.
FetchLog::Batch FetchLog::known(std::deque<Added> added) {
  std::map<std::string, bool> asked;
  std::vector<core::Fetch> fetches;
  fetches.reserve(added.size());
  for (Added& one : added) {
    const auto [found, first] = asked.try_emplace(one.fetch.device, false);
    if (first && !one.fetch.device.empty()) {
      try {
        found->second = phones_.has(one.fetch.device);
      } catch (const core::Error&) {
        found->second = false;  // trust lists are served also while admin.db cannot be read
      }
    }
    if (!found->second) one.fetch.device.clear();
    note(one);
    fetches.push_back(std::move(one.fetch));
  }
  return last_of_each(std::move(fetches));
}

std::pair<FetchLog::Batch, bool> FetchLog::take() {
  std::deque<Added> added;
  {
    const std::lock_guard lock(mutex_);
    added.swap(waiting_);
  }
  return {known(std::move(added)), false};
}

}  // namespace ringfence::services::tftp
