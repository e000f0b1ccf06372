// Whole conversations with scripted phones: what is sent, what is written, and in which order.
#include <random>

#include "services/capf/public_key.h"
#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using core::KeyOrder;
using namespace test_script;

TEST_F(CapfSession, InstallsByNullStringAndWritesBeforeItSends) {
  auto session = start();
  EXPECT_EQ(wait, std::chrono::seconds(30));
  feed(*session, auth());
  EXPECT_EQ(wait, std::chrono::minutes(35));
  feed(*session, InProgress{});
  EXPECT_EQ(wait, std::chrono::minutes(35));
  feed(*session, key(rsa1024));
  EXPECT_EQ(wait, std::chrono::seconds(30));
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_FALSE(wait);
  EXPECT_EQ(script.diary, (Lines{"> AUTH REQUEST 0", "> KEY GENERATE REQUEST 1024 RSA",
                                 "issued 01 to SEP001122334455", "> STORE CERTIFICATE REQUEST",
                                 "delivered 01", "confirmed 01", "> END SESSION 1"}));
}

TEST_F(CapfSession, TakesAnAnswerWithoutReasonOrVersionAsUsual) {
  auto session = start();
  AuthResponse response = auth();
  response.version.reset();
  feed(*session, std::move(response));
  feed(*session, key(rsa1024));
  feed(*session, StoreResponse{});
  EXPECT_EQ(script.diary.back(), "> END SESSION 1");
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::success);
}

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

TEST_F(CapfSession, AsksTheIssuerForThePolicysValidity) {
  script.settings.validity_days = 90;
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.validity, std::chrono::days(90));
}

TEST_F(CapfSession, RecordsAPhoneThatCannotMakeAKey) {
  auto session = start();
  feed(*session, auth());
  feed(*session, KeyGenerateResponse{{}, Reason::no_action});
  EXPECT_EQ(script.diary[2], "finished Upgrade Failed: Key Generation Failed/Timeout");
  EXPECT_EQ(script.diary[3], "> END SESSION 0");
}

TEST_F(CapfSession, InstallsByAuthenticationString) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  auto session = start();
  feed(*session, auth(kPhone, "482915"));
  feed(*session, key(rsa1024));
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary.back(), "> END SESSION 1");
}

TEST_F(CapfSession, AsksAgainForAStringThatWasLeftOut) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  auto session = start();
  feed(*session, auth());
  EXPECT_EQ(script.diary.back(), "> AUTH REQUEST 1");
  feed(*session, auth(kPhone, "482915"));
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
}

TEST_F(CapfSession, DoesNotLetADeviceChangeItsNameWhenAskedAgain) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  script.phones["SEP00000000000A"] = script.phones[kPhone];
  script.phones["SEP00000000000A"].capf.auth_mode = AuthMode::null_string;
  auto session = start();
  feed(*session, auth());
  feed(*session, auth("SEP00000000000A"));
  EXPECT_EQ(script.diary.back(), "> END SESSION 7");
}

TEST_F(CapfSession, RefusesAWrongStringThreeTimesAndThenMakesThePhoneWait) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  for (int i = 0; i < 3; ++i) {
    script.diary.clear();
    feed(*start(), auth(kPhone, "482916"));
    EXPECT_EQ(script.diary,
              (Lines{"> AUTH REQUEST 0", "finished Upgrade Failed: Invalid Authentication String",
                     "> END SESSION 7"}));
  }
  script.diary.clear();
  clock.advance(std::chrono::seconds(60));
  feed(*start(), auth(kPhone, "482915"));
  EXPECT_EQ(script.diary, (Lines{"> AUTH REQUEST 0", "> RETRY LATER 240"}));
  clock.advance(std::chrono::seconds(240));
  feed(*start(), auth(kPhone, "482915"));
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
}

TEST_F(CapfSession, WritesEvidenceOfEveryWrongStringAndOfTheFirstThatIsTurnedAway) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  for (int i = 0; i < 9; ++i) feed(*start(), auth(kPhone, "482916"));
  EXPECT_EQ(script.events, (Lines{"auth_string_refused", "auth_string_refused",
                                  "auth_string_refused", "auth_string_throttled"}));
  for (const std::string& detail : script.details) {
    EXPECT_EQ(detail.find("48291"), std::string::npos) << detail;
  }
}

TEST_F(CapfSession, LetsThePhoneInAfterAStrangerElsewhereHasTriedAllDay) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  for (int i = 0; i < 40; ++i) feed(*start("10.6.6.6"), auth(kPhone, "482916"));
  EXPECT_EQ(script.diary.back(), "> RETRY LATER 300");
  feed(*start(), auth(kPhone, "482915"));
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
}

TEST_F(CapfSession, CountsAStringThatIsStillMissingAsWrong) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  auto session = start();
  feed(*session, auth());
  feed(*session, auth());
  EXPECT_EQ(script.diary[2], "finished Upgrade Failed: Invalid Authentication String");
}

TEST_F(CapfSession, EndsForAnUnknownDevice) {
  feed(*start(), auth("SEPFFFFFFFFFFFF"));
  EXPECT_EQ(script.diary, (Lines{"> AUTH REQUEST 0", "> END SESSION 9"}));
}

TEST_F(CapfSession, EndsWithNoActionWhenNothingIsAskedOrAllIsDone) {
  capf().operation = Operation::none;
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> END SESSION 0");
  capf().operation = Operation::install;
  script.outcomes[kPhone] = {kPhone, 7, Operation::install, OperationStatus::success, kNow};
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> END SESSION 0");
  capf().request = 8;  // asked again
  auto session = start();
  feed(*session, auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
}

TEST_F(CapfSession, EndsALateRequestAlsoWhenTheKeyTookTooLong) {
  auto session = start();
  feed(*session, auth());
  clock.advance(std::chrono::minutes(20));
  capf().completes_by = clock.now() - std::chrono::seconds(1);
  feed(*session, key(rsa1024));
  const Lines late{"finished Upgrade Failed: User Initiated Request Late/Timedout",
                   "> END SESSION 0"};
  EXPECT_EQ(Lines(script.diary.end() - 2, script.diary.end()), late);
  feed(*start(), auth());
  EXPECT_EQ(Lines(script.diary.end() - 2, script.diary.end()), late);
}

TEST_F(CapfSession, EndsARequestThatWasWithdrawnWhileTheKeyWasMade) {
  auto session = start();
  feed(*session, auth());
  capf().operation = Operation::none;
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary.back(), "> END SESSION 0");
  EXPECT_EQ(script.diary.size(), 3U);
}

TEST_F(CapfSession, AsksThePhoneToComeBackWhenTheTokenCannotSign) {
  for (const Code code : {Code::hsm_unavailable, Code::hsm_locked, Code::io, Code::internal}) {
    script.diary.clear();
    ++capf().request;
    script.issue_error.emplace(code, "the signer does not answer");
    auto session = start();
    feed(*session, auth());
    feed(*session, key(rsa1024));
    ASSERT_EQ(script.diary.size(), 3U) << core::name(code);
    EXPECT_EQ(script.diary[2], fmt::format("> RETRY LATER {}", 30 + session->id() % 30));
    EXPECT_TRUE(script.outcomes.empty());
  }
}

TEST_F(CapfSession, RecordsWhatTheAuthorityRefuses) {
  script.issue_error.emplace(Code::refused, "the CAPF certificate has expired");
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary[2], "finished Upgrade Failed: CA Rejected Connection");
  EXPECT_EQ(script.events, Lines{"ca_rejected"});
}

TEST_F(CapfSession, KeepsTheCertificateWhenItCannotBeRecorded) {
  auto session = start();
  feed(*session, auth());
  script.write_error.emplace(Code::io, "the disk is full");
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary.back(), fmt::format("> RETRY LATER {}", 30 + session->id() % 30));
}

TEST_F(CapfSession, DoesNotSayDoneWhenTheConfirmationCannotBeRecorded) {
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  script.write_error.emplace(Code::io, "the disk is full");
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary.back(), fmt::format("> RETRY LATER {}", 30 + session->id() % 30));
  EXPECT_TRUE(script.outcomes.empty());
}

TEST_F(CapfSession, ConfirmsWhenItCannotBeReadWhereThePhoneIs) {
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  script.known_error.emplace(Code::io, "the disk is gone");
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary[5], "confirmed 01");
  EXPECT_EQ(script.diary.back(), "> END SESSION 1");
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::success);
}

TEST_F(CapfSession, KeepsWhatWasKnownOfAStrangerWhenItCannotBeReadAgain) {
  script.known.proven = {"10.0.0.1"};
  auto session = start("10.6.6.6");
  feed(*session, auth());
  feed(*session, key(rsa1024));
  script.known_error.emplace(Code::io, "the disk is gone");
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary[5], "confirmed 01 not at 10.0.0.1");
}

TEST_F(CapfSession, RecordsAPhoneThatCouldNotStore) {
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  feed(*session, StoreResponse{Reason::invalid_element});
  EXPECT_EQ(script.diary[5], "finished Upgrade Failed");
  EXPECT_EQ(script.events, Lines{"not_stored"});
  EXPECT_EQ(script.diary[6], "> END SESSION 0");
}

TEST_F(CapfSession, RecordsThatThePhoneWasLostAtItsPart) {
  struct Case {
    Operation operation;
    bool key;
    const char* status;
    const char* detail;
  };

  for (const Case& one :
       {Case{Operation::install, false, "Upgrade Failed: Phone Communication Failure",
             "the phone was to make its key, and its connection was closed"},
        Case{Operation::install, true, "Upgrade Failed: Phone Communication Failure",
             "the phone was to store its certificate, and its connection was closed"},
        Case{Operation::remove, false, "Delete Failed: Phone Communication Failure",
             "the phone was to delete its LSC, and its connection was closed"},
        Case{Operation::troubleshoot, false, "Troubleshoot Failed: Phone Communication Failure",
             "the phone was to show its LSC, and its connection was closed"}}) {
    capf().operation = one.operation;
    auto session = start();
    feed(*session, auth());
    if (one.key) feed(*session, key(rsa1024));
    session->lost(Session::Loss::closed);
    EXPECT_EQ(script.diary.back(), fmt::format("finished {}", one.status));
    EXPECT_EQ(script.events.back(), "lost");
    EXPECT_EQ(script.details.back(), one.detail);
  }
}

TEST_F(CapfSession, RecordsNothingOfALossBeforeThePhoneWasAdmitted) {
  auto session = start();
  session->lost(Session::Loss::timeout);
  EXPECT_TRUE(script.outcomes.empty());
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  session = start();
  feed(*session, auth());
  session->lost(Session::Loss::closed);
  EXPECT_TRUE(script.outcomes.empty());
}

TEST_F(CapfSession, LeavesTheOperationPendingWhenTheServerStops) {
  auto session = start();
  feed(*session, auth());
  session->lost(Session::Loss::stopped);
  EXPECT_TRUE(script.outcomes.empty());
  EXPECT_TRUE(script.events.empty());
}

TEST_F(CapfSession, RecordsNoLossOfASessionThatAnotherTookOver) {
  auto old = start();
  feed(*old, auth());
  auto fresh = start();
  feed(*fresh, auth());
  old->lost(Session::Loss::closed);
  EXPECT_TRUE(script.outcomes.empty());
}

TEST_F(CapfSession, RecordsALossWhileStoringAlsoWhenThePhoneWasSilent) {
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  session->lost(Session::Loss::timeout);
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::communication_failure);
  session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::success) << "it may try again";
}

TEST_F(CapfSession, TakesAPhonesAbortOrEndForALoss) {
  for (const bool abort : {true, false}) {
    script.outcomes.clear();
    auto session = start();
    feed(*session, auth());
    feed(*session, abort ? Message(Abort{Reason::no_action}) : Message(EndSession{}));
    EXPECT_FALSE(wait);
    EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::communication_failure);
    EXPECT_EQ(script.details.back(), "the phone was to make its key, and it ended the session");
  }
}

TEST_F(CapfSession, TakesBytesThatAreNoMessageForALoss) {
  auto session = start();
  feed(*session, auth());
  took(*session, session->reject(Error(Code::malformed, "the message does not start with 0x55")));
  EXPECT_EQ(script.diary.back(), "> END SESSION 7");
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::communication_failure);
}

TEST_F(CapfSession, PassesOverAStatusAtWork) {
  auto session = start();
  feed(*session, auth());
  feed(*session, Status{});
  EXPECT_EQ(wait, std::chrono::minutes(35));
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary.back(), "delivered 01");
}

TEST_F(CapfSession, RecordsTheFourthTimeInARowThatTheAuthorityCannotSign) {
  script.issue_error.emplace(Code::hsm_unavailable, "the signer does not answer");
  const auto visit = [this] {
    auto session = start();
    feed(*session, auth());
    feed(*session, key(rsa1024));
  };
  for (int i = 0; i < 3; ++i) {
    visit();
    EXPECT_TRUE(script.outcomes.empty());
    EXPECT_EQ(script.events.back(), "retry_later");
  }
  visit();
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::ca_communication_failure);
  EXPECT_EQ(script.diary.back(), "> END SESSION 0");
}

TEST_F(CapfSession, CountsOnlyFailuresInARowOfOneRequest) {
  const auto visit = [this](bool works) {
    script.issue_error.reset();
    if (!works) script.issue_error.emplace(Code::hsm_unavailable, "the signer does not answer");
    auto session = start();
    feed(*session, auth());
    feed(*session, key(rsa1024));
    if (works) session->lost(Session::Loss::stopped);
  };
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3; ++i) visit(false);
    visit(true);
  }
  for (int i = 0; i < 3; ++i) visit(false);
  ++capf().request;
  for (int i = 0; i < 3; ++i) visit(false);
  EXPECT_TRUE(script.outcomes.empty());
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

TEST_F(CapfSession, LetsAPhoneThatRestartedTakeOverFromItsOldSession) {
  auto old = start();
  feed(*old, auth());
  auto fresh = start();
  feed(*fresh, auth());
  EXPECT_EQ(dismissed, Lines{"60"});
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
  feed(*old, key(rsa1024));
  EXPECT_EQ(script.diary.back(), "> END SESSION 0");
  feed(*fresh, key(rsa1024));
  feed(*fresh, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary.back(), "> END SESSION 1");
}

TEST_F(CapfSession, MakesASecondSessionWaitWhileACertificateIsUnderWay) {
  auto first = start();
  feed(*first, auth());
  feed(*first, key(rsa1024));
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> RETRY LATER 31");
  feed(*first, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary.back(), "> END SESSION 1");
}

TEST_F(CapfSession, LeavesItsSeatWithItsLastMessage) {
  auto first = start();
  feed(*first, auth());
  feed(*first, key(rsa1024));
  feed(*first, StoreResponse{Reason::ok});
  capf().request = 8;
  auto second = start();
  feed(*second, auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
  feed(*second, key(rsa1024));
  second->lost(Session::Loss::closed);
  auto third = start();
  feed(*third, auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
}

TEST_F(CapfSession, DoesNotLetAStrangersWrongStringSpoilAnEnrolment) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  auto phone = start();
  feed(*phone, auth(kPhone, "482915"));
  feed(*start(), auth(kPhone, "0000"));
  EXPECT_EQ(script.diary.back(), "> END SESSION 7");
  EXPECT_TRUE(script.outcomes.empty());
  feed(*phone, key(rsa1024));
  feed(*phone, StoreResponse{Reason::ok});
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::success);
}

TEST_F(CapfSession, EndsWithReasonSevenForJabberWithNothingToDo) {
  for (const bool done : {false, true}) {
    if (done)
      script.outcomes[kPhone] = {kPhone, 7, Operation::install, OperationStatus::success, kNow};
    else
      capf().operation = Operation::none;
    for (const std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}}) {
      AuthResponse response = auth();
      response.version = version;
      feed(*start(), std::move(response));
      EXPECT_EQ(script.diary.back(), version == 2 ? "> END SESSION 7" : "> END SESSION 0");
    }
    capf().operation = Operation::install;
  }
}

TEST_F(CapfSession, CarriesOutNothingWhileThePhoneContradictsItsProfile) {
  script.phones[kPhone].security_profile = "Floor";
  script.phones[kPhone].profile_mode = AuthMode::lsc;
  feed(*start(), auth());
  EXPECT_EQ(script.diary, (Lines{"> AUTH REQUEST 0", "finished Upgrade Failed: Invalid Credentials",
                                 "> END SESSION 7"}));
  EXPECT_EQ(script.events, Lines{"profile_mismatch"});
  script.phones[kPhone].profile_mode = AuthMode::null_string;
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
}

TEST_F(CapfSession, DoesNotTakeAStrangersFailureForThePhones) {
  for (const bool proven : {true, false}) {
    script.known = {};
    (proven ? script.known.proven : script.known.registered) = {"10.0.0.2"};
    script.known.fetching = {"10.6.6.6"};  // which anybody can do in its name
    script.outcomes.clear();
    script.events.clear();
    capf().auth_mode = AuthMode::auth_string;
    capf().auth_string = "482915";
    feed(*start("10.6.6.6"), auth(kPhone, "000000"));
    EXPECT_EQ(script.events, Lines{"auth_string_refused"});
    capf().auth_mode = AuthMode::mic;
    auto session = start("10.6.6.6");
    feed(*session, auth());
    feed(*session, auth());
    EXPECT_EQ(script.events.back(), "certificate_refused");
    capf().auth_mode = AuthMode::null_string;
    session = start("10.6.6.6");
    feed(*session, auth());
    session->lost(Session::Loss::closed);
    EXPECT_EQ(script.events.back(), "lost");
    EXPECT_TRUE(script.outcomes.empty());
    capf().auth_mode = AuthMode::auth_string;
    feed(*start("10.0.0.2"), auth(kPhone, "000000"));
    EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::invalid_auth_string);
    EXPECT_EQ(script.outcomes[kPhone].peer.substr(0, 9), "10.0.0.2:");
  }
}

TEST_F(CapfSession, RecordsWhatAPhoneFailsThatMovedAndHasShownItself) {
  script.known.proven = {"10.0.0.2"};
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  auto session = start("10.0.0.9");
  feed(*session, auth(kPhone, "482915"));
  feed(*session, key(rsa1024));
  feed(*session, StoreResponse{Reason::invalid_element});
  EXPECT_EQ(script.events, Lines{"not_stored"});
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::failed);
  EXPECT_EQ(script.outcomes[kPhone].peer.substr(0, 9), "10.0.0.9:");
}

TEST_F(CapfSession, TakesNobodysFailureForThePhonesWhileTwoAddressesRegisterAsIt) {
  script.known.registered = {"10.0.0.1", "10.6.6.6"};
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  for (const char* const address : {"10.6.6.6", "10.0.0.1"}) {
    feed(*start(address), auth(kPhone, "000000"));
    EXPECT_EQ(script.events.back(), "auth_string_refused");
    EXPECT_TRUE(script.outcomes.empty()) << address;
  }
  auto session = start("10.0.0.1");  // its string tells which of the two is the phone
  feed(*session, auth(kPhone, "482915"));
  session->lost(Session::Loss::closed);
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::communication_failure);
}

TEST_F(CapfSession, LeavesThePhoneThatRegistersItsTriesWhoeverFetchesInItsName) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  const Lines fetchers{"10.6.6.1", "10.6.6.2", "10.6.6.3", "10.6.6.4", "10.6.6.5"};
  for (const bool registered : {false, true}) {  // they came before it registered, or after
    if (registered) script.known.registered = {"10.0.0.1"};
    script.known.fetching = fetchers;
    for (const std::string& fetcher : fetchers)
      for (int i = 0; i < 9; ++i) feed(*start(fetcher), auth(kPhone, "000000"));
    for (int i = 0; i < 20; ++i) feed(*start(fmt::format("10.7.7.{}", i)), auth(kPhone, "000000"));
  }
  script.known.fetching.emplace_back("10.0.0.1");
  feed(*start("10.0.0.1"), auth(kPhone, "482915"));
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
}

TEST_F(CapfSession, LetsAPhoneThatNothingIsKnownOfEndWhatAStrangerFailed) {
  auto stranger = start("10.6.6.6");
  feed(*stranger, auth());
  auto phone = start("10.0.0.1");
  feed(*phone, auth());
  EXPECT_TRUE(dismissed.empty()) << "by the null string nobody hangs up the phone";
  stranger->lost(Session::Loss::closed);
  EXPECT_TRUE(script.outcomes.empty()) << "the phone is at work";
  stranger = start("10.6.6.6");
  feed(*stranger, auth());
  feed(*phone, key(rsa1024));
  feed(*phone, StoreResponse{Reason::ok});
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::success);
  stranger->lost(Session::Loss::closed);
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::success);
}

TEST_F(CapfSession, TellsOfAnLscThatWentToAnUnknownAddress) {
  script.known.proven = {"10.0.0.1"};
  auto session = start("10.6.6.6");
  feed(*session, auth());
  feed(*session, key(rsa1024));
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary.back(), "> END SESSION 1");
  EXPECT_EQ(script.events, Lines{"enrolled_elsewhere"});
  EXPECT_EQ(script.details[0],
            "an LSC went to an address that is not known of this phone, which "
            "was last seen at 10.0.0.1");
  EXPECT_EQ(script.last_issued.proof, "null-string");
  EXPECT_EQ(script.last_issued.elsewhere, "10.0.0.1");
  capf().request = 8;
  session = start("10.0.0.1");
  feed(*session, auth());
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.last_issued.proof, "address");
  EXPECT_EQ(script.last_issued.elsewhere, "");
}

TEST_F(CapfSession, BoundsTheCertificatesOfARequestAtEachAddress) {
  script.issued_to["127.0.0.1"] = {6, kNow - std::chrono::minutes(1)};
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back().rfind("> RETRY LATER", 0), 0U);
  clock.advance(std::chrono::minutes(5));
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
  script.issued_to["127.0.0.1"].count = 12;
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> END SESSION 7");
  EXPECT_EQ(script.events.back(), "too_many_lscs");
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::failed);
  feed(*start("10.0.0.1"), auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA")
      << "who used up his own does not use up the phone's";
  script.known.proven = {"10.0.0.1"};
  script.issued_to["10.6.6.6"].count = 3;
  feed(*start("10.6.6.6"), auth());
  EXPECT_EQ(script.diary.back(), "> END SESSION 7");
  feed(*start("10.0.0.1"), auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA")
      << "the phone has its own share";
}

TEST_F(CapfSession, GivesManyUnprovenAddressesOneLscInFiveMinutes) {
  script.issued_in_all = {36, kNow - std::chrono::minutes(1)};
  feed(*start("10.6.6.6"), auth());
  EXPECT_EQ(script.diary.back().rfind("> RETRY LATER", 0), 0U);
  EXPECT_TRUE(script.outcomes.empty());
  clock.advance(std::chrono::minutes(5));
  feed(*start("10.6.6.7"), auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
  script.issued_in_all = {99, clock.now()};
  script.known.registered = {"10.0.0.1"};
  script.known.fetching = {"10.6.6.8"};
  feed(*start("10.6.6.8"), auth());
  EXPECT_EQ(script.diary.back().rfind("> RETRY LATER", 0), 0U) << "it fetches, as anybody can";
  feed(*start("10.0.0.1"), auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA")
      << "nobody uses up what is for the phone that registers";
  script.known.proven = {"10.0.0.1"};
  feed(*start("10.0.0.1"), auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
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

TEST_F(CapfSession, DeletesAnLsc) {
  capf().operation = Operation::remove;
  auto session = start();
  feed(*session, auth());
  feed(*session, DeleteResponse{Reason::ok});
  EXPECT_EQ(script.diary, (Lines{"> AUTH REQUEST 0", "> DELETE CERTIFICATE REQUEST",
                                 "removed SEP001122334455", "> END SESSION 1"}));
}

TEST_F(CapfSession, RecordsADeletionThatFailed) {
  capf().operation = Operation::remove;
  auto session = start();
  feed(*session, auth());
  feed(*session, DeleteResponse{Reason::invalid_element});
  EXPECT_EQ(script.diary[2], "finished Delete Failed");
  EXPECT_EQ(script.events, Lines{"not_deleted"});
}

TEST_F(CapfSession, FetchesBothCertificatesToTroubleshoot) {
  capf().operation = Operation::troubleshoot;
  auto session = start();
  feed(*session, auth());
  feed(*session, FetchResponse{CertificateKind::lsc, {}, Reason::no_action});
  feed(*session, FetchResponse{CertificateKind::mic, core::from_hex("300100"), Reason::ok});
  EXPECT_EQ(
      script.diary,
      (Lines{"> AUTH REQUEST 0", "> FETCH CERTIFICATE REQUEST", "> FETCH CERTIFICATE REQUEST",
             "fetched MIC of SEP001122334455, 3 bytes", "SEP001122334455 showed 0 bytes as its LSC",
             "finished Troubleshoot Success", "> END SESSION 1"}));
}

TEST_F(CapfSession, FailsToTroubleshootAPhoneThatHasNeitherCertificate) {
  capf().operation = Operation::troubleshoot;
  auto session = start();
  feed(*session, auth());
  feed(*session, FetchResponse{});
  feed(*session, FetchResponse{});
  EXPECT_EQ(script.diary[3], "finished Troubleshoot Failed");
  EXPECT_EQ(script.events, Lines{"not_shown"});
}

TEST_F(CapfSession, EndsTroubleshootingOfAPhoneThatShowsNoCertificate) {
  capf().operation = Operation::troubleshoot;
  auto session = start();
  feed(*session, auth());
  feed(*session, FetchResponse{CertificateKind::lsc, core::from_hex("abcdef"), Reason::ok});
  EXPECT_EQ(script.diary[2], "finished Troubleshoot Failed");
  EXPECT_EQ(script.diary[3], "> END SESSION 7");
}

TEST_F(CapfSession, AsksThePhoneToShowItsCertificateLaterWhenTheDiskIsFull) {
  capf().operation = Operation::troubleshoot;
  script.write_error = Error(Code::io, "no space");
  auto session = start();
  feed(*session, auth());
  feed(*session, FetchResponse{CertificateKind::lsc, core::from_hex("300100"), Reason::ok});
  EXPECT_EQ(script.diary.back().rfind("> RETRY LATER", 0), 0U);
}

TEST_F(CapfSession, EndsAtAMessageOutOfPlace) {
  for (const bool working : {false, true}) {
    auto session = start();
    if (working) feed(*session, auth());
    feed(*session, StoreResponse{Reason::ok});
    EXPECT_EQ(script.diary.back(), "> END SESSION 7");
    EXPECT_EQ(script.outcomes.size(), working ? 1U : 0U);
  }
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::communication_failure);
}

TEST_F(CapfSession, NeverConfirmsWithoutIssuingWhateverComesInWhateverOrder) {
  std::mt19937 random(3804);
  for (int round = 0; round < 2000; ++round) {
    script.diary.clear();
    script.outcomes.clear();
    capf().operation = static_cast<Operation>(random() % 4);
    auto session = start();
    for (int i = 0; i < 6; ++i) {
      switch (random() % 8) {
        case 0:
        case 1: feed(*session, auth()); break;
        case 2: feed(*session, key(rsa1024)); break;
        case 3: feed(*session, StoreResponse{Reason::ok}); break;
        case 4: feed(*session, DeleteResponse{Reason::ok}); break;
        case 5: feed(*session, InProgress{}); break;
        case 6: feed(*session, FetchResponse{}); break;
        default: feed(*session, KeyGenerateResponse{core::from_hex("30"), {}});
      }
    }
    const auto place = [&](std::string_view start) {
      return std::find_if(script.diary.begin(), script.diary.end(),
                          [&](const std::string& line) { return line.starts_with(start); });
    };
    if (place("confirmed") != script.diary.end()) {
      EXPECT_LT(place("issued"), place("> STORE"));
      EXPECT_LT(place("> STORE"), place("delivered"));
      EXPECT_LT(place("delivered"), place("confirmed"));
      EXPECT_LT(place("confirmed"), place("> END SESSION 1"));
    }
  }
}

}  // namespace
}  // namespace ringfence::services::capf
