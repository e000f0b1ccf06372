#include "hsm/signer/pool.h"

#include <algorithm>

#include <fmt/format.h>

#include "hsm/signer/log.h"
#include "hsm/signer/token_file.h"

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxQueue = 1024;
constexpr std::size_t kMaxKeyOperations = 16;
constexpr unsigned kTriesAfterDeaths = 5;  // one that kills five workers shall not kill a sixth
constexpr unsigned kTriesAfterLosses = 2;

std::uint64_t unix_now() {
  return static_cast<std::uint64_t>(
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
}

/// is_done reads the first byte of an encoded outcome.
bool is_done(BytesView outcome) {
  return !outcome.empty() && outcome[0] == 0;
}

Error locked_error() {
  return {Kind::pin,
          "the token is locked: an administrator must type its PIN with utils hsm unlock"};
}

/// key_of returns the key that a key operation takes away.
const KeyRef* key_of(const wire::Operation& operation) {
  if (const auto* destroy = std::get_if<wire::Destroy>(&operation)) return &destroy->key;
  if (const auto* rename = std::get_if<wire::Rename>(&operation)) return &rename->key;
  return nullptr;
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
  if (const KeyRef* key = key_of(job.operation)) {
    known(*key);
    catalogue_.hide(*key, true);
  }
  key_operations_.push_back(std::move(job));
}

void Pool::unlock(Job job) {
  if (!locked() || unlocking_) throw Error(Kind::request, "the token is not locked");
  Bytes& pin = std::get<wire::Unlock>(job.operation).pin;
  const Pin wiped(std::move(pin));
  lock_.try_pin(wiped.reveal(), job.arrived);
  unlocking_ = std::move(job);
  recovery_.unlocked();
}

void Pool::forget(std::uint64_t client) {
  std::erase_if(signatures_, [client](const Job& job) { return job.client == client; });
}

void Pool::on_event(int fd, std::uint32_t events) {
  Worker& worker = *workers_.at(fd);
  if ((events & EPOLLOUT) != 0) worker.flush();
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0) return;
  const bool open = worker.fill();
  try {
    while (workers_.contains(fd)) {
      const auto said = worker.next();
      if (!said) break;
      hear(worker, *said);
    }
  } catch (const Error& error) {  // its memory is damaged: a fresh one does the work again
    if (error.kind() != Kind::request) throw;
    lose(worker, Loss::worker, error);
  }
  if (!open && workers_.contains(fd))
    lose(worker, Loss::worker, Error(Kind::unavailable, "the worker ended", 1s));
  lost_workers_.clear();
}

void Pool::hear(Worker& worker, const worker_wire::Said& said) {
  if (const auto* result = std::get_if<worker_wire::Result>(&said)) {
    on_result(worker, *result);
  } else if (const auto* hello = std::get_if<worker_wire::Hello>(&said)) {
    on_hello(worker, *hello);
  } else if (const auto* end = std::get_if<worker_wire::End>(&said)) {
    on_end(worker, end->reason);
  } else if (const auto* learned = std::get_if<worker_wire::Learned>(&said)) {
    if (learned->key.copied) worker.copied.insert(learned->key.info.ref);
  }
}

void Pool::on_result(Worker& worker, const worker_wire::Result& result) {
  const Clock::time_point now = Clock::now();
  Job job = worker.take(result, now);
  const SignRequest* signature = job.signature();
  if (signature != nullptr && is_done(result.outcome)) {
    catalogue_.learn(signature->key, result.took);
    latencies_.record(now, now - job.arrived);
    ++signed_;
    return answered_(job, result.outcome);
  }
  const wire::Outcome outcome = wire::parse_outcome(result.outcome);
  const Error* error = std::get_if<Error>(&outcome);
  const bool lost = error != nullptr && is_device_lost(error->rv());
  if (lost && signature != nullptr && job.tries < kTriesAfterLosses) {
    signatures_.push_front(std::move(job));
  } else if (signature != nullptr) {
    answer(job, outcome);
  } else {
    on_key_operation(worker, job, outcome);
  }
  if (lost) lose(worker, Loss::token, Error(*error));
}

void Pool::on_hello(Worker& worker, const worker_wire::Hello& hello) {
  worker.set_ready();
  try {
    keep_token_files(config_);
  } catch (const Error& error) {  // a full disk does not stop signing
    log(fmt::format("SIGNER_TOKEN_FILE_NOT_KEPT reason=\"{}\"", error.what()));
  }
  recovery_.ready(worker.started());
  lock_.accepted();
  token_ = hello.token;
  catalogue_.replace(hello.keys);
  for (const Job& job : key_operations_)
    if (const KeyRef* key = key_of(job.operation)) catalogue_.hide(*key, true);
  for (const KeyFacts& key : hello.keys)
    if (key.copied) worker.copied.insert(key.info.ref);
  open_ = true;
  finish_unlock(wire::Done{});
}

void Pool::on_end(Worker& worker, const Error& reason) {
  if (!open_) throw reason;
  if (reason.kind() != Kind::pin) return lose(worker, Loss::token, reason);
  recovery_.pin_refused(reason);
  lose(worker, Loss::worker, reason);
  finish_unlock(reason);  // turn() locks again when this was the last worker
}

void Pool::finish_unlock(const wire::Outcome& outcome) {
  if (!unlocking_) return;
  const Job job = *std::exchange(unlocking_, std::nullopt);
  const Error* error = std::get_if<Error>(&outcome);
  log(fmt::format("SIGNER_UNLOCK outcome=\"{}\"", error != nullptr ? error->what() : "done"));
  answer(job, outcome);
}

void Pool::on_key_operation(Worker& worker, const Job& job, const wire::Outcome& outcome) {
  key_worker_ = nullptr;
  const auto* done = std::get_if<wire::Done>(&outcome);
  log(fmt::format("SIGNER_KEYS_CHANGED request=\"{}\" outcome=\"{}\"", describe(job.operation),
                  done != nullptr ? "done" : std::get<Error>(outcome).what()));
  const KeyRef* gone = key_of(job.operation);
  if (gone != nullptr) catalogue_.hide(*gone, false);
  if (done == nullptr) return answer(job, outcome);
  if (gone != nullptr) {
    catalogue_.remove(*gone);
    worker.copied.erase(*gone);
    tell_others(worker, worker_wire::Notice::forget, *gone);
  }
  if (std::holds_alternative<wire::Destroy>(job.operation)) return answer(job, outcome);
  const KeyFacts made = worker_wire::parse_key(done->payload);
  catalogue_.put(made);
  if (made.copied) worker.copied.insert(made.info.ref);
  tell_others(worker, worker_wire::Notice::learn, made.info.ref);
  answer(job, wire::Done{wire::encode_key(made.info.ref)});
}

void Pool::tell_others(const Worker& worker, worker_wire::Notice notice, const KeyRef& key) {
  for (auto& [fd, other] : workers_) {
    if (other.get() == &worker) continue;
    if (notice == worker_wire::Notice::forget) other->copied.erase(key);
    other->notice(notice, key);
    other->flush();
  }
}

void Pool::lose(Worker& worker, Loss loss, const Error& reason) {
  const Clock::time_point now = Clock::now();
  if (!open_) throw reason;
  ++restarts_;
  log(fmt::format("SIGNER_WORKER_LOST pid={} reason=\"{}\" restarts={}", worker.pid(),
                  reason.what(), restarts_));
  if (loss == Loss::token) recovery_.lost(now, worker.started(), reason);
  recovery_.died(now, worker.started(), worker.ready());
  if (key_worker_ == &worker) key_worker_ = nullptr;
  std::deque<Job> jobs = worker.drop();
  auto node = workers_.extract(worker.fd());
  lost_workers_.push_back(std::move(node.mapped()));
  // What was in hand is done again, first, unless it may have changed the token.
  for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) {
    if (job->signature() != nullptr && job->tries < kTriesAfterDeaths) {
      signatures_.push_front(std::move(*job));
    } else if (job->signature() != nullptr) {
      answer(*job, reason);
    } else {
      if (const KeyRef* key = key_of(job->operation)) catalogue_.hide(*key, false);
      answer(*job, Error(Kind::unavailable, fmt::format("{} was cut off and may have been done: {}",
                                                        describe(job->operation), reason.what())));
    }
  }
  if (unlocking_ && loss == Loss::token) {
    lock_.refused(now);
    finish_unlock(reason);
  }
}

void Pool::answer(const Job& job, const wire::Outcome& outcome) {
  if (std::holds_alternative<Error>(outcome)) ++failed_;
  answered_(job, wire::encode(outcome));
}

void Pool::turn() {
  const Clock::time_point now = Clock::now();
  end_hung_workers(now);
  start_one_if_due(now);
  refuse_what_cannot_be_done(now);
  deal_key_operation(now);
  deal_signatures(now);
  for (auto& [fd, worker] : workers_) worker->flush();
  watch_state(now);
  lost_workers_.clear();
}

void Pool::end_hung_workers(Clock::time_point now) {
  std::vector<Worker*> hung;
  for (const auto& [fd, worker] : workers_)
    if (const auto end = worker->hung_after(); end && *end <= now) hung.push_back(worker.get());
  for (Worker* worker : hung)
    lose(*worker, Loss::token, Error(Kind::unavailable, "the module does not answer", 1s));
}

void Pool::start_one_if_due(Clock::time_point now) {
  const auto due = recovery_.next_start();
  const bool busy_with_keys = key_worker_ != nullptr && !key_worker_->idle();
  if (locked() || !due || *due > now || workers_.size() >= config_.workers ||
      starting() != nullptr || busy_with_keys)
    return;
  recovery_.starting(now);
  try {
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
    if (const KeyRef* key = key_of(job.operation)) catalogue_.hide(*key, false);
    answer(job, *why);
  }
}

void Pool::deal_key_operation(Clock::time_point now) {
  if (key_operations_.empty() && key_worker_ != nullptr && key_worker_->idle())
    key_worker_ = nullptr;
  if (key_operations_.empty() || starting() != nullptr) return;
  if (const KeyRef* key = key_of(key_operations_.front().operation)) {
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
  const bool wanted = !locked() && workers_.size() < config_.workers && starting() == nullptr;
  if (wanted) consider(recovery_.next_start());
  for (const auto& [fd, worker] : workers_) consider(worker->hung_after());
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
        workers_, [&ref](const auto& entry) { return entry.second->copied.contains(ref); });
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
  return status;
}

}  // namespace ringfence::hsm
