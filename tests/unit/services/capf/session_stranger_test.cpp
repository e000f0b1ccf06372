// Conversations with strangers that come in a phone's name.
#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using namespace test_script;

TEST_F(CapfSession, KeepsWhatWasKnownOfAStrangerWhenItCannotBeReadAgain) {
  script.known.proven = {"10.0.0.1"};
  auto session = start("10.6.6.6");
  feed(*session, auth());
  feed(*session, key(rsa1024));
  script.known_error.emplace(Code::io, "the disk is gone");
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary[5], "confirmed 01 not at 10.0.0.1");
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

}  // namespace
}  // namespace ringfence::services::capf
