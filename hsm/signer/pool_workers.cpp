// What the pool's workers say, and what becomes of those that are lost.
#include <fmt/format.h>

#include "hsm/signer/log.h"
#include "hsm/signer/pool.h"
#include "hsm/signer/token_file.h"

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kTriesAfterDeaths = 5;  // one that kills five workers shall not kill a sixth
constexpr unsigned kTriesAfterLosses = 2;

/// is_done reads the first byte of an encoded outcome.
bool is_done(BytesView outcome) {
  return !outcome.empty() && outcome[0] == 0;
}

}  // namespace

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
    worker.learned(*learned);
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
    counts_.add(job.role, job.form, signature->key, now);
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
    if (const KeyRef* key = job.taken_key()) catalogue_.hide(*key, true);
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
  const KeyRef* gone = job.taken_key();
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
      if (const KeyRef* key = job->taken_key()) catalogue_.hide(*key, false);
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

}  // namespace ringfence::hsm
