#include "core/phones/device_name.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

TEST(DeviceName, IsReadFromAMacAddressAsPeopleWriteIt) {
  for (const char* written :
       {"00:11:22:aa:bb:cc", "00-11-22-AA-BB-CC", "0011.22AA.bbcc", "001122aabbcc",
        "00 11 22 aa bb cc", " SEP001122AABBCC\t", "sep00:11:22:aa:bb:cc", "Sep-001122aabbcc"})
    EXPECT_EQ(device_name_from(written), "SEP001122AABBCC") << written;
}

TEST(DeviceName, HasThePrefixOfItsModelWhereNoneIsWritten) {
  EXPECT_EQ(device_name_from("001122334455", "Cisco ATA 191"), "ATA001122334455");
  EXPECT_EQ(device_name_from("001122334455", "ata-190"), "ATA001122334455");
  EXPECT_EQ(device_name_from("001122334455", "CP-8861"), "SEP001122334455");
  EXPECT_EQ(device_name_from("001122334455", "DATA-1"), "SEP001122334455");
  EXPECT_EQ(device_name_from("SEP001122334455", "ATA 191"), "SEP001122334455");
}

TEST(DeviceName, NamesWhatIsWrongInAMacAddress) {
  for (const char* digits : {"00112233445", "SEP00112233445"})
    EXPECT_EQ(flaw_of_mac(digits), "the MAC address has 11 hexadecimal digits, and must have 12");
  EXPECT_EQ(flaw_of_mac("00:11:22:33:44:55:6"),
            "the MAC address has 13 hexadecimal digits, and must have 12");
  EXPECT_EQ(
      flaw_of_mac("SEP00112233445G"),
      "the MAC address has 'G' in it, which is none of its 12 hexadecimal digits 0 to 9 and A "
      "to F");
  EXPECT_EQ(
      flaw_of_mac("00:11:22:33:44:5\xc3"),
      "the MAC address has a character in it, which is none of its 12 hexadecimal digits 0 to "
      "9 and A to F");
  for (const char* other : {"", "phone7", "facade9", "SEP", "CSFanna", "SEP001122334455"})
    EXPECT_EQ(flaw_of_mac(other), std::nullopt) << other;
}

TEST(DeviceName, KeepsWhatIsNoMacAddress) {
  EXPECT_EQ(device_name_from("csfAnna.b-c"), "CSFAnna.b-c");
  for (const char* written : {"", "phone7", "00112233445", "0011223344556", "SEP00112233445g"})
    EXPECT_EQ(device_name_from(written), written);
  EXPECT_EQ(device_name_from("00:11:22:33:44:5\xc3"), "00:11:22:33:44:5\xc3");
}

}  // namespace
}  // namespace ringfence::core
