// Which token the signer opens, which it makes, and where it takes the PIN from.
#include <gmock/gmock.h>

#include "tests/integration/hsm/token_fixture.h"

namespace ringfence::hsm::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class StateTest : public testing::Test {
 protected:
  ~StateTest() override {
    ::unsetenv("SOFTHSM2_CONF");
    ::unsetenv("CREDENTIALS_DIRECTORY");
  }

  /// enter reads this [hsm] section, and does what the signer's parent does before it forks.
  void enter(const std::string& section) {
    write_text(folder_ / "ringfence.toml", "[hsm]\n" + section);
    config_ = load_config(folder_.path());
    lock_ = Fd();
    lock_ = enter_state(config_);
    ::setenv("SOFTHSM2_CONF", (config_.folder() / "softhsm2.conf").c_str(), 1);
  }

  void make_token(const std::string& label) {
    const CommandResult made =
        shell("SOFTHSM2_CONF=" + (config_.folder() / "softhsm2.conf").string() +
              " softhsm2-util --init-token --free --label " + label + " --so-pin 4321 --pin 1234");
    ASSERT_EQ(made.status, 0) << made.output;
  }

  /// refusal returns why no slot is opened.
  std::string refusal() {
    const Module module(config_.module);
    try {
      open_slot(config_, module);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  bool opens_with(std::string_view pin) {
    const Module module(config_.module);
    const Slot slot = open_slot(config_, module);
    const Token token(module, slot, bytes_of(pin), config_.versions_file());
    return token.entries().empty();
  }

  void put_pin(const std::filesystem::path& path, const std::string& text, unsigned mode) {
    write_text(path, text);
    std::filesystem::permissions(path, std::filesystem::perms(mode));
  }

  std::string pin_refusal() {
    try {
      read_pin(config_);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::pin);
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
  Config config_;
  Fd lock_;
};

TEST_F(StateTest, MakesNoTokenWhosePinMustBeTyped) {
  enter("pin_source = \"typed\"\n");
  EXPECT_EQ(refusal(),
            "there is no token \"ringfence\" yet, and one is made at the first start only when "
            "hsm.token is a label and the PIN is in a file: make it with SOFTHSM2_CONF=" +
                (config_.folder() / "softhsm2.conf").string() +
                " softhsm2-util --init-token --free --label ringfence");
  EXPECT_FALSE(std::filesystem::exists(config_.so_pin_file()));
  make_token("ringfence");
  EXPECT_TRUE(opens_with("1234"));
  EXPECT_EQ(pin_refusal(), "the token's PIN must be typed: utils hsm unlock");
}

TEST_F(StateTest, MakesNoTokenWhosePinIsACredential) {
  ::setenv("CREDENTIALS_DIRECTORY", folder_.path().c_str(), 1);
  enter("pin_source = \"credential:token-pin\"\n");
  put_pin(folder_ / "token-pin", "1234\n", 0440);
  EXPECT_THAT(refusal(), HasSubstr("softhsm2-util --init-token --free --label ringfence"));
  EXPECT_FALSE(std::filesystem::exists(config_.so_pin_file()));
}

TEST_F(StateTest, OpensATokenWithACredential) {
  ::setenv("CREDENTIALS_DIRECTORY", folder_.path().c_str(), 1);
  enter("pin_source = \"credential:token-pin\"\n");
  make_token("ringfence");
  put_pin(folder_ / "token-pin", "1234\n", 0440);  // systemd's ACL shows as the group's bits
  EXPECT_EQ(read_pin(config_).reveal().size(), 4U);
  const Opened opened(config_);
  EXPECT_TRUE(opened.refs().empty());
}

TEST_F(StateTest, TakesAPinOnlyFromAFileThatOthersCannotRead) {
  enter("pin_source = \"file:" + (folder_ / "pin").string() + "\"\n");
  const std::string file = "the file " + (folder_ / "pin").string();
  EXPECT_EQ(pin_refusal(), "cannot read " + file +
                               " (No such file or directory): put the token's user PIN there, mode "
                               "0600, and start again");
  put_pin(folder_ / "pin", "1234", 0440);
  EXPECT_EQ(pin_refusal(), file + " is open to other users: chmod 600 it");
  put_pin(folder_ / "pin", "\n", 0600);
  EXPECT_EQ(pin_refusal(), file + " must hold a PIN of 1 to 255 bytes");
  put_pin(folder_ / "pin", std::string(256, '1'), 0600);
  EXPECT_EQ(pin_refusal(), file + " must hold a PIN of 1 to 255 bytes");
  put_pin(folder_ / "pin", std::string(255, '1') + "\r\n", 0400);
  EXPECT_EQ(read_pin(config_).reveal().size(), 255U);
}

TEST_F(StateTest, ClearsAwayWhatAKilledProcessLeftOfItsFiles) {
  enter("");
  { const Opened first(config_); }  // makes the token
  std::filesystem::path token;
  for (const auto& entry : std::filesystem::directory_iterator(config_.folder() / "tokens"))
    token = entry.path();
  const std::vector<std::filesystem::path> left = {
      config_.folder() / "softhsm2.conf.aZ09bc",
      config_.folder() / "user.pin.123456",
      config_.folder() / "so.pin.abcdef",
      config_.versions_file().string() + ".ABCDEF",
      token / "token.object.QwErTy",
      config_.folder() / "good" / (token.filename().string() + ".000000")};
  const std::vector<std::filesystem::path> others = {config_.folder() / "softhsm2.conf.orig",
                                                     config_.folder() / "user.pin.12345-",
                                                     config_.folder() / "notes.abcdef"};
  for (const auto& list : {left, others})
    for (const auto& file : list) write_text(file, "half");
  enter("");
  for (const auto& file : left) EXPECT_FALSE(std::filesystem::exists(file)) << file;
  for (const auto& file : others) EXPECT_TRUE(std::filesystem::exists(file)) << file;
  EXPECT_TRUE(Opened(config_).refs().empty());
}

TEST_F(StateTest, ChoosesNoneOfSeveralTokensThatMatch) {
  enter("pin_source = \"typed\"\n");
  make_token("ringfence");
  make_token("ringfence");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("shows several tokens for \"ringfence\""), HasSubstr("add serial=")));
  std::string serial;
  {
    const Module module(config_.module);
    serial = module.slots().front().serial;
  }
  const std::string uri = "pkcs11:token=ringfence;serial=" + serial;
  enter("pin_source = \"typed\"\ntoken = \"" + uri + "\"\n");
  EXPECT_TRUE(opens_with("1234"));
  const Module module(config_.module);
  EXPECT_EQ(open_slot(config_, module).serial, serial);
}

TEST_F(StateTest, MakesNoTokenForAUriThatItCouldNotMeet) {
  enter("token = \"pkcs11:token=ringfence;serial=0815\"\n");
  EXPECT_THAT(refusal(), HasSubstr("there is no token \"pkcs11:token=ringfence;serial=0815\" yet"));
  EXPECT_FALSE(std::filesystem::exists(config_.pin.path));
  enter("");
  EXPECT_EQ(refusal(), "");
  EXPECT_TRUE(std::filesystem::exists(config_.pin.path));
  enter("token = \"pkcs11:token=ringfence\"\n");
  EXPECT_EQ(refusal(), "");
}

}  // namespace
}  // namespace ringfence::hsm::test
