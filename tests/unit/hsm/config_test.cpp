// The signer's section of ringfence.toml.
#include "hsm/signer/config.h"

#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "hsm/error.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::hsm {
namespace {

class ConfigTest : public testing::Test {
 protected:
  Config load(const std::string& text) {
    std::ofstream(folder_ / "ringfence.toml") << text;
    return load_config(folder_.path());
  }

  std::string error(const std::string& text) {
    try {
      load(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::string file() const { return (folder_ / "ringfence.toml").string(); }

  ringfence::test::TemporaryFolder folder_;
};

TEST_F(ConfigTest, DefaultsWithoutAFileAndWithOtherSections) {
  const Config none = load_config(folder_.path());
  const Config others = load("[capf]\nport = 3804\n");
  for (const Config& config : {none, others}) {
    EXPECT_EQ(config.module, "/usr/lib/softhsm/libsofthsm2.so");
    EXPECT_EQ(config.token, "ringfence");
    EXPECT_EQ(config.pin_file, folder_.path() / "hsm" / "user.pin");
    EXPECT_EQ(config.so_pin_file, folder_.path() / "hsm" / "so.pin");
    EXPECT_TRUE(config.is_softhsm());
  }
}

TEST_F(ConfigTest, ReadsEveryKey) {
  const Config config = load(
      "[hsm]\nmodule = \"/opt/vendor/p11.so\"\ntoken = \"house\"\npin_file = \"/run/pin\"\n"
      "so_pin_file = \"/run/so\"\n[hsm.users]\ncapf = \"root\"\n");
  EXPECT_EQ(config.module, "/opt/vendor/p11.so");
  EXPECT_EQ(config.token, "house");
  EXPECT_EQ(config.pin_file, "/run/pin");
  EXPECT_EQ(config.so_pin_file, "/run/so");
  EXPECT_EQ(config.users.at("capf"), 0U);
  EXPECT_FALSE(config.is_softhsm());
}

TEST_F(ConfigTest, NamesTheLineOfWhatIsWrong) {
  EXPECT_EQ(error("[hsm]\n\npinfile = \"x\"\n"),
            file() +
                ":3: hsm.pinfile is not known; known are module, token, pin_file, so_pin_file and "
                "the table users");
  EXPECT_EQ(error("[hsm]\ntoken = 5\n"),
            file() + ":2: hsm.token must be a text in quotes that is not empty");
  EXPECT_EQ(error("[hsm.users]\nphone = \"root\"\n"),
            file() + ":2: hsm.users.phone: there is no such role");
  EXPECT_EQ(error("[hsm.users]\ncapf = \"no-such-user\"\n"),
            file() + ":2: hsm.users.capf: there is no user no-such-user");
  EXPECT_NE(error("[hsm\n").find(file() + ":1: "), std::string::npos);
}

}  // namespace
}  // namespace ringfence::hsm
