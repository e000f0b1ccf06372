// Conversations with an offline CA behind CAPF: the key now, the certificate another day.
#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using namespace test_script;

class CapfOffline : public CapfSession {
 protected:
  CapfOffline() { script.settings.issuer = core::LscIssuer::offline_ca; }

  /// hand_in is the first visit.
  void hand_in() {
    auto session = start();
    feed(*session, auth());
    feed(*session, key(rsa1024));
  }

  /// import is what an administrator does with the signed certificate.
  void import() {
    core::IssuedCertificate certificate;
    certificate.phone = kPhone;
    certificate.request = capf().request;
    certificate.serial = {0x51};
    certificate.der = core::from_hex("3003020101");
    certificate.not_after = kNow + std::chrono::hours(24);
    script.journal.push_back(certificate);
    script.pending->serial = certificate.serial;
  }
};

TEST_F(CapfOffline, KeepsTheKeyAndLeavesTheOperationPending) {
  hand_in();
  EXPECT_EQ(script.diary, (Lines{"> AUTH REQUEST 0", "> KEY GENERATE REQUEST 1024 RSA",
                                 "requested RSA 1024 of SEP001122334455", "> END SESSION 0"}));
  EXPECT_TRUE(script.outcomes.empty());
  EXPECT_TRUE(script.events.empty());
  ASSERT_TRUE(script.pending);
  EXPECT_EQ(script.pending->spki, rsa1024);
  EXPECT_EQ(script.pending->request, 7);
  EXPECT_EQ(script.pending->model, "CP-8861");
  EXPECT_EQ(script.pending->peer, "127.0.0.1:60");
}

TEST_F(CapfOffline, HasNothingToDoUntilTheCertificateIsThere) {
  hand_in();
  script.diary.clear();
  feed(*start(), auth());
  EXPECT_EQ(script.diary, (Lines{"> AUTH REQUEST 0", "> END SESSION 0"}));
  EXPECT_TRUE(script.outcomes.empty());
}

TEST_F(CapfOffline, StoresTheCertificateThatWasImported) {
  hand_in();
  import();
  script.diary.clear();
  auto session = start();
  feed(*session, auth());
  EXPECT_EQ(wait, std::chrono::seconds(30));
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> RETRY LATER 32") << "it is under way";
  feed(*session, StoreResponse{Reason::ok});
  EXPECT_EQ(script.diary,
            (Lines{"> AUTH REQUEST 0", "> STORE CERTIFICATE REQUEST", "delivered 51",
                   "> AUTH REQUEST 0", "> RETRY LATER 32", "confirmed 51", "> END SESSION 1"}));
}

TEST_F(CapfOffline, OffersTheCertificateAgainToAPhoneThatWasLost) {
  hand_in();
  import();
  auto session = start();
  feed(*session, auth());
  session->lost(Session::Loss::closed);
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::communication_failure);
  session = start();
  feed(*session, auth());
  EXPECT_EQ(script.diary[script.diary.size() - 2], "> STORE CERTIFICATE REQUEST");
}

TEST_F(CapfOffline, StartsOverWithAPhoneThatCouldNotStore) {
  hand_in();
  import();
  auto session = start();
  feed(*session, auth());
  feed(*session, StoreResponse{Reason::invalid_element});
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::failed);
  hand_in();
  EXPECT_EQ(script.diary.back(), "> END SESSION 0");
  EXPECT_FALSE(script.pending->serial);
  EXPECT_TRUE(script.outcomes.empty()) << "it is pending again";
}

TEST_F(CapfOffline, StartsOverWhenTheCertificateIsOfNoUse) {
  for (const int fault : {0, 1, 2}) {
    hand_in();
    import();
    if (fault == 0) script.journal.back().not_after = kNow;
    if (fault == 1) script.journal.back().cleared_at = kNow;
    if (fault == 2) script.journal.clear();
    feed(*start(), auth());
    EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA") << fault;
    script.journal.clear();
    script.pending.reset();
  }
}

TEST_F(CapfOffline, AsksForANewKeyWhenItIsAskedForAnew) {
  hand_in();
  import();
  ++capf().request;
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
}

TEST_F(CapfOffline, IssuesItselfWhenTheOfflineCaWasGivenUp) {
  hand_in();
  script.settings.issuer = core::LscIssuer::capf;
  auto session = start();
  feed(*session, auth());
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
  feed(*session, key(rsa1024));
  EXPECT_EQ(script.diary.back(), "delivered 01");
  // What was signed for the waiting key is good as it is.
  session->lost(Session::Loss::closed);
  import();
  feed(*start(), auth());
  EXPECT_EQ(script.diary.back(), "delivered 51");
}

TEST_F(CapfOffline, JudgesTheKeyAsEver) {
  auto session = start();
  feed(*session, auth());
  feed(*session, key(p384));
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::key_generation_failed);
  EXPECT_FALSE(script.pending);
}

TEST_F(CapfOffline, IsLateWhenTheCertificateComesTooLate) {
  hand_in();
  import();
  clock.advance(std::chrono::hours(25));
  feed(*start(), auth());
  EXPECT_EQ(script.outcomes[kPhone].status, OperationStatus::late);
  EXPECT_EQ(script.events, Lines{"late"});
}

}  // namespace
}  // namespace ringfence::services::capf
