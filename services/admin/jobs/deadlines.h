// Phones in the order of the times at which somebody has to look at them.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/clock.h"

namespace ringfence::services::admin {

/// Deadlines keeps one time a phone. What is due costs what is due, not how many wait.
class Deadlines {
 public:
  void set(const std::string& phone, core::Time at);  ///< in the place of an earlier one
  void clear(const std::string& phone);

  /// take_due returns the phones whose time has come, the first one first, and forgets their times.
  std::vector<std::string> take_due(core::Time now);

 private:
  std::set<std::pair<core::Time, std::string>> queue_;
  std::unordered_map<std::string, core::Time> times_;
};

}  // namespace ringfence::services::admin
