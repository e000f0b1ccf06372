#include "core/base/bytes.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

TEST(Reader, TakesBigEndianValuesInOrder) {
  const Bytes bytes = from_hex("0102030405060708");
  Reader reader(bytes);
  EXPECT_EQ(reader.u8("a"), 0x01);
  EXPECT_EQ(reader.u16("b"), 0x0203);
  EXPECT_EQ(reader.u32("c"), 0x04050607U);
  EXPECT_EQ(reader.left(), 1U);
}

TEST(Reader, TakesNothingAndNamesTheFieldWhenTruncated) {
  const Bytes bytes = from_hex("010203");
  Reader reader(bytes);
  try {
    reader.u32("session id");
    FAIL() << "read past the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
    EXPECT_STREQ(error.what(), "session id is truncated");
  }
  EXPECT_EQ(reader.left(), 3U);
}

TEST(Hex, RefusesOddLengthsAndStrangeDigits) {
  EXPECT_THROW(from_hex("abc"), Error);
  EXPECT_THROW(from_hex("zz"), Error);
  EXPECT_EQ(to_hex(from_hex("00ff10"), Case::upper, ":"), "00:FF:10");
}

TEST(Base64, MatchesRfc4648Vectors) {
  EXPECT_EQ(to_base64(bytes_of("")), "");
  EXPECT_EQ(to_base64(bytes_of("fo")), "Zm8=");
  EXPECT_EQ(to_base64(bytes_of("foobar")), "Zm9vYmFy");
  for (const std::string text : {"", "f", "fo", "foo", "foobar"})
    EXPECT_EQ(text_of(from_base64(to_base64(bytes_of(text)))), text);
  for (const std::string text : {"Zg", "Zg=", "Z===", "Zm 9", "=Zm9", "Zm9vYm\n=", "Zm9*"})
    EXPECT_THROW(from_base64(text), Error) << text;
}

}  // namespace
}  // namespace ringfence::core
