// Conversations with phones that authenticate by a string, and with who guesses it.
#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using namespace test_script;

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

}  // namespace
}  // namespace ringfence::services::capf
