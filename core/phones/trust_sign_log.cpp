#include "core/phones/trust_sign_log.h"

#include <algorithm>
#include <chrono>

#include "core/base/log.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;

constexpr auto kGather = 100ms;
constexpr auto kRetry = 1s;

}  // namespace

TrustSignLog::TrustSignLog(Database& database, const Bounds& bounds)
    : store_(database), bounds_(bounds), thread_([this] { run(); }) {}

TrustSignLog::~TrustSignLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void TrustSignLog::add(TrustSign sign) {
  {
    const std::lock_guard lock(mutex_);
    ++waiting_of_[sign.peer];
    waiting_.push_back(std::move(sign));
    if (waiting_.size() > bounds_.waiting) drop_one();
  }
  changed_.notify_one();
}

void TrustSignLog::drop_one() {
  if (!lost_some_) log(Level::warning, "TRUST_SIGNS_LOST");
  lost_some_ = true;
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  const std::string greediest =
      std::max_element(waiting_of_.begin(), waiting_of_.end(), fewer)->first;
  const auto is_theirs = [&](const TrustSign& sign) { return sign.peer == greediest; };
  waiting_.erase(std::find_if(waiting_.begin(), waiting_.end(), is_theirs));
  one_less(greediest);
}

void TrustSignLog::one_less(const std::string& peer) {
  const auto found = waiting_of_.find(peer);
  if (--found->second == 0) waiting_of_.erase(found);
}

std::vector<TrustSign> TrustSignLog::take() {
  std::vector<TrustSign> batch;
  while (!waiting_.empty() && batch.size() < bounds_.batch) {
    one_less(waiting_.front().peer);
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

void TrustSignLog::put_back(std::vector<TrustSign> batch) {
  for (; !batch.empty(); batch.pop_back()) {
    ++waiting_of_[batch.back().peer];
    waiting_.push_front(std::move(batch.back()));
    if (waiting_.size() > bounds_.waiting) drop_one();
  }
}

void TrustSignLog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    changed_.wait_for(lock, failing_ ? kRetry : kGather, [this] { return stopping_; });
    std::vector<TrustSign> batch = take();
    lock.unlock();
    const bool saved = batch.empty() || save(batch);
    lock.lock();
    if (saved)
      lost_some_ = lost_some_ && !waiting_.empty();
    else
      put_back(std::move(batch));
    if (stopping_ && (waiting_.empty() || !saved)) return;
  }
}

bool TrustSignLog::save(const std::vector<TrustSign>& batch) {
  try {
    store_.save(batch);
    failing_ = false;
    return true;
  } catch (const std::exception& error) {
    // Phones must go on being served when the journal's disk is full.
    if (!failing_) log(Level::error, "TRUST_SIGNS_WAIT", {{"why", error.what()}});
    failing_ = true;
    return false;
  }
}

}  // namespace ringfence::core
