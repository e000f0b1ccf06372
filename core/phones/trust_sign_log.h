// Trust signs on their way into a database, off the hot path.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/phones/trust_sign.h"

namespace ringfence::core {

/// TrustSignLog saves signs in batches from a thread of its own, each within about 100 ms; a batch
/// is one commit, ten a second at most, whatever hosts do.
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

  /// `database` is the daemon's own, read-write, and must outlive the log.
  explicit TrustSignLog(Database& database) : TrustSignLog(database, Bounds()) {}

  TrustSignLog(Database& database, const Bounds& bounds);
  TrustSignLog(const TrustSignLog&) = delete;
  TrustSignLog& operator=(const TrustSignLog&) = delete;
  ~TrustSignLog();  ///< saves what is left

  void add(TrustSign sign);

 private:
  void run();
  bool save(const std::vector<TrustSign>& batch);
  // With mutex_ held.
  std::vector<TrustSign> take();
  void put_back(std::vector<TrustSign> batch);
  void drop_one();
  void one_less(const std::string& peer);

  TrustSignStore store_;
  const Bounds bounds_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<TrustSign> waiting_;                            // guarded by mutex_
  std::unordered_map<std::string, std::size_t> waiting_of_;  // by peer; guarded by mutex_
  bool lost_some_ = false;                                   // guarded by mutex_
  bool stopping_ = false;                                    // guarded by mutex_
  bool failing_ = false;                                     // the thread's own
  std::thread thread_;                                       // last: it uses all of the above
};

}  // namespace ringfence::core
