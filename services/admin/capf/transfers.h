// Dumps and uploads that go on over several calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "core/base/error.h"

namespace ringfence::services::admin {

/// Transfers keeps what is between two parts, by number: at most four, each forgotten ten minutes
/// after its last part. T has a `used`, a time of the steady clock. Safe from several threads.
template <typename T>
class Transfers {
 public:
  using Begin = std::function<std::shared_ptr<T>()>;

  /// find returns the transfer `id`, or begins one for 0, whose number `id` becomes. Throws
  /// Error{not_found} for one that was forgotten, Error{conflict} for one too many, and as `begin`.
  std::shared_ptr<T> find(std::int64_t& id, const Begin& begin) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(all_, [&](const auto& entry) {
      return entry.second.use_count() == 1 && now - entry.second->used > kForgottenAfter;
    });
    if (id == 0) {
      if (all_.size() >= kMost)
        throw core::Error(core::Code::conflict,
                          "too many dumps or imports are under way; one that was left is forgotten "
                          "after ten minutes");
      id = ++last_;
      all_[id] = begin();
    }
    const auto found = all_.find(id);
    if (found == all_.end())
      throw core::Error(core::Code::not_found,
                        "it took too long between two parts and was forgotten; begin anew");
    found->second->used = now;
    return found->second;
  }

  void forget(std::int64_t id) {
    const std::lock_guard lock(mutex_);
    all_.erase(id);
  }

 private:
  static constexpr std::chrono::minutes kForgottenAfter{10};
  static constexpr std::size_t kMost = 4;

  std::mutex mutex_;  // for what follows
  std::int64_t last_ = 0;
  std::map<std::int64_t, std::shared_ptr<T>> all_;
};

}  // namespace ringfence::services::admin
