// What a CSV costs: its own bytes and what is kept, whatever its lines hold.
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/phones/phone_csv.h"

namespace {

std::atomic<std::size_t> allocated = 0;  // now
std::atomic<std::size_t> most = 0;       // since the last reset

void count(void* block) {
  const std::size_t now = allocated += ::malloc_usable_size(block);
  std::size_t before = most;
  while (now > before && !most.compare_exchange_weak(before, now)) {
  }
}

}  // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  count(block);
  return block;
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* block = std::malloc(size);
  if (block != nullptr) count(block);
  return block;
}

void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  allocated -= ::malloc_usable_size(block);
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}

namespace ringfence::core {
namespace {

/// cost is the most bytes allocated at a time while the text is read.
std::size_t cost(const std::string& text) {
  const std::size_t before = allocated;
  most = before;
  try {
    parse_phone_csv(text, Time{}, [](std::string_view) { return std::optional<Phone>(); });
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
  }
  return most - before;
}

constexpr std::size_t kInput = std::size_t{16} << 20;
constexpr std::size_t kLittle = std::size_t{1} << 20;

TEST(CsvMemory, SixteenMegabytesOfCommasCostNextToNothing) {
  EXPECT_LT(cost(std::string(kInput, ',')), kLittle);
  EXPECT_LT(cost("name" + std::string(kInput, ',')), kLittle);
  EXPECT_LT(cost("name\nCSFa" + std::string(kInput, ',') + "\n"), kLittle);
  EXPECT_LT(cost("name\n" + std::string(kInput, ',') + "x\n"), kLittle);
}

TEST(CsvMemory, OneFieldOfSixteenMegabytesIsNotKept) {
  EXPECT_LT(cost("name\n" + std::string(kInput, 'x')), kLittle);
  EXPECT_LT(cost("name\n\"" + std::string(kInput, 'x') + "\""), kLittle);
  EXPECT_LT(cost("name\n\"" + std::string(kInput, '"') + "\""), kLittle);
}

}  // namespace
}  // namespace ringfence::core
