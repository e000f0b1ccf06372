// Which device a common name names: exactly, never by its end.
#include "core/base/device_name.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

TEST(DeviceName, KnowsTheKindsOfDevices) {
  for (const char* name : {"SEP001122334455", "ATAABCDEF012345", "CSFanna", "TAB1", "BOTa_b.c-d"})
    EXPECT_TRUE(is_device_name(name)) << name;
  for (const char* name : {"", "SEP", "SEP00112233445", "SEP00112233445a", "CSF",
                           "CSF1234567890abc", "CP-8861-SEP001122334455", "TABa b"})
    EXPECT_FALSE(is_device_name(name)) << name;
}

TEST(DeviceName, ReadsTheDeviceOfACommonName) {
  EXPECT_EQ(device_of("SEP001122334455"), "SEP001122334455");
  EXPECT_EQ(device_of("CP-8861-SEP001122334455"), "SEP001122334455");
  EXPECT_EQ(device_of("CP-7975G-SEP001122334455"), "SEP001122334455");
  EXPECT_EQ(device_of("ATA190-ATA001122334455"), "ATA001122334455");
  EXPECT_EQ(device_of("CP-8861-CSFa-TABb"), "CSFa-TABb");
}

TEST(DeviceName, IsNotDeceivedByTheEndOfAName) {
  EXPECT_EQ(device_of("CSFa-TABb"), "CSFa-TABb") << "not the device TABb";
  for (const char* name : {"evil-SEP001122334455", "X-SEP001122334455", "-SEP001122334455",
                           "CP-8861-SEPAABBCCDDEEFF-SEP001122334455", "TAB2-SEP001122334455",
                           "SEPAABBCCDDEEFF-SEP001122334455", "XSEP001122334455",
                           "CP 8861-SEP001122334455", "www.example.com"})
    EXPECT_EQ(device_of(name), "") << name;
}

TEST(DeviceName, TakesTheModelOfTheRecordInWhateverWords) {
  EXPECT_TRUE(names_device("Cisco 8861-SEP001122334455", "SEP001122334455", "Cisco 8861"));
  EXPECT_FALSE(names_device("Cisco 8861-SEP001122334455", "SEP001122334455", "Cisco 8851"));
  EXPECT_FALSE(names_device("Cisco 8861-SEP001122334455", "SEP001122334455", ""));
  EXPECT_TRUE(names_device("CP-8861-SEP001122334455", "SEP001122334455", "Cisco 8861"));
  EXPECT_TRUE(names_device("CP-8865NR-SEP001122334455", "SEP001122334455", "CP-8865"));
  EXPECT_TRUE(names_device("CP-7941G-GE-SEP001122334455", "SEP001122334455", "Cisco 7941"));
  EXPECT_TRUE(names_device("CP-8861-SEP001122334455", "SEP001122334455", "")) << "unknown here";
  EXPECT_TRUE(names_device("CP-8861-SEP001122334455", "SEP001122334455", "some phone"));
  EXPECT_FALSE(names_device("CP-8851-SEP001122334455", "SEP001122334455", "CP-8861"));
  EXPECT_TRUE(
      names_device("TTC7-16-SEP001122334455", "SEP001122334455", "Cisco TelePresence SX20"));
  EXPECT_FALSE(names_device("ATA191-SEP001122334455", "SEP001122334455", "Cisco ATA 192"));
  EXPECT_FALSE(names_device("ATA190-ATA001122334455", "ATA001122334455", "ATA 191"));
  EXPECT_FALSE(names_device("CSFa-TABb", "TABb", "CSFa")) << "that is another device's whole name";
  EXPECT_FALSE(names_device("CP-8861-", "", "CP-8861"));
}

}  // namespace
}  // namespace ringfence::core
