#include "services/tftp/fetch_log.h"

#include <chrono>

#include "core/base/log.h"

namespace ringfence::services::tftp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxWaiting = 100'000;
constexpr auto kGather = 100ms;
constexpr auto kRetry = 1s;

}  // namespace

FetchLog::FetchLog(core::Database& database)
    : signs_(database), store_(database), thread_([this] { run(); }) {}

FetchLog::~FetchLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void FetchLog::add(const File& file, const std::string& name, const std::string& peer,
                   core::Time now) {
  const std::string address = core::address_text(peer);
  note(file, name, address);
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) waiting_.erase(waiting_.begin());
    waiting_.push_back({file.device, name, file.content->sha1, address, now, file.config_stamp});
  }
  changed_.notify_one();
}

/// note keeps what a known phone's fetch shows: which list it was offered, and what came next.
void FetchLog::note(const File& file, const std::string& name, const std::string& address) {
  if (file.device.empty() || name.starts_with("CTL")) return;
  core::TrustSign sign{file.device,      core::TrustSignKind::plain_config, address, "", name,
                       core::sign_time()};
  if (name.starts_with("ITL")) {
    sign.kind = core::TrustSignKind::list_fetched;
    sign.subject = file.content->sha1;
  } else if (!file.signer.empty()) {
    sign.kind = core::TrustSignKind::signed_config;
    sign.subject = file.signer;
  }
  signs_.add(std::move(sign));
}

void FetchLog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    changed_.wait_for(lock, failing_ ? kRetry : kGather, [this] { return stopping_; });
    const bool last = stopping_;
    std::vector<core::Fetch> batch;
    batch.swap(waiting_);
    lock.unlock();
    const bool saved = batch.empty() || save(batch);
    lock.lock();
    if (!saved) waiting_.insert(waiting_.begin(), batch.begin(), batch.end());
    if (last) return;
  }
}

bool FetchLog::save(const std::vector<core::Fetch>& batch) {
  try {
    store_.save(batch);
    failing_ = false;
    return true;
  } catch (const std::exception& error) {
    // Files must go on being served when the journal's disk is full.
    if (!failing_) core::log(core::Level::error, "TFTP_FETCHES_WAIT", {{"why", error.what()}});
    failing_ = true;
    return false;
  }
}

}  // namespace ringfence::services::tftp
