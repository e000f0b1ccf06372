// Disks whose fsync fails, for the process that links this.
#pragma once

#include <functional>
#include <string>

namespace ringfence::test {

/// FailingSync makes fsync and fdatasync of every file whose path `fails` names end with EIO, until
/// its end. One at a time.
class FailingSync {
 public:
  using Fails = std::function<bool(const std::string& path)>;

  explicit FailingSync(Fails fails);
  FailingSync(const FailingSync&) = delete;
  FailingSync& operator=(const FailingSync&) = delete;
  ~FailingSync();
};

}  // namespace ringfence::test
