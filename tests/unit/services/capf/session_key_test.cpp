// Conversations about keys: what is asked for, what is taken, what never comes.
#include "services/capf/public_key.h"
#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using core::KeyOrder;
using namespace test_script;

TEST_F(CapfSession, AsksAPhoneThatKnowsNoCurvesForItsKeySizeAlone) {
  capf().key_order = KeyOrder::ec_preferred;
  auto session = start();
  AuthResponse response = auth();
  response.version = 2;
  feed(*session, std::move(response));
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024");
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary[script.diary.size() - 2], "> STORE CERTIFICATE REQUEST");
}

TEST_F(CapfSession, RefusesEcOnlyForAPhoneThatKnowsNoCurves) {
  capf().key_order = KeyOrder::ec_only;
  auto session = start();
  AuthResponse response = auth();
  response.version = 2;
  feed(*session, std::move(response));
  EXPECT_EQ(script.diary,
            (Lines{"> AUTH REQUEST 0",
                   "finished Upgrade Failed: No Support for EC only in CAPF version 3",
                   "> END SESSION 0"}));
}

TEST_F(CapfSession, AsksForTheCurveAndTakesIt) {
  capf().key_order = KeyOrder::ec_only;
  auto session = start();
  feed(*session, auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 384 EC P-384");
  feed(*session, key(p384));
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary.back(), "> END SESSION 1");
}

TEST_F(CapfSession, TakesTheRsaBackupWhenEcWasOnlyPreferred) {
  capf().key_order = KeyOrder::ec_preferred;
  auto session = start();
  feed(*session, auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 EC P-384");
  feed(*session, key(rsa1024));
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary.back(), "> END SESSION 1");
}

TEST_F(CapfSession, RefusesAKeyOfTheWrongOrderOrSize) {
  struct Wrong {
    KeyOrder order;
    core::Bytes spki;
  };

  for (const Wrong& wrong : {Wrong{KeyOrder::rsa_only, p384},
                             Wrong{KeyOrder::rsa_only, test::spki(test::rsa_key(512).get())},
                             Wrong{KeyOrder::ec_only, test::spki(test::ec_key("P-256").get())},
                             Wrong{KeyOrder::ec_preferred, test::spki(test::ec_key("P-521").get())},
                             Wrong{KeyOrder::ec_preferred, core::from_hex("3003020101")}}) {
    script.diary.clear();
    capf().key_order = wrong.order;
    auto session = start();
    feed(*session, auth());
    feed(*session, key(wrong.spki));
    ASSERT_EQ(script.diary.size(), 4U);
    EXPECT_EQ(script.diary[2], "finished Upgrade Failed: Key Generation Failed/Timeout");
    EXPECT_EQ(script.diary[3], "> END SESSION 7");
    EXPECT_EQ(script.events.back(), "wrong_key");
  }
}

TEST_F(CapfSession, RecordsAPhoneThatMadeAnRsaKeyForAnEcOnlyOrder) {
  capf().key_order = KeyOrder::ec_only;
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary[2], "finished Upgrade Failed: No Support for EC only in CAPF version 3");
  EXPECT_EQ(script.diary[3], "> END SESSION 7");
}

TEST_F(CapfSession, RefusesSizesBelowTheNodesMinimum) {
  script.settings.min_rsa_bits = 2048;
  feed(*start(), auth());
  EXPECT_EQ(script.diary,
            (Lines{"> AUTH REQUEST 0", "finished Upgrade Failed", "> END SESSION 0"}));
  EXPECT_EQ(script.events, Lines{"key_too_small"});
  EXPECT_EQ(script.details[0],
            "RSA 1024 is below this node's minimum of 2048: choose a larger key for the phone, or "
            "lower the minimum with 'set capf policy'");

  script.settings.min_rsa_bits = 512;
  script.settings.min_ec_bits = 521;
  capf().key_order = KeyOrder::ec_preferred;
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> END SESSION 0");
  AuthResponse jabber = auth();
  jabber.version = 2;  // which makes RSA keys alone
  feed(*start(), std::move(jabber));
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024");
}

TEST_F(CapfSession, RefusesAKeyWhenTheMinimumWasRaisedWhileItWasMade) {
  auto session = start();
  feed(*session, auth());
  script.settings.min_rsa_bits = 2048;
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary[2], "finished Upgrade Failed");
  EXPECT_EQ(script.events, Lines{"key_too_small"});
}

TEST_F(CapfSession, RecordsAPhoneThatCannotMakeAKey) {
  auto session = start();
  feed(*session, auth());
  feed(*session, KeyGenerateResponse{{}, Reason::no_action});
  EXPECT_EQ(script.diary[2], "finished Upgrade Failed: Key Generation Failed/Timeout");
  EXPECT_EQ(script.diary[3], "> END SESSION 0");
}

TEST_F(CapfSession, RecordsAPhoneThatNeverFinishedItsKey) {
  auto session = start();
  feed(*session, auth());
  session->lost(Session::Loss::timeout);
  EXPECT_EQ(script.diary.back(), "finished Upgrade Failed: Key Generation Failed/Timeout");
}

TEST_F(CapfSession, EndsAKeyThatIsAlwaysInProgress) {
  auto session = start();
  feed(*session, auth());
  for (int i = 0; i < 9; ++i) {
    clock.advance(std::chrono::minutes(20));
    feed(*session, InProgress{});
    ASSERT_TRUE(wait);
  }
  EXPECT_EQ(wait, std::chrono::seconds(1));
  clock.advance(std::chrono::seconds(1));
  feed(*session, InProgress{});
  EXPECT_EQ(script.diary.back(), "> END SESSION 0");
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::key_generation_failed);
}

TEST_F(CapfSession, RefusesAWeakKeyAndOneThatSomebodyElseHas) {
  auto session = start();
  feed(*session, auth());
  feed(*session, key(test::rsa_spki_of_factor(1024, 641)));
  EXPECT_EQ(script.diary[2], "finished Upgrade Failed: Key Generation Failed/Timeout");
  EXPECT_EQ(script.diary[3], "> END SESSION 7");
  EXPECT_EQ(script.details[0], "the phone made a weak key: its modulus has the small factor 641");

  script.key_holders[read_public_key(rsa1024).hash] = "this node's CAPF";
  session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary.back(), "> END SESSION 7");
  EXPECT_EQ(script.details[1], "the phone sent the key of this node's CAPF, not one of its own");
  EXPECT_EQ(script.events, (Lines{"weak_key", "weak_key"}));
}

TEST_F(CapfSession, RefusesAtOnceAKeyThatAnotherSessionBroughtFirst) {
  for (const core::LscIssuer issuer : {core::LscIssuer::capf, core::LscIssuer::offline_ca}) {
    script.settings.issuer = issuer;
    script.key_holders.clear();
    script.overtaken_by = "SEPAABBCCDDEEFF";
    auto session = start();
    feed(*session, auth());
    feed(*session, key(rsa1024));
    EXPECT_EQ(script.diary.back(), "> END SESSION 7") << "no RETRY LATER, which would not help";
    EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::key_generation_failed);
    EXPECT_EQ(script.events.back(), "weak_key");
    EXPECT_EQ(script.details.back(),
              "the phone sent the key of SEPAABBCCDDEEFF, not one of its own");
  }
}

}  // namespace
}  // namespace ringfence::services::capf
