#include "core/net/poll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostReady = 256;
constexpr std::chrono::milliseconds kLongest = 10min;

void add(int events, int descriptor, void* who) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = who;
  if (::epoll_ctl(events, EPOLL_CTL_ADD, descriptor, &event) != 0)
    throw Error(Code::io, "epoll_ctl: " + std::generic_category().message(errno));
}

}  // namespace

PollLoop::PollLoop()
    : events_(::epoll_create1(EPOLL_CLOEXEC)),
      posted_signal_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!events_ || !posted_signal_)
    throw Error(Code::io, "epoll_create1: " + std::generic_category().message(errno));
  add(events_.get(), posted_signal_.get(), nullptr);
}

void PollLoop::watch(int descriptor, Waiter& who) {
  add(events_.get(), descriptor, &who);
  who.watched_ = descriptor;
}

void PollLoop::unwatch(Waiter& who) noexcept {
  who.watched_ = -1;  // closing the socket takes it out of epoll
  who.due_set_ = false;
  drop_alarm(who);
}

void PollLoop::drop_alarm(Waiter& who) noexcept {
  if (std::exchange(who.has_alarm_, false)) alarms_.erase(who.alarm_);
}

void PollLoop::wake_at(Waiter& who, Clock::time_point moment) {
  who.due_ = moment;
  who.due_set_ = true;
  if (who.has_alarm_ && who.alarm_->first <= moment) return;
  drop_alarm(who);
  who.alarm_ = alarms_.emplace(moment, &who);
  who.has_alarm_ = true;
}

void PollLoop::post(std::function<void()> task) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (!first) return;
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the loop is woken already.
  [[maybe_unused]] const ssize_t written = ::write(posted_signal_.get(), &one, sizeof one);
}

/// patience returns for how many milliseconds to wait at most.
int PollLoop::patience() const {
  if (alarms_.empty()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(alarms_.begin()->first - Clock::now());
  return static_cast<int>(std::clamp(left, 0ms, kLongest).count());
}

void PollLoop::run_once() {
  std::array<epoll_event, kMostReady> ready;  // NOLINT: filled by the system
  const int count = ::epoll_wait(events_.get(), ready.data(), kMostReady, patience());
  now_ = Clock::now();
  bool posted = false;
  for (int i = 0; i < count; ++i) {
    auto* const who = static_cast<Waiter*>(ready[static_cast<std::size_t>(i)].data.ptr);
    if (who == nullptr)
      posted = true;
    else if (who->watched_ >= 0)
      who->readable();
  }
  if (posted) run_posted();
  call_overdue();
}

void PollLoop::run_posted() {
  std::uint64_t signals = 0;
  [[maybe_unused]] const ssize_t taken = ::read(posted_signal_.get(), &signals, sizeof signals);
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (const auto& task : tasks) task();
}

void PollLoop::call_overdue() {
  if (alarms_.empty()) return;
  now_ = Clock::now();
  while (!alarms_.empty() && alarms_.begin()->first <= now_) {
    Waiter& who = *alarms_.begin()->second;
    drop_alarm(who);
    if (!who.due_set_) continue;
    if (who.due_ > now_) {
      wake_at(who, who.due_);
    } else {
      who.due_set_ = false;
      who.overdue(now_);
    }
  }
}

}  // namespace ringfence::core
