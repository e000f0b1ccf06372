// Completed fetches on their way into tftp.db, off the hot path, and what they show of phones.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "core/phones/fetch_store.h"
#include "core/phones/trust_sign_log.h"
#include "services/tftp/files.h"

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

  /// add keeps that `file` was fetched whole as `name` by `peer` ("address", or "address:port").
  void add(const File& file, const std::string& name, const std::string& peer, core::Time now);

 private:
  void note(const File& file, const std::string& name, const std::string& address);
  void run();
  bool save(const std::vector<core::Fetch>& batch);

  core::TrustSignLog signs_;
  core::FetchStore store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<core::Fetch> waiting_;
  bool stopping_ = false;
  bool failing_ = false;  // the thread's own
  std::thread thread_;    // last: it uses all of the above
};

}  // namespace ringfence::services::tftp
