// What is made with the token's help, and stays in use until the next one could be made.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/log.h"

namespace ringfence::core {

/// LastGood keeps one T and the bytes it was made of, such as a TLS context and its certificates.
///
/// Making one may wait for the signer. Threads that want the same one meanwhile wait for that
/// attempt and take what comes of it, so that a signer that hangs costs all of them its time-out
/// once, not one after the other. Safe from several threads.
template <typename T>
class LastGood {
 public:
  /// `event` is the log line that says why an older one stays in use, e.g. "CAPF_IDENTITY_KEPT".
  explicit LastGood(std::string event) : event_(std::move(event)) {}

  LastGood(const LastGood&) = delete;
  LastGood& operator=(const LastGood&) = delete;

  /// renewed returns the one of `source`, which `make()` makes if need be. When that throws, the
  /// last good one stays in use and a line says why; without one, throws the same.
  template <typename Make>
  std::shared_ptr<T> renewed(const Bytes& source, const Make& make) {
    std::unique_lock lock(mutex_);
    const std::uint64_t before = attempts_;
    attempted_.wait(lock, [this] { return !making_; });
    if (current(source)) return value_;
    if (attempts_ == before || tried_ != source) attempt(lock, source, make);
    if (!value_) std::rethrow_exception(failure_);
    return value_;
  }

  /// last returns the last good one although `source` could not even be read, and a line says why;
  /// call it in a handler: without one, it throws what is being handled.
  std::shared_ptr<T> last(const std::exception& failure) {
    const std::lock_guard lock(mutex_);
    if (!value_) throw;
    complain(failure.what());
    return value_;
  }

  /// outdate makes the next `renewed` make a new one in any case.
  void outdate() {
    const std::lock_guard lock(mutex_);
    outdated_ = true;
  }

 private:
  bool current(const Bytes& source) const { return value_ && !outdated_ && source_ == source; }

  template <typename Make>
  void attempt(std::unique_lock<std::mutex>& lock, const Bytes& source, const Make& make) {
    making_ = true;
    const bool was_outdated = std::exchange(outdated_, false);
    lock.unlock();
    std::shared_ptr<T> made;
    std::exception_ptr failure;
    std::string why;
    try {
      made = make();
    } catch (const std::exception& error) {
      failure = std::current_exception();
      why = error.what();
    }
    lock.lock();
    making_ = false;
    ++attempts_;
    tried_ = source;
    failure_ = failure;
    if (made) {
      value_ = std::move(made);
      source_ = source;
      complaint_.clear();
    } else {
      outdated_ = outdated_ || was_outdated;
      if (value_) complain(why);
    }
    attempted_.notify_all();
  }

  void complain(const std::string& why) {
    if (why == complaint_) return;
    complaint_ = why;
    log(Level::error, event_, {{"why", why}});
  }

  const std::string event_;
  std::mutex mutex_;  // for what follows
  std::condition_variable attempted_;
  bool making_ = false;
  bool outdated_ = false;
  std::uint64_t attempts_ = 0;
  Bytes tried_;
  std::exception_ptr failure_;  ///< of the last attempt
  std::shared_ptr<T> value_;
  Bytes source_;  ///< of `value_`
  std::string complaint_;
};

}  // namespace ringfence::core
