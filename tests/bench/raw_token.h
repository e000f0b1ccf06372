// SoftHSM without our signer: the loops that the pool is compared with.
#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <memory>

#include "tests/bench/child.h"
#include "tests/bench/measured.h"

namespace ringfence::bench {

/// RawToken is a token of its own and processes that call C_SignInit and C_Sign on it.
///
/// Make it before the process has threads: it forks. This process loads no module.
class RawToken {
 public:
  /// Makes the token in `folder`, with a key of each kind, and starts `processes` for copies and
  /// one for the token objects, one after the other. Throws std::runtime_error.
  RawToken(const std::filesystem::path& folder, std::size_t processes);

  /// by_copies is the best raw loop: the first `processes` processes, each with one session and
  /// session-object copies of the keys, share `count` signatures. Returns the real time.
  Seconds by_copies(const MeasuredKey& key, std::size_t processes, std::size_t count);

  /// by_token_object is the naive loop: one process, `threads` sessions on the token object.
  Seconds by_token_object(const MeasuredKey& key, std::size_t threads, std::size_t count);

  /// processes_time is what all these processes have used of the processors.
  Seconds processes_time() const;

 private:
  struct Unmap {
    void operator()(std::atomic<std::int64_t>* left) const noexcept;
  };

  std::unique_ptr<std::atomic<std::int64_t>, Unmap> left_;  ///< in memory that all processes share
  std::deque<Child> with_copies_;
  std::unique_ptr<Child> with_token_objects_;
};

}  // namespace ringfence::bench
