// ringfence.so in processes that end, fork, and load SoftHSM: none hangs, none leaks.
#include "tests/integration/hsm/openssl_house.h"

namespace ringfence::hsm::test {
namespace {

class OpensslProcessTest : public HouseTest, public testing::WithParamInterface<Loading> {
 protected:
  /// fresh_softhsm empties a folder for SoftHSM's tokens and returns what a shell sets for it.
  static std::string fresh_softhsm() {
    const std::string conf = house().file("softhsm.conf").string();
    const std::string tokens = house().file("other-tokens").string();
    std::filesystem::remove_all(tokens);
    std::filesystem::create_directory(tokens);
    write_text(conf, "directories.tokendir = " + tokens + "\nobjectstore.backend = file\n");
    return "export SOFTHSM2_CONF=" + conf + "; ";
  }

  /// expect_done runs our guest program for at most 60 s; it ends well and says so.
  static void expect_done(const std::string& word) {
    const std::string command = RINGFENCE_BIN_DIR "/openssl_guest " + word;
    const CommandResult result = shell(fresh_softhsm() + house().program(GetParam(), command));
    EXPECT_EQ(result.status, 0) << word << result.output;
    EXPECT_EQ(result.output, "done\n") << word;
  }
};

TEST_P(OpensslProcessTest, SignsAndEnds) {
  expect_done("sign");
}

TEST_P(OpensslProcessTest, EndsWithoutFreeingAnything) {
  expect_done("leave");
}

TEST_P(OpensslProcessTest, EndsWhileThreadsSign) {
  for (int run = 0; run < 10; ++run) expect_done("exit-while-signing");
}

TEST_P(OpensslProcessTest, KeepsAForkedChildsAnswersApart) {
  expect_done("fork");
}

TEST_P(OpensslProcessTest, MeetsSoftHsmInOneProcess) {
  expect_done("meet");
  expect_done("meet-first");
}

/// pkcs11-tool is a program over SoftHSM that uses OpenSSL itself, too.
TEST_P(OpensslProcessTest, LetsAnotherPkcs11ProgramWork) {
  const std::string softhsm = fresh_softhsm();
  write_text(house().file("words"), "some words");
  const auto tool = [&](const std::string& words) {
    return shell(softhsm +
                 house().program(GetParam(),
                                 "pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so " + words));
  };
  const CommandResult made = tool("--init-token --slot 0 --label guest --so-pin 12345678");
  ASSERT_EQ(made.status, 0) << made.output;
  const std::string user = "--token-label guest --login --pin 12345678 ";
  const CommandResult pin =
      tool("--token-label guest --init-pin --login --so-pin 12345678 --new-pin 12345678");
  ASSERT_EQ(pin.status, 0) << pin.output;
  const CommandResult key = tool(user + "--keypairgen --key-type rsa:2048 --id 01 --label guest");
  ASSERT_EQ(key.status, 0) << key.output;
  const CommandResult done =
      tool(user + "--sign --mechanism SHA256-RSA-PKCS --id 01 -i words -o words.tool");
  ASSERT_EQ(done.status, 0) << done.output;
  const CommandResult ec = tool(user + "--keypairgen --key-type EC:prime256v1 --id 02 --label g2");
  ASSERT_EQ(ec.status, 0) << ec.output;
}

/// valgrind looks for definite leaks and for wrong accesses in everything that openssl does.
TEST_P(OpensslProcessTest, IsCleanUnderValgrind) {
  if (!preload().empty()) GTEST_SKIP() << "valgrind cannot run what a sanitizer was built into";
  if (shell("command -v valgrind").status != 0) GTEST_SKIP() << "valgrind is not installed";
  write_text(house().file("words"), "some words");
  const std::string valgrind =
      "valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99 openssl ";
  for (const char* command :
       {"storeutl -noout pkcs11:", "dgst -sha256 -sign pkcs11:object=CAPF -out words.sig words",
        "dgst -sha256 -verify pkcs11:object=CAPF -signature words.sig words",
        "req -new -subj /CN=x -key pkcs11:object=TVS -out x.csr",
        "pkey -in pkcs11:object=TVS -noout -text"}) {
    const CommandResult result = shell(house().program(GetParam(), valgrind + command));
    EXPECT_EQ(result.status, 0) << command << result.output;
  }
}

INSTANTIATE_TEST_SUITE_P(Loaded, OpensslProcessTest,
                         testing::Values(Loading::configuration, Loading::configuration_ours_first),
                         [](const auto& test) { return name(test.param); });

}  // namespace
}  // namespace ringfence::hsm::test
