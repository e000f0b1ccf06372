// Texts that stay as they are: compared with a file, or written to it on request.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace ringfence::test {

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// expect_golden compares `text` with tests/golden/<name>. RINGFENCE_UPDATE_GOLDEN=1 writes the
/// file instead; the review is the diff.
inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(RINGFENCE_SOURCE_DIR) + "/tests/golden/" + name;
  if (std::getenv("RINGFENCE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  EXPECT_EQ(read_text(path), text) << "differs from tests/golden/" << name;
}

}  // namespace ringfence::test
