#include "core/certificates/file_name.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

TEST(FileStem, IsThatOfCucmForPlainNames) {
  EXPECT_EQ(file_stem_of("CAPF-7f0ae8d7"), "CAPF-7f0ae8d7");
  EXPECT_EQ(file_stem_of("Cisco Root CA 2048"), "Cisco_Root_CA_2048");
  EXPECT_EQ(file_stem_of("node1.example.com"), "node1.example.com");
}

TEST(FileStem, LeavesNoFolderAndForgesNoLine) {
  EXPECT_EQ(file_stem_of("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(file_stem_of(".hidden"), "_hidden");
  EXPECT_EQ(file_stem_of("-rf"), "_rf");
  EXPECT_EQ(file_stem_of("a\nCAPF/CAPF.pem: x"), "a_CAPF_CAPF.pem__x");
  EXPECT_EQ(file_stem_of(std::string("a\0b", 3)), "a_b");
  EXPECT_EQ(file_stem_of("\xe2\x80\xae"
                         "gpj"),
            "_gpj");
  EXPECT_EQ(file_stem_of("m\xc3\xbcller\xff"), "m_ller_");
}

TEST(FileStem, IsBoundedAndEmptyForNothing) {
  EXPECT_EQ(file_stem_of(std::string(5000, 'a')), std::string(80, 'a'));
  EXPECT_EQ(file_stem_of(""), "");
  EXPECT_EQ(file_stem_of(" \n/"), "");
}

}  // namespace
}  // namespace ringfence::core
