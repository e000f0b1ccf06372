// How often in a row a phone was sent away because the CA could not sign.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ringfence::services::capf {

/// CaFailures counts them for each device's request: a phone tries three times more and then gives
/// up (cucm-behaviour 5.4), which an administrator must see. Safe from several threads.
class CaFailures {
 public:
  static constexpr int kAttempts = 4;

  /// another counts one more; true for the last one that the phone will try, and then it begins
  /// anew.
  bool another(std::string_view device, std::int64_t request);

  /// worked forgets the device's.
  void worked(std::string_view device);

 private:
  struct Row {
    std::int64_t request = 0;
    int count = 0;
  };

  std::mutex mutex_;
  std::unordered_map<std::string, Row> rows_;
};

}  // namespace ringfence::services::capf
