#include "hsm/signer/token_object.h"

#include <gtest/gtest.h>

namespace ringfence::hsm {
namespace {

/// File writes what SoftHSM would.
struct File {
  Bytes bytes;

  File& number(std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<std::uint8_t>(value >> shift));
    return *this;
  }

  File& raw(std::size_t size, std::uint8_t byte = 0xff) {
    bytes.insert(bytes.end(), size, byte);
    return *this;
  }
};

File counter() {
  return File().number(1);
}

File key() {
  File file = counter();
  file.number(0).number(2).number(3);                 // CKA_CLASS, a number
  file.number(1).number(1).raw(1);                    // CKA_TOKEN, a boolean
  file.number(3).number(3).number(4).raw(4, 'C');     // CKA_LABEL, bytes
  file.number(0x101).number(3).number(0);             // CKA_SUBJECT, no bytes
  file.number(0x40000212).number(4).number(17 + 28);  // CKA_UNWRAP_TEMPLATE
  file.number(1).number(1).raw(1).number(0x102).number(3).number(4).raw(4);
  file.number(0x40000600).number(5).number(2).raw(16);  // CKA_ALLOWED_MECHANISMS
  return file;
}

TEST(TokenObjectTest, AllKindsAreWhole) {
  EXPECT_TRUE(is_whole_object(key().bytes));
}

TEST(TokenObjectTest, NoPartIsWholeButUpToAnAttribute) {
  const Bytes whole = key().bytes;
  std::size_t found = 0;
  for (std::size_t size = 0; size < whole.size(); ++size)
    if (is_whole_object(BytesView(whole).first(size))) ++found;
  EXPECT_EQ(found, 5U) << "attributes that end before the last one";
}

TEST(TokenObjectTest, ACountGoesNotBeyondTheFile) {
  for (const std::uint64_t kind : {3U, 4U, 5U})
    for (const std::uint64_t count : {1ULL << 63U, 1ULL << 61U, ~0ULL, ~0ULL - 7, 17ULL})
      EXPECT_FALSE(is_whole_object(counter().number(3).number(kind).number(count).raw(16).bytes))
          << kind << ' ' << count;
}

TEST(TokenObjectTest, ACountInATemplateGoesNotBeyondIt) {
  File file = counter();
  file.number(0x40000212).number(4).number(24).number(3).number(3).number(8).raw(8);
  EXPECT_FALSE(is_whole_object(file.bytes));
}

TEST(TokenObjectTest, UnknownKindsAreTorn) {
  for (const std::uint64_t kind : {0ULL, 6ULL, 1ULL << 32U | 1U})
    EXPECT_FALSE(is_whole_object(counter().number(3).number(kind).number(0).bytes)) << kind;
}

TEST(TokenObjectTest, ATypeStandsOnce) {
  File file = key();
  file.number(3).number(1).raw(1);
  EXPECT_FALSE(is_whole_object(file.bytes));
}

TEST(TokenObjectTest, ATemplateInATemplateIsTorn) {
  File file = counter();
  file.number(0x40000212).number(4).number(24).number(0x40000211).number(4).number(0);
  EXPECT_FALSE(is_whole_object(file.bytes));
}

TEST(TokenObjectTest, AGapInAnEncryptedValueIsTorn) {
  for (const bool hidden : {false, true})
    for (const std::size_t zeros : {31U, 32U}) {
      File file = counter();
      file.number(2).number(1).raw(1, hidden ? 0xff : 0);  // CKA_PRIVATE
      file.number(0x120).number(3).number(8 + zeros).raw(4).raw(zeros, 0).raw(4);
      EXPECT_EQ(is_whole_object(file.bytes), !hidden || zeros < 32) << hidden << ' ' << zeros;
    }
}

TEST(TokenObjectTest, ZerosAndNothingAreTorn) {
  EXPECT_FALSE(is_whole_object({}));
  EXPECT_FALSE(is_whole_object(counter().bytes));
  EXPECT_FALSE(is_whole_object(Bytes(512)));
}

}  // namespace
}  // namespace ringfence::hsm
