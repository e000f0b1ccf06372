// Whole conversations with scripted phones: what is sent, what is written, and in which order.
#include <random>

#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

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

TEST_F(CapfSession, AsksTheIssuerForThePolicysValidity) {
  script.settings.validity_days = 90;
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.validity, std::chrono::days(90));
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
