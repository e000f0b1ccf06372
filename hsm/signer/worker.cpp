#include "hsm/signer/worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostAtHand = 64;
constexpr auto kWorkAtHand = 4ms;
constexpr auto kRefillBelow = 2ms;  // so that quick jobs come several at a time
constexpr auto kStartTime = 60s;
constexpr auto kSignatureTime = 8s;  // then another can still answer within a client's 10 s
constexpr auto kLearnTime = 3s;      // others wait for it
constexpr auto kKeyOperationTime = 120s;
constexpr auto kFinishTime = 5s;

bool ends_within(pid_t pid, std::chrono::milliseconds limit) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd entry{process.get(), POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(limit.count())) == 1;
}

}  // namespace

Worker::Worker(WorkerProcess process, Epoll& epoll, Clock::time_point now)
    : process_(std::move(process)), epoll_(epoll), started_(now), busy_since_(now) {
  epoll_.add(fd());
}

Worker::~Worker() {
  if (process_.channel || !ends_within(process_.pid, kFinishTime)) ::kill(process_.pid, SIGKILL);
  while (::waitpid(process_.pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

void Worker::let_finish() {
  process_.channel = Fd();
}

bool Worker::has_room(std::chrono::nanoseconds cost) const noexcept {
  if (sent_ < out_.size() && waits_for_room_) return false;
  if (in_hand_.size() < 2) return true;
  const bool refilling = !out_.empty() || work_ <= kRefillBelow;
  return refilling && in_hand_.size() < kMostAtHand && work_ + cost <= kWorkAtHand;
}

bool Worker::works_on(const KeyRef& key) const {
  return std::ranges::any_of(in_hand_, [&key](const InHand& entry) {
    return entry.job.signature() != nullptr && entry.job.signature()->key == key;
  });
}

std::optional<Worker::Clock::time_point> Worker::hung_after() const {
  if (!ready_) return started_ + kStartTime;
  if (learning()) return busy_since_ + kLearnTime;
  if (in_hand_.empty()) return std::nullopt;
  const bool signs = in_hand_.front().job.signature() != nullptr;
  return busy_since_ + (signs ? Clock::duration(kSignatureTime) : kKeyOperationTime);
}

void Worker::give(Job job, Clock::time_point now) {
  if (in_hand_.empty()) busy_since_ = now;
  do {
    ++last_id_;
  } while (last_id_ == 0);
  ++job.tries;
  wire::append_frame(out_, wire::encode(last_id_, job.operation));
  work_ += job.cost;
  in_hand_.push_back({last_id_, std::move(job)});
}

void Worker::notice(worker_wire::Notice notice, const KeyRef& key) {
  wire::append_frame(out_, worker_wire::encode(notice, key));
  copied.erase(key);
  if (notice != worker_wire::Notice::learn) return;
  if (in_hand_.empty()) busy_since_ = Clock::now();
  ++learning_;
}

void Worker::learned(const worker_wire::Learned& learned) {
  if (learning_ > 0) --learning_;
  busy_since_ = Clock::now();
  if (learned.copied) copied.insert(learned.key);
}

void Worker::flush() {
  while (sent_ < out_.size()) {
    const ssize_t count = ::send(fd(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;  // full, or dead: its end is read as the end of the stream
    sent_ += static_cast<std::size_t>(count);
  }
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  }
  const bool wants = sent_ < out_.size();
  if (wants != waits_for_room_) {
    waits_for_room_ = wants;
    epoll_.want_output(fd(), wants);
  }
}

bool Worker::fill() {
  const std::span<std::uint8_t> room = in_.room(65536);
  const ssize_t count = ::recv(fd(), room.data(), room.size(), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  in_.took(static_cast<std::size_t>(count));
  return count > 0;
}

std::optional<worker_wire::Said> Worker::next() {
  const std::optional<BytesView> body = in_.next();
  if (!body) return std::nullopt;
  return worker_wire::parse_said(*body);
}

Job Worker::take(const worker_wire::Result& result, Clock::time_point now) {
  if (in_hand_.empty() || in_hand_.front().id != result.id)
    throw Error(Kind::request, "the worker answered what it was not asked");
  Job job = std::move(in_hand_.front().job);
  in_hand_.pop_front();
  work_ -= job.cost;
  busy_since_ = now;
  ++answered_;
  return job;
}

std::deque<Job> Worker::drop() {
  std::deque<Job> jobs;
  for (InHand& entry : std::exchange(in_hand_, {})) jobs.push_back(std::move(entry.job));
  work_ = {};
  return jobs;
}

WorkerStatus Worker::status(Clock::time_point now) const {
  WorkerStatus status;
  status.pid = static_cast<std::uint32_t>(process_.pid);
  status.ready = ready_;
  status.age_seconds = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now - started_).count());
  status.answered = answered_;
  status.in_hand = static_cast<std::uint32_t>(in_hand_.size());
  return status;
}

}  // namespace ringfence::hsm
