// Completed fetches on their way into tftp.db, off the hot path, and what they show of phones.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "core/phones/fetch_store.h"
#include "core/phones/phone_store.h"
#include "core/phones/trust_sign_log.h"
#include "core/storage/write_behind.h"
#include "services/tftp/source.h"

namespace ringfence::services::tftp {

/// FetchLog saves fetches in batches, each within about 100 ms.
///
/// When tftp.db fails, the fetches wait (the oldest beyond 100,000 are lost) and are tried again;
/// one log line says why. Safe from several threads.
class FetchLog {
 public:
  /// `database` is tftp.db, read-write; `admin`, admin.db, knows which phones there are. Both must
  /// outlive the log.
  /// What is left is saved at its end.
  FetchLog(core::Database& database, core::Database& admin);

  /// add keeps that `file` was fetched whole as `name` by `peer` ("address", or "address:port"). A
  /// device that no phone has is written down as none: strangers may invent any number of names,
  /// and each that is told apart is a row.
  void add(const File& file, const std::string& name, const std::string& peer, core::Time now);

 private:
  struct Added {
    core::Fetch fetch;
    std::string signer;  ///< of a signed configuration
    core::TrustSign::Time at;
  };

  using Batch = std::vector<core::Fetch>;

  std::pair<Batch, bool> take();
  Batch known(std::deque<Added> added);
  void note(const Added& added);

  core::WriteGroup group_;
  core::TrustSignLog signs_;
  core::FetchStore store_;
  const core::PhoneStore phones_;
  std::mutex mutex_;
  std::deque<Added> waiting_;        // guarded by mutex_
  core::WriteBehind<Batch> behind_;  // last: it uses all of the above
};

}  // namespace ringfence::services::tftp
