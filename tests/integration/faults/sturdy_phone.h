// A phone that comes back until it is told that nothing is left to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace ringfence::test {

/// SturdyPhone enrols, or deletes, with an EC key by null string as phones do: it keeps what it was
/// sent before it says so, comes back after a lost connection, and waits when it is told RETRY
/// LATER; its clock runs a hundred times as fast as ours. One thread at a time.
class SturdyPhone {
 public:
  /// `thinks` is how long it takes to make its key, and to store its certificate.
  explicit SturdyPhone(std::string name, std::chrono::milliseconds thinks = {});

  /// enrol tries until CAPF ends a conversation with nothing left to do; false when `until` comes
  /// first. `port` is 3804 of the instance.
  bool enrol(std::uint16_t port, std::chrono::steady_clock::time_point until);

  const std::string& name() const noexcept { return name_; }

  /// received holds every certificate that reached the phone; the last one is what it holds.
  const std::vector<core::Bytes>& received() const noexcept { return received_; }

  /// How many conversations it took, and what ended the last that failed.
  int tries() const noexcept { return tries_; }

  const std::string& complaint() const noexcept { return complaint_; }

 private:
  enum class End { done, lost, later };

  End converse(std::uint16_t port);

  const std::string name_;
  const core::Bytes key_;
  const std::chrono::milliseconds thinks_;
  std::vector<core::Bytes> received_;
  std::chrono::milliseconds wait_{0};
  std::string complaint_;
  int tries_ = 0;
};

}  // namespace ringfence::test
