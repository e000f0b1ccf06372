#include "hsm/signer/pool.h"

#include <algorithm>

#include <fmt/format.h>

#include "hsm/signer/log.h"
#include "hsm/signer/token_file.h"
#include "hsm/signer/torn_objects.h"

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxQueue = 1024;
constexpr std::size_t kMaxKeyOperations = 16;

std::uint64_t unix_now() {
  return static_cast<std::uint64_t>(
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
}

Error locked_error() {
  return {Kind::pin,
          "the token is locked: an administrator must type its PIN with utils hsm unlock"};
}

}  // namespace

Pool::Pool(const Config& config, Epoll& epoll, Answered answered)
    : config_(config),
      epoll_(epoll),
      answered_(std::move(answered)),
      open_(config.pin_is_typed()),
      started_(unix_now()),
      latencies_(Clock::now()) {}

Pool::~Pool() {
  for (const std::string& line : counts_.all()) log(line);
  for (auto& [fd, worker] : workers_) worker->let_finish();
}

std::size_t Pool::ready() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(workers_, [](const auto& entry) { return entry.second->ready(); }));
}

const Worker* Pool::starting() const {
  for (const auto& [fd, worker] : workers_)
    if (!worker->ready()) return worker.get();
  return nullptr;
}

bool Pool::learning() const {
  return std::ranges::any_of(workers_, [](const auto& entry) { return entry.second->learning(); });
}

Error Pool::unavailable(Clock::time_point now) const {
  const Error* trouble = recovery_.trouble();
  if (trouble != nullptr && trouble->kind() == Kind::pin) return *trouble;
  const auto next = recovery_.next_start();
  const auto left = next ? std::chrono::ceil<std::chrono::seconds>(*next - now) : 30s;
  return {Kind::unavailable,
          fmt::format("the token cannot be reached ({})",
                      trouble != nullptr ? trouble->what() : "no worker"),
          std::max<std::chrono::seconds>(left, 1s)};
}

void Pool::require_usable(Clock::time_point now) const {
  if (locked()) throw locked_error();
  const bool lost = recovery_.trouble() != nullptr && ready() == 0 && starting() == nullptr;
  if (lost && recovery_.next_start().value_or(Clock::time_point::max()) > now)
    throw unavailable(now);
}

Catalogue::Key& Pool::known(const KeyRef& ref) {
  Catalogue::Key* key = catalogue_.find(ref);
  if (key == nullptr) throw Error(Kind::not_found, "the token has no key " + to_text(ref));
  return *key;
}

const Bytes& Pool::public_key(const KeyRef& ref) {
  if (locked()) throw locked_error();
  return known(ref).facts.spki;
}

std::vector<KeyInfo> Pool::keys(const Role& role) const {
  if (locked()) throw locked_error();
  std::vector<KeyInfo> list;
  for (const auto& [ref, key] : catalogue_.keys())
    if (!key.hidden && may_see(role, ref.label)) list.push_back(key.facts.info);
  return list;
}

void Pool::submit(Job job) {
  require_usable(job.arrived);
  if (const SignRequest* signature = job.signature()) {
    job.cost = known(signature->key).cost;
    if (signatures_.size() >= kMaxQueue) throw Error(Kind::unavailable, "the signer is busy", 1s);
    signatures_.push_back(std::move(job));
    return;
  }
  if (key_operations_.size() >= kMaxKeyOperations)
    throw Error(Kind::unavailable, "the signer is busy with keys", 5s);
  if (const KeyRef* key = job.taken_key()) {
    known(*key);
    catalogue_.hide(*key, true);
  }
  key_operations_.push_back(std::move(job));
}

void Pool::unlock(Job job) {
  if (!locked() || unlocking_) throw Error(Kind::request, "the token is not locked");
  const core::Secret pin = std::move(std::get<wire::Unlock>(job.operation).pin);
  lock_.try_pin(pin.reveal(), job.arrived);
  unlocking_ = std::move(job);
  recovery_.unlocked();
}

void Pool::forget(std::uint64_t client) {
  std::erase_if(signatures_, [client](const Job& job) { return job.client == client; });
}

void Pool::turn() {
  const Clock::time_point now = Clock::now();
  end_hung_workers(now);
  lost_workers_.clear();           // a hung one may hold the token's locks
  start_one_if_due(Clock::now());  // after the losses of this turn
  refuse_what_cannot_be_done(now);
  deal_key_operation(now);
  deal_signatures(now);
  for (auto& [fd, worker] : workers_) worker->flush();
  watch_state(now);
  lost_workers_.clear();
  for (const std::string& line : counts_.due(now)) log(line);
}

void Pool::end_hung_workers(Clock::time_point now) {
  std::vector<Worker*> hung;
  for (const auto& [fd, worker] : workers_)
    if (const auto end = worker->hung_after(); end && *end <= now) hung.push_back(worker.get());
  for (Worker* worker : hung)
    lose(*worker, Loss::token, Error(Kind::unavailable, "the module does not answer", 1s));
}

bool Pool::wants_a_worker() const {
  const bool busy_with_keys = key_worker_ != nullptr && !key_worker_->idle();
  return !locked() && workers_.size() < config_.workers && starting() == nullptr &&
         !busy_with_keys && !learning();
}

void Pool::set_torn_objects_aside() const {
  for (const std::filesystem::path& moved : set_aside_torn_objects(config_))
    log(fmt::format("SIGNER_TOKEN_OBJECT_TORN file=\"{}\" moved_to=\"{}\"",
                    moved.filename().string(), moved.parent_path().string()));
}

void Pool::start_one_if_due(Clock::time_point now) {
  const auto due = recovery_.next_start();
  if (!wants_a_worker() || !due || *due > now) return;
  recovery_.starting(now);
  try {
    if (workers_.empty()) set_torn_objects_aside();
    if (restore_token_files(config_) > 0) log("SIGNER_TOKEN_FILE_RESTORED");
    auto worker = std::make_unique<Worker>(start_worker(config_, lock_.pin()), epoll_, now);
    const int fd = worker->fd();
    workers_.emplace(fd, std::move(worker));
  } catch (const Error& error) {  // the kernel has no process or descriptor left for us now
    if (!open_) throw;
    log(fmt::format("SIGNER_WORKER_NOT_STARTED reason=\"{}\"", error.what()));
    recovery_.died(now, now, false);
  }
}

void Pool::refuse_what_cannot_be_done(Clock::time_point now) {
  if (workers_.empty() && recovery_.refused_pin()) {
    if (!config_.pin_is_typed()) throw *recovery_.refused_pin();
    lock_.refused(now);
    recovery_.unlocked();
  }
  std::optional<Error> why;
  try {
    require_usable(now);
  } catch (const Error& error) {
    why = error;
  }
  if (!why) return;
  for (const Job& job : std::exchange(signatures_, {})) answer(job, *why);
  for (const Job& job : std::exchange(key_operations_, {})) {
    if (const KeyRef* key = job.taken_key()) catalogue_.hide(*key, false);
    answer(job, *why);
  }
}

void Pool::deal_key_operation(Clock::time_point now) {
  if (key_operations_.empty() && key_worker_ != nullptr && key_worker_->idle())
    key_worker_ = nullptr;
  if (key_operations_.empty() || starting() != nullptr || learning()) return;
  if (const KeyRef* key = key_operations_.front().taken_key()) {
    // Signatures that were asked for before come first.
    const auto names = [key](const Job& job) { return job.signature()->key == *key; };
    if (std::ranges::any_of(signatures_, names)) return;
    for (const auto& [fd, worker] : workers_)
      if (worker->works_on(*key)) return;
  }
  if (key_worker_ == nullptr) key_worker_ = least_busy(0ns);
  if (key_worker_ == nullptr || !key_worker_->idle()) return;
  workers_.at(key_worker_->fd())->give(std::move(key_operations_.front()), now);
  key_operations_.pop_front();
}

Worker* Pool::least_busy(std::chrono::nanoseconds cost) {
  Worker* best = nullptr;
  for (const auto& [fd, worker] : workers_)
    if (worker->ready() && worker.get() != key_worker_ && worker->has_room(cost) &&
        (best == nullptr || worker->work() < best->work()))
      best = worker.get();
  return best;
}

void Pool::deal_signatures(Clock::time_point now) {
  while (!signatures_.empty()) {
    Worker* worker = least_busy(signatures_.front().cost);
    if (worker == nullptr) return;
    worker->give(std::move(signatures_.front()), now);
    signatures_.pop_front();
  }
}

void Pool::watch_state(Clock::time_point now) {
  const Error* trouble = recovery_.trouble();
  PoolState state = PoolState::operational;
  if (locked()) {
    state = PoolState::locked;
  } else if (trouble != nullptr && ready() < config_.workers) {
    state = PoolState::degraded;
  } else if (ready() == 0) {
    state = PoolState::starting;
  }
  if (state == state_) return;
  state_ = state;
  degraded_since_ = state == PoolState::degraded ? unix_now() : 0;
  const std::string why = state == PoolState::degraded
                              ? fmt::format(" reason=\"{}\" retry={}", trouble->what(),
                                            unavailable(now).retry_after().count())
                              : "";
  log(fmt::format("SIGNER_STATE {}{}", name(state), why));
}

std::optional<Pool::Clock::time_point> Pool::next_turn() const {
  std::optional<Clock::time_point> next;
  const auto consider = [&next](const std::optional<Clock::time_point>& time) {
    if (time && (!next || *time < *next)) next = time;
  };
  if (wants_a_worker()) consider(recovery_.next_start());
  for (const auto& [fd, worker] : workers_) consider(worker->hung_after());
  consider(counts_.next_due());
  return next;
}

Status Pool::status() {
  const Clock::time_point now = Clock::now();
  Status status;
  status.state = state_;
  if (state_ == PoolState::degraded) {
    status.reason = recovery_.trouble() != nullptr ? recovery_.trouble()->what() : "";
    status.retry_after = static_cast<std::uint32_t>(unavailable(now).retry_after().count());
  } else if (state_ == PoolState::locked) {
    status.reason = locked_error().what();
  }
  status.degraded_since = degraded_since_;
  status.module = config_.module;
  status.token = token_;
  for (const auto& [ref, key] : catalogue_.keys()) {
    const auto copies = std::ranges::count_if(
        workers_, [&ref = ref](const auto& entry) { return entry.second->copied.contains(ref); });
    status.keys.push_back({key.facts.info, key.facts.since, static_cast<std::uint32_t>(copies)});
  }
  for (const auto& [fd, worker] : workers_) status.workers.push_back(worker->status(now));
  std::ranges::sort(status.workers, {}, &WorkerStatus::pid);
  status.workers_wanted = config_.workers;
  status.restarts = restarts_;
  status.queued = static_cast<std::uint32_t>(signatures_.size() + key_operations_.size());
  status.queue_limit = kMaxQueue;
  status.signed_total = signed_;
  status.failed_total = failed_;
  const Latencies::Figures figures = latencies_.figures(now);
  status.signatures_per_second_x100 = static_cast<std::uint32_t>(figures.per_second * 100);
  status.latency_p50_us = static_cast<std::uint32_t>(figures.p50.count());
  status.latency_p99_us = static_cast<std::uint32_t>(figures.p99.count());
  status.started = started_;
  status.signatures = counts_.totals();
  return status;
}

}  // namespace ringfence::hsm
