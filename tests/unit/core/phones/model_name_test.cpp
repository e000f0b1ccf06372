#include "core/phones/model_name.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

TEST(ModelName, IsOneHoweverItIsWritten) {
  for (const char* written :
       {"CP-8861", "cp-8861", "8861", "Cisco 8861", "CISCO  8861", " cisco ip phone 8861 ",
        "Cisco Unified IP Phone 8861", "CP 8861", "cp8861", "CP-8861-K9", "CP-8861-K9="})
    EXPECT_EQ(model_name_from(written), "CP-8861") << written;
  EXPECT_EQ(model_name_from("cisco 7975g"), "CP-7975G");
  EXPECT_EQ(model_name_from("8851nr"), "CP-8851NR");
  EXPECT_EQ(model_name_from("Cisco Desk Phone 9861"), "DP-9861");
  EXPECT_EQ(model_name_from("DP-9861"), "DP-9861");
  for (const char* written : {"ATA 191", "ata191", "Cisco ATA 191", "ATA-191", "ATA191-K9"})
    EXPECT_EQ(model_name_from(written), "ATA 191") << written;
}

TEST(ModelName, KeepsWhatItDoesNotKnow) {
  for (const char* written : {"", "Jabber", "CSF", "CP-DX650", "Cisco IP Communicator", "79750",
                              "886", "Acme 8861", "Catalyst DATA", "CP-", "CP"})
    EXPECT_EQ(model_name_from(written), written) << written;
  EXPECT_EQ(model_name_from("  Cisco   Unified Client "), "Cisco Unified Client");
}

TEST(ModelName, ReadsPatternsAsNames) {
  EXPECT_EQ(model_name_from("Cisco 88*"), "CP-88*");
  EXPECT_EQ(model_name_from("cp-88?1"), "CP-88?1");
  EXPECT_EQ(model_name_from("98*"), "DP-98*");
  EXPECT_EQ(model_name_from("9*"), "?P-9*") << "CP-9971 and DP-9861";
  EXPECT_EQ(model_name_from("Cisco *"), "**") << "phones that were written so are kept without it";
  for (const char* written : {"*", "*8861", "CP-*", "?861", "CP-88*"})
    EXPECT_EQ(model_name_from(written), written) << written;
}

TEST(ModelName, IsToldFromTextThatIsNone) {
  for (const char* written : {"", "8861", "Cisco 7975G", "9861", "ata191", "88*", "Cisco DX650",
                              "Cisco Unified Client Services Framework CSF", "Jabber for Mac"})
    EXPECT_TRUE(is_model_name(model_name_from(written))) << written;
  for (const char* written : {"Cisco 88611", "Toaster 9000", "CP-886", "Catalyst DATA"})
    EXPECT_FALSE(is_model_name(model_name_from(written))) << written;
}

TEST(ModelName, IsItsOwnName) {
  for (const char* written :
       {"cisco 8861", "ata191", "Cisco 88*", "9*", "Cisco *", "Jabber  for", "9861-k9"}) {
    const std::string once = model_name_from(written);
    EXPECT_EQ(model_name_from(once), once);
  }
}

}  // namespace
}  // namespace ringfence::core
