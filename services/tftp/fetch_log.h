// Completed fetches on their way into tftp.db, off the hot path.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "core/phones/fetch_store.h"

namespace ringfence::services::tftp {

/// FetchLog saves fetches in batches from a thread of its own, each within about 100 ms.
///
/// When tftp.db fails, the fetches wait (the oldest beyond 100,000 are lost) and are tried again;
/// one log line says why. Safe from several threads.
class FetchLog {
 public:
  /// `database` is tftp.db, read-write, and must outlive the log.
  explicit FetchLog(core::Database& database);
  FetchLog(const FetchLog&) = delete;
  FetchLog& operator=(const FetchLog&) = delete;
  ~FetchLog();  ///< saves what is left

  void add(core::Fetch fetch);

 private:
  void run();
  bool save(const std::vector<core::Fetch>& batch);

  core::FetchStore store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<core::Fetch> waiting_;
  bool stopping_ = false;
  bool failing_ = false;  // the thread's own
  std::thread thread_;    // last: it uses all of the above
};

}  // namespace ringfence::services::tftp
