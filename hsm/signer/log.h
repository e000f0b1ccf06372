// The signer's log: one line on standard error, which systemd or ringfence-admin keeps.
#pragma once

#include <string>

#include <fmt/format.h>

namespace ringfence::hsm {

inline void log(const std::string& line) {
  fmt::print(stderr, "ringfence-signer: {}\n", line);
}

}  // namespace ringfence::hsm
