// ringfence.so in processes that end, fork, and load SoftHSM: none hangs, none leaks.
#include "tests/integration/hsm/openssl_house.h"

namespace ringfence::hsm::test {
namespace {

class OpensslProcessTest : public HouseTest, public testing::WithParamInterface<Loading> {
 protected:
  /// guest runs our guest program with a SoftHSM folder of its own, for at most 60 s.
  static CommandResult guest(const std::string& word) {
    const std::string conf = house().file("guest.conf").string();
    const std::string tokens = house().file("guest-tokens").string();
    std::filesystem::remove_all(tokens);
    std::filesystem::create_directory(tokens);
    write_text(conf, "directories.tokendir = " + tokens + "\nobjectstore.backend = file\n");
    return shell("export SOFTHSM2_CONF=" + conf + "; " +
                 house().program(GetParam(), RINGFENCE_BIN_DIR "/openssl_guest " + word));
  }
};

TEST_P(OpensslProcessTest, SignsAndEnds) {
  const CommandResult result = guest("sign");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_EQ(result.output, "done\n");
}

TEST_P(OpensslProcessTest, EndsWithoutFreeingAnything) {
  const CommandResult result = guest("leave");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_EQ(result.output, "done\n");
}

TEST_P(OpensslProcessTest, EndsWhileThreadsSign) {
  for (int run = 0; run < 10; ++run) {
    const CommandResult result = guest("exit-while-signing");
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_EQ(result.output, "done\n");
  }
}

TEST_P(OpensslProcessTest, KeepsAForkedChildsAnswersApart) {
  const CommandResult result = guest("fork");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_EQ(result.output, "done\n");
}

TEST_P(OpensslProcessTest, MeetsSoftHsmInOneProcess) {
  for (const char* word : {"meet", "meet-first"}) {
    const CommandResult result = guest(word);
    EXPECT_EQ(result.status, 0) << word << result.output;
    EXPECT_EQ(result.output, "done\n");
  }
}

/// pkcs11-tool is a program over SoftHSM that uses OpenSSL itself, too.
TEST_P(OpensslProcessTest, LetsAnotherPkcs11ProgramWork) {
  const std::string conf = house().file("tool.conf").string();
  const std::string tokens = house().file("tool-tokens").string();
  std::filesystem::remove_all(tokens);
  std::filesystem::create_directory(tokens);
  write_text(conf, "directories.tokendir = " + tokens + "\nobjectstore.backend = file\n");
  write_text(house().file("words"), "some words");
  const auto tool = [&](const std::string& words) {
    return shell("export SOFTHSM2_CONF=" + conf + "; " +
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
