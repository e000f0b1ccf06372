#include "core/crypto/digest.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

// The values for "abc" are those of RFC 1321 appendix A.5 and FIPS 180-4's examples.
TEST(Digest, GivesThePublishedValues) {
  EXPECT_EQ(to_hex(digest(Digest::md5, bytes_of("abc"))), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(to_hex(digest(Digest::sha1, bytes_of("abc"))),
            "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(digest(Digest::sha256, bytes_of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest(Digest::sha384, bytes_of("abc")).size(), 48U);
  EXPECT_EQ(to_hex(digest(Digest::sha512, {})).substr(0, 16), "cf83e1357eefb8bd");
}

TEST(RandomGuid, IsAVersion4UuidAndNeverTheSame) {
  const std::string guid = random_guid();
  ASSERT_EQ(guid.size(), 36U);
  EXPECT_EQ(guid[8], '-');
  EXPECT_EQ(guid[13], '-');
  EXPECT_EQ(guid[14], '4');
  EXPECT_EQ(guid[18], '-');
  EXPECT_NE(std::string("89ab").find(guid[19]), std::string::npos);
  EXPECT_EQ(guid[23], '-');
  EXPECT_NE(guid, random_guid());
}

}  // namespace
}  // namespace ringfence::core
