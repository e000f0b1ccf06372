// Conversations that delete an LSC or have certificates shown.
#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using namespace test_script;

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

}  // namespace
}  // namespace ringfence::services::capf
