// Token against real SoftHSM: names, dates, copies, and what other processes do meanwhile.
#include <sys/stat.h>

#include <chrono>

#include <gmock/gmock.h>

#include "tests/integration/hsm/token_fixture.h"

namespace ringfence::hsm::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string today() {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day date(days);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

template <typename Work>
std::string text_thrown(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool flag(const Session& session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  return session.attribute(object, type) == Bytes{CK_TRUE};
}

TEST_F(TokenTest, GivesEveryKeyTheDayItWasMade) {
  const std::string before = today();
  Token::Entry made;
  {
    Opened opened(config_);
    made = opened.token.generate("CAPF", kP256);
    EXPECT_TRUE(opened.signs(made));
  }
  EXPECT_THAT(made.since, testing::AnyOf(before, today()));
  const Opened again(config_);
  ASSERT_EQ(again.refs(), std::vector<KeyRef>{made.info.ref});
  EXPECT_EQ(again.token.entries().front().since, made.since);
  EXPECT_EQ(again.token.entries().front().spki, made.spki);
}

TEST_F(TokenTest, SignsWithCopiesThatProtectTheKeyAsTheTokenDoes) {
  Opened opened(config_);
  opened.token.generate("CAPF", {KeyAlgorithm::rsa, 2048});
  opened.token.generate("TVS", kP256);
  const Session session(opened.module, opened.slot.id);
  const CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
  const auto objects = session.find({attribute(CKA_CLASS, private_key)});
  ASSERT_EQ(objects.size(), 4U);  // two in the token, a copy of each
  for (const CK_OBJECT_HANDLE object : objects) {
    EXPECT_TRUE(flag(session, object, CKA_PRIVATE));
    EXPECT_TRUE(flag(session, object, CKA_SENSITIVE));
    EXPECT_TRUE(flag(session, object, CKA_SIGN));
    EXPECT_FALSE(flag(session, object, CKA_EXTRACTABLE));
    EXPECT_FALSE(flag(session, object, CKA_DECRYPT));
    EXPECT_FALSE(flag(session, object, CKA_UNWRAP));
  }
  for (const Token::Entry& entry : opened.token.entries()) EXPECT_TRUE(entry.copied);
}

TEST_F(TokenTest, SignsWithTheTokenObjectWhereCopyingIsRefused) {
  Opened opened(config_);
  faults_.set("C_CopyObject 0x68\n");
  const Token::Entry made = opened.token.generate("CAPF", kP256);
  EXPECT_FALSE(made.copied);
  EXPECT_TRUE(opened.signs(made));
  faults_.set("");
  EXPECT_TRUE(opened.token.generate("TVS", kP256).copied);
}

TEST_F(TokenTest, CopiesAgainWhenCopyingFailsInPassing) {
  Opened opened(config_);
  faults_.set("C_CopyObject 0x5 once\n");
  EXPECT_TRUE(opened.token.generate("CAPF", kP256).copied);
  EXPECT_EQ(faults_.count("fault C_CopyObject"), 1U);
}

TEST_F(TokenTest, FindsAKeyThatAnotherProcessMadeAfterLogin) {
  const KeyRef ref{"CAPF", 1};
  Child maker(config_, [](Opened& opened) { opened.token.generate("CAPF", kP256); });
  Opened opened(config_);
  EXPECT_EQ(text_thrown([&] { opened.token.sign(digested(ecdsa(ref))); }),
            "the token has no key CAPF/1");
  maker.go();
  ASSERT_EQ(maker.wait(), 0);
  const Bytes signature = opened.token.sign(digested(ecdsa(ref)));
  EXPECT_TRUE(verifies(opened.token.find(ref).spki, ecdsa(ref), signature));
  EXPECT_THAT(opened.refs(), ElementsAre(ref));
}

TEST_F(TokenTest, ForgetsAKeyThatAnotherProcessDestroyed) {
  const KeyRef ref{"CAPF", 1};
  Child destroyer(config_, [&ref](Opened& opened) { opened.token.destroy(ref); });
  Opened opened(config_);
  opened.token.generate("CAPF", kP256);
  destroyer.go();
  ASSERT_EQ(destroyer.wait(), 0);
  opened.token.forget(ref);
  opened.token.forget(ref);
  EXPECT_EQ(kind_thrown([&] { opened.token.sign(digested(ecdsa(ref))); }), Kind::not_found);
  EXPECT_TRUE(opened.refs().empty());
}

TEST_F(TokenTest, NoticesWithoutACopyThatAKeyWasDestroyed) {
  const KeyRef ref{"CAPF", 1};
  Child destroyer(config_, [&ref](Opened& opened) { opened.token.destroy(ref); });
  Opened opened(config_);
  faults_.set("C_CopyObject 0x68\n");
  EXPECT_TRUE(opened.signs(opened.token.generate("CAPF", kP256)));
  destroyer.go();
  ASSERT_EQ(destroyer.wait(), 0);
  EXPECT_EQ(kind_thrown([&] { opened.token.sign(digested(ecdsa(ref))); }), Kind::not_found);
}

TEST_F(TokenTest, RepeatsAGenerationThatFailsInPassingButNotForEver) {
  Opened opened(config_);
  faults_.set("C_GenerateKeyPair 0x5 once\n");
  EXPECT_EQ(opened.token.generate("CAPF", kP256).info.ref, (KeyRef{"CAPF", 1}));
  faults_.set("C_GenerateKeyPair 0x6\n");
  EXPECT_EQ(text_thrown([&] { opened.token.generate("CAPF", kP256); }),
            "C_GenerateKeyPair: CKR_FUNCTION_FAILED (0x6)");
  EXPECT_EQ(faults_.count("fault C_GenerateKeyPair"), 4U);
  faults_.set("C_GenerateKeyPair 0x32\n");
  EXPECT_EQ(text_thrown([&] { opened.token.generate("CAPF", kP256); }),
            "C_GenerateKeyPair: CKR_DEVICE_REMOVED (0x32)");
  EXPECT_EQ(faults_.count("fault C_GenerateKeyPair"), 5U);
  faults_.set("");
  EXPECT_THAT(opened.refs(), ElementsAre(KeyRef{"CAPF", 1}));
  EXPECT_EQ(objects(opened, CKO_PUBLIC_KEY), 1U);
}

TEST_F(TokenTest, MakesAKeyWithoutADateWhereTheModuleTakesNone) {
  Opened opened(config_);
  faults_.set("C_GenerateKeyPair 0x12 once\n");
  const Token::Entry made = opened.token.generate("CAPF", kP256);
  EXPECT_EQ(made.since, "");
  EXPECT_TRUE(opened.signs(made));
}

TEST_F(TokenTest, RefusesLabelsThatNoKeyMayHave) {
  Opened opened(config_);
  for (const char* label : {"", "a b", "a/b"})
    EXPECT_EQ(kind_thrown([&] { opened.token.generate(label, kP256); }), Kind::request) << label;
  EXPECT_EQ(opened.token.generate("CAPF", kP256).info.ref, (KeyRef{"CAPF", 1}));
}

TEST_F(TokenTest, NeverUsesAVersionTwice) {
  for (std::uint32_t version = 1; version < 4; ++version) {
    Opened opened(config_);
    const KeyRef ref = opened.token.generate("CAPF", kP256).info.ref;
    EXPECT_EQ(ref, (KeyRef{"CAPF", version}));
    opened.token.destroy(ref);
  }
}

TEST_F(TokenTest, SyncsTheNewRecordOfAVersionBeforeTheOldOneGoes) {
  std::vector<std::size_t> records;  // that are there at each sync
  Opened* here = nullptr;
  Opened opened(config_, [&] { records.push_back(objects(*here, CKO_DATA)); });
  here = &opened;
  opened.token.generate("CAPF", kP256);
  EXPECT_THAT(records, ElementsAre()) << "the first has none before it";
  opened.token.generate("CAPF", kP256);
  EXPECT_THAT(records, ElementsAre(2U));
  EXPECT_EQ(objects(opened, CKO_DATA), 1U);
}

TEST_F(TokenTest, KeepsVersionsInAFileWhereTheTokenTakesNoDataObjects) {
  faults_.set("C_CreateObject 0x13\n");  // as NSS softokn answers
  {
    Opened opened(config_);
    const KeyRef ref = opened.token.generate("CAPF", kP256).info.ref;
    opened.token.destroy(ref);
    opened.token.generate("TVS", kP256);
  }

  struct stat facts {};

  ASSERT_EQ(::stat(config_.versions_file().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  EXPECT_EQ(read_text(config_.versions_file()), "CAPF 1 destroyed CAPF 1\nTVS 1\n");
  Opened opened(config_);
  EXPECT_EQ(opened.token.generate("CAPF", kP256).info.ref, (KeyRef{"CAPF", 2}));
  EXPECT_EQ(opened.token.generate("TVS", kP256).info.ref, (KeyRef{"TVS", 2}));
}

TEST_F(TokenTest, RefusesAFileOfVersionsThatIsDamaged) {
  { const Opened opened(config_); }
  for (const char* line :
       {"CAPF", "CAPF x", "CAPF 1 sold TVS 1", "CAPF 1 destroyed TVS", "a/b 1"}) {
    write_text(config_.versions_file(), std::string("TVS 4\n") + line + "\n");
    EXPECT_THAT(text_thrown([&] { const Opened opened(config_); }),
                HasSubstr(config_.versions_file().string() + ":2: not a line of versions"))
        << line;
  }
}

TEST_F(TokenTest, MakesNoKeyWhoseVersionCannotBeKept) {
  const Module module(config_.module);
  const Slot slot = open_slot(config_, module);
  Token token(module, slot, read_pin(config_).reveal());
  faults_.set("C_CreateObject 0x13\n");
  EXPECT_EQ(text_thrown([&] { token.generate("CAPF", kP256); }),
            "the token takes no data objects and no file of versions is set");
  EXPECT_EQ(faults_.count("fault C_GenerateKeyPair"), 0U);
  EXPECT_TRUE(token.entries().empty());
}

TEST_F(TokenTest, TellsTheFactsOfTheTokenAndItsSlots) {
  const Opened opened(config_);
  const TokenFacts facts = opened.module.facts(opened.slot);
  EXPECT_EQ(facts.library, "SoftHSM, Implementation of PKCS11 2.6");
  EXPECT_EQ(facts.label, "ringfence");
  EXPECT_EQ(facts.manufacturer, "SoftHSM project");
  EXPECT_EQ(facts.model, "SoftHSM v2");
  EXPECT_EQ(facts.serial.size(), 16U);
  EXPECT_EQ(facts.hardware, "2.6");
  EXPECT_EQ(facts.firmware, "2.6");
  ASSERT_EQ(facts.slots.size(), 2U);  // SoftHSM always shows one more for the next token
  EXPECT_EQ(facts.slots[0].token, "ringfence");
  EXPECT_TRUE(facts.slots[0].used);
  EXPECT_THAT(facts.slots[0].description, HasSubstr("SoftHSM slot ID"));
  EXPECT_EQ(facts.slots[1].token, "");
  EXPECT_FALSE(facts.slots[1].used);
}

}  // namespace
}  // namespace ringfence::hsm::test
