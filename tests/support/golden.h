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

/// expect_section compares `text` with what stands between two lines of a document of the tree, and
/// writes it there on the same request.
inline void expect_section(const std::string& document, const std::string& first,
                           const std::string& last, const std::string& text) {
  const std::string path = std::string(RINGFENCE_SOURCE_DIR) + "/" + document;
  std::string whole = read_text(path);
  const std::size_t begin = whole.find(first + "\n");
  const std::size_t end = whole.find(last);
  ASSERT_NE(begin, std::string::npos) << document << " has no line " << first;
  ASSERT_NE(end, std::string::npos) << document << " has no line " << last;
  const std::size_t from = begin + first.size() + 1;
  if (std::getenv("RINGFENCE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << whole.replace(from, end - from, text);
    return;
  }
  EXPECT_EQ(whole.substr(from, end - from), text) << "differs from " << document;
}

}  // namespace ringfence::test
