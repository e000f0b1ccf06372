// Key operations that are cut short between any two calls of the module.
#include <signal.h>

#include <set>

#include <gmock/gmock.h>

#include "tests/integration/hsm/token_fixture.h"

namespace ringfence::hsm::test {
namespace {

using testing::UnorderedElementsAreArray;

constexpr int kDied = 86;  // of the module's `exit`
constexpr unsigned kMostCalls = 500;

class TokenCrashTest : public TokenTest {
 protected:
  /// die_after does the work in another process that ends before its call number `calls` + 1 of
  /// the module; false when the work was done before.
  template <typename Work>
  bool die_after(unsigned calls, const std::string& other_faults, Work work) {
    Child child(config_, [&](Opened& opened) {
      faults_.set(other_faults + "* exit after " + std::to_string(calls) + "\n");
      work(opened);
    });
    child.go();
    const int code = child.wait();
    faults_.set("");
    EXPECT_TRUE(code == 0 || code == kDied) << code;
    return code == kDied;
  }

  /// expect_no_halves makes one key more, which clears away, and counts.
  void expect_no_halves(Opened& opened) {
    const KeyRef other = opened.token.generate("Other", kP256).info.ref;
    EXPECT_EQ(objects(opened, CKO_PRIVATE_KEY), opened.refs().size());
    EXPECT_EQ(objects(opened, CKO_PUBLIC_KEY), opened.refs().size());
    opened.token.destroy(other);
  }
};

TEST_F(TokenCrashTest, LeavesAWholePairOrNoneWhenAGenerationDies) {
  std::set<KeyRef> used;
  unsigned calls = 0;
  for (bool died = true; died; ++calls) {
    ASSERT_LT(calls, kMostCalls);
    died = die_after(calls, "", [](Opened& opened) { opened.token.generate("CAPF", kP256); });
    Opened opened(config_);
    for (const Token::Entry& entry : opened.token.entries()) {
      EXPECT_TRUE(opened.signs(entry));
      EXPECT_TRUE(used.insert(entry.info.ref).second) << to_text(entry.info.ref);
      opened.token.destroy(entry.info.ref);
    }
    expect_no_halves(opened);
    ASSERT_TRUE(opened.refs().empty());
  }
  EXPECT_GT(calls, 10U);
  EXPECT_GT(used.size(), 1U);
}

TEST_F(TokenCrashTest, LeavesAWholePairOrNoneWhenADestructionDies) {
  const KeyRef kept{"CAPF", 1};
  {
    Opened opened(config_);
    opened.token.generate("CAPF", kP256);
    opened.token.generate("CAPF", kP256);
  }
  KeyRef doomed{"CAPF", 2};
  unsigned calls = 0;
  for (bool died = true; died; ++calls) {
    ASSERT_LT(calls, kMostCalls);
    died = die_after(calls, "", [&doomed](Opened& opened) { opened.token.destroy(doomed); });
    Opened opened(config_);
    std::vector<KeyRef> refs = opened.refs();
    for (const Token::Entry& entry : opened.token.entries()) EXPECT_TRUE(opened.signs(entry));
    expect_no_halves(opened);
    EXPECT_THAT(opened.refs(), UnorderedElementsAreArray(refs));
    if (refs == std::vector<KeyRef>{kept}) {
      const KeyRef next = opened.token.generate("CAPF", kP256).info.ref;
      EXPECT_EQ(next.version, doomed.version + 1);
      doomed = next;
    } else {
      ASSERT_EQ(refs, (std::vector<KeyRef>{kept, doomed}));
      EXPECT_TRUE(died);
    }
  }
  EXPECT_GT(calls, 10U);
  EXPECT_GT(doomed.version, 3U);
}

TEST_F(TokenCrashTest, IsLeftWholeByAProcessKilledAtAnyInstant) {
  Token::Entry key;
  {
    Opened opened(config_);
    key = opened.token.generate("CAPF", kP256);
  }
  for (unsigned round = 0; round < 12; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    Child child(config_, [&](Opened& opened) {
      for (;;) {
        opened.token.destroy(opened.token.generate("TVS", kP256).info.ref);
        if (::write(ready[1], "r", 1) != 1) ::_exit(3);
      }
    });
    child.go();
    ::close(ready[1]);
    char bytes[3];
    for (char& byte : bytes) ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(round * 900);
    while (std::chrono::steady_clock::now() < end) continue;  // another instant each round
    ::kill(child.pid(), SIGKILL);
    EXPECT_EQ(child.wait(), 128 + SIGKILL);
    ::close(ready[0]);
    Opened opened(config_);
    const std::vector<Token::Entry> left = opened.token.entries();
    ASSERT_FALSE(left.empty()) << "round " << round;
    EXPECT_EQ(left[0].spki, key.spki);
    for (const Token::Entry& entry : left) EXPECT_TRUE(opened.signs(entry)) << "round " << round;
    expect_no_halves(opened);
    for (std::size_t i = 1; i < left.size(); ++i) opened.token.destroy(left[i].info.ref);
  }
}

}  // namespace
}  // namespace ringfence::hsm::test
