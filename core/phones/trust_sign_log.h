// Trust signs on their way into a database, off the hot path.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/phones/trust_sign.h"
#include "core/storage/write_behind.h"

namespace ringfence::core {

/// TrustSignLog saves signs in batches, each within about 100 ms; a batch is one commit, ten a
/// second at most, whatever hosts do.
///
/// Of more than `waiting` signs the oldest of the peer with the most is lost, so that one host
/// cannot displace the others'. When the database fails the signs wait and are tried again; one log
/// line says why. Safe from several threads.
class TrustSignLog {
 public:
  struct Bounds {
    std::size_t waiting = 20'000;
    std::size_t batch = 2'000;
  };

  /// `group` is of the daemon's own database, and both must outlive the log, which saves what is
  /// left at its end.
  TrustSignLog(Database& database, WriteGroup& group) : TrustSignLog(database, group, Bounds()) {}

  TrustSignLog(Database& database, WriteGroup& group, const Bounds& bounds);

  void add(TrustSign sign);

 private:
  using Batch = std::vector<TrustSign>;

  std::pair<Batch, bool> take();
  // With mutex_ held.
  void drop_one();
  void one_less(const std::string& peer);

  TrustSignStore store_;
  const Bounds bounds_;
  std::mutex mutex_;
  std::deque<TrustSign> waiting_;                            // guarded by mutex_
  std::unordered_map<std::string, std::size_t> waiting_of_;  // by peer; guarded by mutex_
  bool lost_some_ = false;                                   // guarded by mutex_
  WriteBehind<Batch> behind_;                                // last: it uses all of the above
};

}  // namespace ringfence::core
