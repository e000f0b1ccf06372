// Reading what tests/support/stop_shim.cpp wrote down: each step of a process, in order.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace ringfence::test {

/// Step is one entry of the record; its letters stand in stop_shim.cpp.
struct Step {
  char kind = 0;
  char file = '-';
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  core::Bytes bytes;
};

/// read_steps returns all whole entries.
inline std::vector<Step> read_steps(const std::filesystem::path& record) {
  std::ifstream stream(record, std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  std::vector<Step> steps;
  for (std::size_t at = 0; at + 14 <= all.size();) {
    Step step;
    step.kind = all[at];
    step.file = all[at + 1];
    std::memcpy(&step.offset, all.data() + at + 2, 8);
    std::memcpy(&step.size, all.data() + at + 10, 4);
    at += 14;
    if (step.kind == 'w' || step.kind == 'p') {
      if (at + step.size > all.size()) break;
      step.bytes.assign(all.begin() + static_cast<std::ptrdiff_t>(at),
                        all.begin() + static_cast<std::ptrdiff_t>(at + step.size));
      at += step.size;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

/// steps_of counts the entries of a kind.
inline std::size_t steps_of(const std::vector<Step>& steps, char kind) {
  std::size_t count = 0;
  for (const Step& step : steps) count += step.kind == kind ? 1 : 0;
  return count;
}

}  // namespace ringfence::test
