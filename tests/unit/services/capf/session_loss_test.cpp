// Conversations that break off, fail at the phone, or are taken over.
#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using namespace test_script;

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

}  // namespace
}  // namespace ringfence::services::capf
