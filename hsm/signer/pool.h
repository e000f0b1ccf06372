// The pool: N workers, the queue before them, and what becomes of a worker or token that is lost.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>

#include "hsm/signer/catalogue.h"
#include "hsm/signer/lock.h"
#include "hsm/signer/metrics.h"
#include "hsm/signer/recovery.h"
#include "hsm/signer/roles.h"
#include "hsm/signer/signature_counts.h"
#include "hsm/signer/worker.h"

namespace ringfence::hsm {

/// Pool deals signatures and key operations to its workers.
///
/// Signatures go to the worker with the least work in hand; each has the next one at hand, and no
/// more than four milliseconds' worth of them. Key operations run one at a time, on a worker that
/// does nothing else meanwhile, and not while a worker starts or takes up a new key: neither is
/// safe beside the other in a software token. The start of workers is serialised for the same
/// reason.
///
/// A worker that ends is replaced (see Recovery) and its signatures are done by another. While the
/// token is lost and none can sign, requests are refused with the seconds to wait. A PIN that was
/// refused is never tried again.
///
/// One thread; it blocks only to fork a worker and to bury one that was killed.
class Pool {
 public:
  using Clock = Job::Clock;

  /// Answered takes a finished job and its outcome as wire::encode(Outcome) writes it.
  using Answered = std::function<void(const Job& job, BytesView outcome)>;

  /// `config` and `epoll` must outlive the pool.
  Pool(const Config& config, Epoll& epoll, Answered answered);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();  ///< lets each worker finish the request in hand

  /// open says whether clients may come: a worker was ready once, or waits for a typed PIN.
  bool open() const noexcept { return open_; }

  /// submit takes a signature or a key operation. Throws Error at once for what cannot be queued:
  /// `not_found` for an unknown key, `unavailable` when the queue is full or the token is lost,
  /// `pin` while it is locked.
  void submit(Job job);

  /// unlock logs in with the PIN in the job's Unlock; the answer comes when the token has decided.
  /// Throws Error: `request` when nothing is locked, `unavailable` too soon after a refused PIN.
  void unlock(Job job);

  /// public_key returns SubjectPublicKeyInfo DER; throws as submit does.
  const Bytes& public_key(const KeyRef& ref);

  /// keys lists those that a role may see.
  std::vector<KeyInfo> keys(const Role& role) const;

  /// forget drops what a client that went away has queued.
  void forget(std::uint64_t client);

  bool owns(int fd) const { return workers_.contains(fd); }

  /// on_event reads and writes one worker's channel.
  void on_event(int fd, std::uint32_t events);

  /// turn does what time and freed workers allow: starts, refusals, dealing. Call it after each
  /// round of events. Throws Error when the pool cannot go on: at start for any reason, later when
  /// the PIN was refused and no worker is left.
  void turn();

  /// next_turn returns when `turn` must be called at the latest.
  std::optional<Clock::time_point> next_turn() const;

  Status status();

 private:
  bool locked() const { return config_.pin_is_typed() && lock_.pin() == nullptr; }

  void require_usable(Clock::time_point now) const;
  Catalogue::Key& known(const KeyRef& ref);
  std::size_t ready() const;
  const Worker* starting() const;
  bool learning() const;  ///< some worker has not yet taken up a new key

  bool wants_a_worker() const;
  void set_torn_objects_aside() const;
  void start_one_if_due(Clock::time_point now);
  void end_hung_workers(Clock::time_point now);
  void refuse_what_cannot_be_done(Clock::time_point now);
  void deal_key_operation(Clock::time_point now);
  void deal_signatures(Clock::time_point now);
  Worker* least_busy(std::chrono::nanoseconds cost);
  void watch_state(Clock::time_point now);

  void hear(Worker& worker, const worker_wire::Said& said);
  void on_result(Worker& worker, const worker_wire::Result& result);
  void on_hello(Worker& worker, const worker_wire::Hello& hello);
  void on_end(Worker& worker, const Error& reason);
  void on_key_operation(Worker& worker, const Job& job, const wire::Outcome& outcome);
  void tell_others(const Worker& worker, worker_wire::Notice notice, const KeyRef& key);
  void finish_unlock(const wire::Outcome& outcome);

  enum class Loss { worker, token };
  /// lose ends a worker; what it had in hand is done by others, or answered by the reason.
  void lose(Worker& worker, Loss loss, const Error& reason);
  void answer(const Job& job, const wire::Outcome& outcome);
  Error unavailable(Clock::time_point now) const;

  const Config& config_;
  Epoll& epoll_;
  const Answered answered_;
  std::unordered_map<int, std::unique_ptr<Worker>> workers_;  ///< by channel
  std::list<std::unique_ptr<Worker>> lost_workers_;  ///< until the event that lost them is over
  std::deque<Job> signatures_;
  std::deque<Job> key_operations_;
  const Worker* key_worker_ = nullptr;  ///< kept free for the next key operation, or doing one
  Catalogue catalogue_;
  TokenFacts token_;
  bool open_ = false;
  Lock lock_;
  std::optional<Job> unlocking_;
  Recovery recovery_;
  PoolState state_ = PoolState::starting;
  std::uint64_t degraded_since_ = 0;  ///< seconds since 1970
  std::uint32_t restarts_ = 0;
  std::uint64_t signed_ = 0;
  std::uint64_t failed_ = 0;
  const std::uint64_t started_;  ///< seconds since 1970
  Latencies latencies_;
  SignatureCounts counts_;
};

}  // namespace ringfence::hsm
