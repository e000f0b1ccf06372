// The signer's log: one line on standard error, which systemd keeps, or a file within its bounds.
#pragma once

#include <string>

#include <fmt/format.h>

#include "core/base/log_file.h"

namespace ringfence::hsm {

inline void log(const std::string& line) {
  constexpr std::size_t kPrefix = 20;
  if (!core::make_log_room(line.size() + kPrefix)) return;
  fmt::print(stderr, "ringfence-signer: {}\n", line);
}

}  // namespace ringfence::hsm
