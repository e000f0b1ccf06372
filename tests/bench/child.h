// A forked process of the bench that carries out one order after the other.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "hsm/files.h"
#include "tests/bench/measured.h"

namespace ringfence::bench {

/// Order is what a Child is told: how many signatures, with which key of kKeys, on how many
/// threads.
struct Order {
  std::uint32_t key = 0;
  std::uint32_t threads = 1;
  std::uint64_t count = 0;
};

/// Child is a process forked from one that has no threads and never loads a PKCS#11 module; it
/// ends with its owner, or when the owner's process dies.
class Child {
 public:
  using Perform = std::function<Seconds(const Order&)>;
  using Prepare = std::function<Perform()>;

  /// Forks; `prepare` runs in the child. Returns when it is done there, so that children made one
  /// after the other also start one after the other. Throws std::runtime_error with what it threw.
  explicit Child(const Prepare& prepare);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  void tell(const Order& order) const;

  pid_t pid() const noexcept { return pid_; }

  /// wait returns what the last order's Perform returned; throws what it threw.
  Seconds wait() const;

 private:
  pid_t pid_ = 0;
  hsm::Fd channel_;
};

}  // namespace ringfence::bench
