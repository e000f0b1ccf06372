#include "core/base/der.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::core::der {
namespace {

/// read_all returns the values of all elements, or nothing when one is not DER.
std::optional<std::vector<std::string>> read_all(std::string_view hex) {
  const Bytes bytes = from_hex(hex);
  Reader reader(bytes);
  std::vector<std::string> values;
  while (!reader.at_end()) {
    const auto element = reader.next();
    if (!element) return std::nullopt;
    values.push_back(to_hex(element->value));
  }
  return values;
}

using Values = std::vector<std::string>;

TEST(DerReader, TakesOneElementAfterTheOther) {
  EXPECT_EQ(read_all(""), Values());
  EXPECT_EQ(read_all("0500"), Values({""}));
  EXPECT_EQ(read_all("020105a0030101ff"), Values({"05", "0101ff"}));
}

TEST(DerReader, TakesLongLengthsThatAreAsShortAsTheyCanBe) {
  const std::string content(2 * 0x80, 'a');
  EXPECT_EQ(read_all("048180" + content), Values({content}));
  const std::string longer(2 * 0x100, 'b');
  EXPECT_EQ(read_all("04820100" + longer), Values({longer}));
}

TEST(DerReader, RefusesWhatIsNotDer) {
  for (const char* hex : {
           "04",              // no length
           "0402aa",          // shorter than its length
           "0480aabb0000",    // indefinite
           "04817faa",        // a length that fits one byte
           "04820080aa",      // a zero before the length
           "04840000000100",  // four bytes of length
           "1f8101aa",        // a tag of several bytes
       })
    EXPECT_EQ(read_all(hex), std::nullopt) << hex;
}

TEST(DerReader, TakesAnExpectedTagAloneAndElseNothing) {
  const Bytes bytes = from_hex("0201050500");
  Reader reader(bytes);
  EXPECT_FALSE(reader.take(kSequence));
  EXPECT_TRUE(reader.at(kInteger));
  EXPECT_EQ(to_hex(*reader.take(kInteger)), "05");
  EXPECT_EQ(to_hex(reader.next()->whole), "0500");
  EXPECT_FALSE(reader.next());
}

TEST(DerWriter, WritesUnsignedIntegersAsPositiveOnes) {
  const auto integer = [](std::string_view magnitude) {
    Bytes bytes;
    append_integer(bytes, from_hex(magnitude));
    return to_hex(bytes);
  };
  EXPECT_EQ(integer(""), "020100");
  EXPECT_EQ(integer("0000"), "020100");
  EXPECT_EQ(integer("7f"), "02017f");
  EXPECT_EQ(integer("80"), "02020080");
  EXPECT_EQ(integer("00010001"), "0203010001");
}

TEST(DerWriter, WritesLengthsAsShortAsTheyCanBe) {
  EXPECT_EQ(to_hex(element(kOctetString, Bytes(0x7f))).substr(0, 4), "047f");
  EXPECT_EQ(to_hex(element(kOctetString, Bytes(0x80))).substr(0, 6), "048180");
  EXPECT_EQ(to_hex(element(kOctetString, Bytes(0x100))).substr(0, 8), "04820100");
  EXPECT_THROW(element(kOctetString, Bytes(0x10000)), Error);
}

}  // namespace
}  // namespace ringfence::core::der
