#include "core/base/utf16.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

using namespace std::string_view_literals;

TEST(Utf16, IsReadByItsMarkInBothOrders) {
  EXPECT_EQ(utf8_from_utf16("\xff\xfe"
                            "a\0\xe4\0\xac\x20"sv),
            "a\xc3\xa4\xe2\x82\xac");
  EXPECT_EQ(utf8_from_utf16("\xfe\xff"
                            "\0a\0\xe4\x20\xac"sv),
            "a\xc3\xa4\xe2\x82\xac");
  EXPECT_EQ(utf8_from_utf16("\xff\xfe\x3d\xd8\x00\xde"sv), "\xf0\x9f\x98\x80");
  EXPECT_EQ(utf8_from_utf16("\xff\xfe"sv), "");
  EXPECT_EQ(utf8_from_utf16("name"sv), std::nullopt);
  EXPECT_EQ(utf8_from_utf16(""sv), std::nullopt);
}

TEST(Utf16, HasACharacterForWhatIsNone) {
  EXPECT_EQ(utf8_from_utf16("\xff\xfe\x3d\xd8"
                            "a\0"sv),
            "\xef\xbf\xbd"
            "a");
  EXPECT_EQ(utf8_from_utf16("\xff\xfe\x00\xde"
                            "a"sv),
            "\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace ringfence::core
