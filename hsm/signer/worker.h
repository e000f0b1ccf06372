// The parent's end of one worker: its channel, and what it has in hand.
#pragma once

#include <deque>
#include <optional>
#include <set>

#include "hsm/signer/epoll.h"
#include "hsm/signer/job.h"
#include "hsm/signer/worker_process.h"
#include "hsm/signer/worker_wire.h"

namespace ringfence::hsm {

/// Worker answers its jobs in the order it got them. Its destructor ends the process at once, or
/// after let_finish within five seconds.
class Worker {
 public:
  using Clock = Job::Clock;

  Worker(WorkerProcess process, Epoll& epoll, Clock::time_point now);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  int fd() const noexcept { return process_.channel.get(); }

  pid_t pid() const noexcept { return process_.pid; }

  Clock::time_point started() const noexcept { return started_; }

  bool ready() const noexcept { return ready_; }

  bool idle() const noexcept { return in_hand_.empty(); }

  std::chrono::nanoseconds work() const noexcept { return work_; }

  /// has_room says whether one more job of this cost should be laid at hand.
  bool has_room(std::chrono::nanoseconds cost) const noexcept;
  bool works_on(const KeyRef& key) const;

  /// hung says whether the worker has not answered for longer than its work may take.
  std::optional<Clock::time_point> hung_after() const;

  void set_ready() noexcept { ready_ = true; }

  void give(Job job, Clock::time_point now);
  void notice(worker_wire::Notice notice, const KeyRef& key);

  /// learning says whether a notice to learn a key has not been answered.
  bool learning() const noexcept { return learning_ > 0; }

  void learned(const worker_wire::Learned& learned);

  /// flush sends what can be sent now.
  void flush();

  /// fill reads what has come; false at the end of the stream.
  bool fill();
  /// next returns what the worker said next, valid until fill. Throws Error{request} for nonsense.
  std::optional<worker_wire::Said> next();
  /// take returns the job that a result is for; throws Error{request} when it is another's turn.
  Job take(const worker_wire::Result& result, Clock::time_point now);

  /// drop returns all jobs in hand, in order.
  std::deque<Job> drop();

  /// let_finish closes the channel: the worker ends after the request in hand.
  void let_finish();

  std::set<KeyRef> copied;  ///< keys it signs with by session-object copies

  WorkerStatus status(Clock::time_point now) const;

 private:
  struct InHand {
    std::uint32_t id;
    Job job;
  };

  WorkerProcess process_;
  Epoll& epoll_;
  wire::FrameReader in_{worker_wire::kMaxBody};
  Bytes out_;
  std::size_t sent_ = 0;  ///< of out_
  bool waits_for_room_ = false;
  bool ready_ = false;
  const Clock::time_point started_;
  Clock::time_point busy_since_;  ///< its start, its last answer, or the first job after that
  std::deque<InHand> in_hand_;
  std::chrono::nanoseconds work_{0};
  unsigned learning_ = 0;
  std::uint32_t last_id_ = 0;
  std::uint64_t answered_ = 0;
};

}  // namespace ringfence::hsm
