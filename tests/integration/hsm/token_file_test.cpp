// token.object, which SoftHSM truncates and rewrites at each login: however a killed login or a
// power cut leaves it, the good copy is put back.
#include "hsm/signer/token_file.h"

#include <filesystem>

#include "hsm/files.h"
#include "tests/integration/hsm/token_fixture.h"

namespace ringfence::hsm::test {
namespace {

namespace fs = std::filesystem;

constexpr int kDied = 86;  // of the module's `exit`

class TokenFileTest : public TokenTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(work([](Opened& opened) { opened.token.generate("CAPF", kP256); }), 0);
    keep_token_files(config_);
    for (const auto& entry : fs::directory_iterator(config_.folder() / "tokens"))
      file_ = entry.path() / "token.object";
    sound_ = read_whole(file_);
    ASSERT_GT(sound_.size(), 100U);
  }

  void leave(const Bytes& bytes) {
    write_text(file_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  void expect_key(const std::string& where) {
    EXPECT_EQ(work([](Opened& opened) {
                const auto entries = opened.token.entries();
                if (entries.size() != 1 || !opened.signs(entries.front())) ::_exit(3);
              }),
              0)
        << where;
  }

  fs::path file_;
  Bytes sound_;
};

TEST_F(TokenFileTest, ATornOneIsRestoredFromTheGoodCopy) {
  // Truncated, and written up to any of its attributes or into one.
  for (std::size_t size = 0; size < sound_.size(); size += size < 64 ? 8 : 37) {
    leave({sound_.begin(), sound_.begin() + static_cast<std::ptrdiff_t>(size)});
    EXPECT_EQ(restore_token_files(config_), 1U) << size << " bytes were left";
    EXPECT_EQ(read_whole(file_), sound_);
  }
  leave({sound_.begin(), sound_.begin() + static_cast<std::ptrdiff_t>(sound_.size() / 2)});
  EXPECT_EQ(restore_token_files(config_), 1U);
  expect_key("half of it was left");
}

TEST_F(TokenFileTest, OneWhoseLengthAloneReachedTheDiskIsRestored) {
  leave(Bytes(sound_.size()));
  EXPECT_EQ(restore_token_files(config_), 1U);
  expect_key("zeros were left");
}

TEST_F(TokenFileTest, OneThatIsGoneIsRestored) {
  fs::remove(file_);
  EXPECT_EQ(restore_token_files(config_), 1U);
  expect_key("nothing was left");
}

TEST_F(TokenFileTest, ASoundOneStaysAsItIs) {
  Bytes other = sound_;
  ++other.at(7);  // SoftHSM's counter of changes
  leave(other);
  EXPECT_EQ(restore_token_files(config_), 0U);
  EXPECT_EQ(read_whole(file_), other);
  expect_key("another counter");
}

/// The copy is there before anybody logs in, so that the very first login may be killed too.
TEST_F(TokenFileTest, TheFirstCopyIsMadeWithTheToken) {
  const TemporaryFolder fresh(quick_place());
  write_text(fresh / "ringfence.toml", "[hsm]\nmodule = \"" RINGFENCE_FAULTY_MODULE "\"\n");
  const Config config = load_config(fresh.path());
  const Fd lock = enter_state(config);
  ::setenv("SOFTHSM2_CONF", (config.folder() / "softhsm2.conf").c_str(), 1);
  faults_.set("C_Login exit after 1\n");  // the first is the security officer's, who makes it
  Child child(config, [](Opened&) {});
  child.go();
  EXPECT_EQ(child.wait(), kDied);
  faults_.set("");
  ASSERT_TRUE(fs::exists(config.folder() / "good"));
  EXPECT_FALSE(fs::is_empty(config.folder() / "good"));
}

}  // namespace
}  // namespace ringfence::hsm::test
