// Takes away what is older than the administrator keeps it, in small steps, beside the daemon's
// work.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/storage/cached.h"
#include "core/storage/retention.h"

namespace ringfence::core {

/// Pruner looks at its start, each hour, and soon after an administrator has changed what is kept.
/// A rule that fails is logged once and tried again a minute later; the others go on.
class Pruner {
 public:
  /// Step takes away at most `most` of what is older than `before`, in one small transaction, and
  /// returns how many those were. `admin` says what may not go yet.
  using Step = std::function<std::size_t(Database& admin, Time before, std::size_t most)>;

  struct Rule {
    Kept kept;
    Step step;
  };

  static constexpr std::size_t kAtOnce = 500;

  /// `admin` is admin.db, which may come to exist later; what steps use must outlive the pruner.
  Pruner(std::filesystem::path admin, std::vector<Rule> rules);
  Pruner(const Pruner&) = delete;
  Pruner& operator=(const Pruner&) = delete;
  ~Pruner();  ///< waits for the step at hand

 private:
  void run();
  void look_if_due();
  void prune(const Rule& rule, Time before);
  bool rest(std::chrono::milliseconds time);  ///< false when it ends

  const std::filesystem::path path_;
  const std::vector<Rule> rules_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;          // guarded by mutex_
  std::optional<Database> admin_;  // the thread's own, as is what follows
  ChangeSignal changes_;
  Retention retention_;
  std::chrono::steady_clock::time_point due_;
  bool failing_ = false;
  std::thread thread_;  // last: it uses all of the above
};

/// prune_files takes away at most `most` regular files of `folder` that were last written before
/// `before` and of which `may_go` holds; it returns how many.
std::size_t prune_files(const std::filesystem::path& folder, Time before, std::size_t most,
                        const std::function<bool(const std::filesystem::path&)>& may_go);

}  // namespace ringfence::core
