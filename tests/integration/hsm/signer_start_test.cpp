// ringfence-signer when it starts: first start, PINs, what is missing.
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "hsm/files.h"
#include "tests/integration/hsm/signer_peer.h"

namespace ringfence::hsm::test {
namespace {

namespace fs = std::filesystem;

const KeySpec kP256{KeyAlgorithm::ec, 256};

mode_t mode_of(const fs::path& path) {
  struct stat facts {};

  return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

TEST(SignerStartTest, MakesATokenThatOnlyItsUserCanReach) {
  const TemporaryFolder folder;
  const SignerProcess signer(folder.path());
  EXPECT_EQ(mode_of(folder / "hsm"), 0700U);
  for (const char* file : {"user.pin", "so.pin", "softhsm2.conf", "lock"})
    EXPECT_EQ(mode_of(folder.path() / "hsm" / file), 0600U) << file;
  EXPECT_NE(read_text(folder / "hsm/user.pin"), read_text(folder / "hsm/so.pin"));
  EXPECT_EQ(read_text(folder / "hsm/user.pin").size(), 32U);
  EXPECT_EQ(mode_of(folder / "run/signer"), 0700U);
  for (const char* role : {"admin", "capf", "tvs", "tftp", "callmanager"})
    EXPECT_EQ(mode_of(signer.socket(role)), 0600U) << role;
}

TEST(SignerStartTest, KeepsKeysOverARestart) {
  const TemporaryFolder folder;
  KeyRef key;
  Bytes spki;
  {
    SignerProcess signer(folder.path());
    SignerClient client(signer.socket("admin"));
    key = client.generate("TVS", kP256);
    spki = client.public_key(key);
    EXPECT_EQ(signer.stop().exit_code, 0);
    EXPECT_FALSE(fs::exists(signer.socket("admin")));
  }
  const std::string pin = read_text(folder / "hsm/user.pin");
  const SignerProcess signer(folder.path());
  SignerClient client(signer.socket("admin"));
  EXPECT_EQ(client.list(), (std::vector<KeyInfo>{{key, kP256}}));
  EXPECT_EQ(client.public_key(key), spki);
  ASSERT_EQ(client.status().keys.size(), 1U);
  EXPECT_GE(client.status().keys[0].copies, 1U);
  EXPECT_EQ(read_text(folder / "hsm/user.pin"), pin);
}

TEST(SignerStartTest, RefusesASecondSignerAndNamesTheFirst) {
  const TemporaryFolder folder;
  const SignerProcess first(folder.path());
  const std::string log = read_text(folder / "signer.log");
  const CommandResult second =
      shell(std::string(RINGFENCE_BIN_DIR) + "/ringfence-signer --state " + folder.path().string());
  EXPECT_NE(second.status, 0);
  EXPECT_NE(second.output.find("process " + std::to_string(first.pid()) + " already runs"),
            std::string::npos)
      << second.output;
  SignerClient client(first.socket("admin"));
  EXPECT_NO_THROW(client.list());
}

/// A stopped signer's folder, with a token and one key.
class LockedOutTest : public testing::Test {
 protected:
  LockedOutTest() {
    const SignerProcess signer(folder_.path());
    SignerClient client(signer.socket("admin"));
    key_ = client.generate("CAPF", kP256);
  }

  fs::path pin_file() const { return folder_.path() / "hsm" / "user.pin"; }

  void expect_the_key_is_still_there() const {
    const SignerProcess signer(folder_.path());
    SignerClient client(signer.socket("admin"));
    EXPECT_EQ(client.list(), (std::vector<KeyInfo>{{key_, kP256}}));
  }

  TemporaryFolder folder_;
  KeyRef key_;
};

TEST_F(LockedOutTest, StopsWhenThePinIsWrongAndNeverTriesAgain) {
  const std::string right = read_text(pin_file());
  write_text(pin_file(), "not the pin");
  const ProcessResult result = SignerProcess::run_to_end(folder_.path());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.stderr_text,
            "ringfence-signer: the token \"ringfence\" refused the PIN from the file " +
                pin_file().string() +
                " (C_Login: CKR_PIN_INCORRECT (0xa0)): correct it and start again; it was tried "
                "once and will not be tried again\n");
  EXPECT_EQ(result.stderr_text.find("not the pin"), std::string::npos);
  write_text(pin_file(), right + "\n");
  expect_the_key_is_still_there();
}

TEST_F(LockedOutTest, StopsWhenThePinFileIsMissing) {
  const std::string right = read_text(pin_file());
  fs::remove(pin_file());
  const ProcessResult result = SignerProcess::run_to_end(folder_.path());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.stderr_text, "ringfence-signer: cannot read the file " + pin_file().string() +
                                    " (No such file or directory): put the token's user PIN "
                                    "there, mode 0600, and start again\n");
  EXPECT_FALSE(fs::exists(pin_file()));
  write_text(pin_file(), right);
  fs::permissions(pin_file(), fs::perms(0600));
  expect_the_key_is_still_there();
}

TEST_F(LockedOutTest, StopsWhenOthersCanReadThePin) {
  fs::permissions(pin_file(), fs::perms(0640));
  const ProcessResult result = SignerProcess::run_to_end(folder_.path());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.stderr_text.find("is open to other users: chmod 600 it"), std::string::npos);
}

TEST_F(LockedOutTest, NeverMakesANewTokenWhereOneIsMissing) {
  fs::rename(folder_ / "hsm/tokens", folder_ / "hsm/tokens.away");
  const ProcessResult result = SignerProcess::run_to_end(folder_.path());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.stderr_text.find("the token \"ringfence\" is missing in"), std::string::npos);
  EXPECT_NE(result.stderr_text.find(pin_file().string()), std::string::npos);
  fs::remove_all(folder_ / "hsm/tokens");
  fs::rename(folder_ / "hsm/tokens.away", folder_ / "hsm/tokens");
  expect_the_key_is_still_there();
}

TEST_F(LockedOutTest, BeginsAnewAfterAFirstStartThatDidNotFinish) {
  // What a power cut between the PIN files and the token leaves behind.
  write_text(folder_ / "hsm/initialising", "");
  const SignerProcess signer(folder_.path());
  SignerClient client(signer.socket("admin"));
  EXPECT_TRUE(client.list().empty());
  EXPECT_FALSE(fs::exists(folder_ / "hsm/initialising"));
}

TEST_F(LockedOutTest, DoesNotSeeKeysThatOthersPutIntoTheToken) {
  const CommandResult made =
      shell("SOFTHSM2_CONF=" + (folder_ / "hsm/softhsm2.conf").string() +
            " pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin " +
            read_text(pin_file()) +
            " --keypairgen --key-type EC:prime256v1 --label 'My Key' --id 01020304");
  EXPECT_EQ(made.status, 0) << made.output;
  expect_the_key_is_still_there();
}

TEST(SignerStartTest, NamesAModuleThatIsNone) {
  const TemporaryFolder folder;
  write_text(folder / "ringfence.toml", "[hsm]\nmodule = \"/lib/x86_64-linux-gnu/libz.so.1\"\n");
  const ProcessResult result = SignerProcess::run_to_end(folder.path());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.stderr_text.find("PKCS#11 module"), std::string::npos) << result.stderr_text;
}

}  // namespace
}  // namespace ringfence::hsm::test
