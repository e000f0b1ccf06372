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

FetchLog::FetchLog(core::Database& database) : store_(database), thread_([this] { run(); }) {}

FetchLog::~FetchLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void FetchLog::add(core::Fetch fetch) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) waiting_.erase(waiting_.begin());
    waiting_.push_back(std::move(fetch));
  }
  changed_.notify_one();
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
