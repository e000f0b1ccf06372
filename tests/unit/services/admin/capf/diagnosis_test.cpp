// Each check of `show capf status`: what it finds, on what evidence, and which cause stands first.
#include "services/admin/capf/diagnosis.h"

#include <gmock/gmock.h>

namespace ringfence::services::admin {
namespace {

using core::AuthMode;
using core::Operation;
using core::OperationStatus;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

const core::Time kNow = core::from_seconds(1'795'255'200);  // 2026-11-21T10:00:00Z
const std::string kService = "Cisco Certificate Authority Proxy Function";

class DiagnosisTest : public testing::Test {
 protected:
  /// A phone that waits for its first LSC, and nothing is wrong but that it has not come yet.
  DiagnosisTest() {
    facts.now = kNow;
    core::Phone& phone = facts.phone;
    phone.name = "SEP001122334455";
    phone.config_stamp = "{now}";
    phone.capf.operation = Operation::install;
    phone.capf.request = 7;
    phone.capf.completes_by = kNow + days(7);
    facts.registration = core::Registration{};
    facts.registration->peer = "192.0.2.9:5060";
    facts.registration->registered_at = kNow - hours(2);
    facts.itl =
        core::Fetch{phone.name, "ITLSEP001122334455.tlv", "aa", "192.0.2.9", kNow - hours(1)};
    facts.trust = {core::Acceptance::accepted, "said so in an alarm", "aa"};
    facts.config = core::Fetch{
        phone.name, "SEP001122334455.cnf.xml.sgn", "cc", "192.0.2.9", kNow - hours(1), "{now}"};
    facts.fetched = {true, "", "first start", true, true, "CN=CAPF-1"};
    facts.served = {"aa", "verified", ""};
    facts.capf_subject = "CN=CAPF-1";
    facts.capf_certificate = {1, 2, 3};
    facts.capf_until = kNow + days(1900);
    facts.capf = {kService, "STARTED", ""};
    facts.tftp = {"Cisco Tftp", "STARTED", ""};
    facts.tvs = {"Cisco Trust Verification Service", "STARTED", ""};
    facts.port = {"127.0.0.1:3804", true, true, "", {1, 2, 3}};
    facts.advertised = "192.0.2.1";
    facts.names = {{"ringfence1", {"192.0.2.1"}, ""}};
  }

  void happened(const std::string& kind, const std::string& detail,
                core::Time at = kNow - minutes(5)) {
    facts.events.insert(facts.events.begin(), {1, at, facts.phone.name, "192.0.2.9:40000", kind,
                                               detail, facts.phone.capf.request});
  }

  void ended(OperationStatus status) {
    facts.state.last = {facts.phone.name, 7, Operation::install, status, kNow - minutes(5)};
  }

  /// expect_likely runs all checks: one with this name is a problem, and its cause comes first.
  void expect_likely(const std::string& check, const std::string& cause) {
    const core::admin::CapfStatus status = diagnose(facts);
    bool found = false;
    for (const core::admin::CapfCheck& one : status.checks) {
      if (one.name != check) continue;
      found = true;
      EXPECT_EQ(one.finding, "problem") << one.evidence;
      EXPECT_FALSE(one.evidence.empty());
      EXPECT_FALSE(one.advice.empty());
    }
    EXPECT_TRUE(found) << check;
    EXPECT_THAT(status.summary, HasSubstr("Most likely: " + cause));
  }

  DiagnosisFacts facts;
};

TEST_F(DiagnosisTest, FindsNothingWrongWithAPhoneThatMayComeAnyMoment) {
  const auto status = diagnose(facts);
  EXPECT_EQ(status.problems, 0);
  EXPECT_EQ(status.operation_status, "Operation Pending");
  EXPECT_EQ(status.summary,
            "SEP001122334455: Operation Pending. Nothing that this node can see stands in the way: "
            "wait, or see the phone's Status Messages.");
  for (const auto& check : status.checks) EXPECT_NE(check.finding, "problem") << check.name;
}

TEST_F(DiagnosisTest, SaysThatNothingIsAskedOfAPhone) {
  facts.phone.capf.operation = Operation::none;
  facts.phone.capf.completes_by.reset();
  EXPECT_THAT(diagnose(facts).summary, HasSubstr("None. Nothing is to be done by the phone."));
  EXPECT_EQ(check_deadline(facts).check.finding, "ok");
}

TEST_F(DiagnosisTest, NamesADeadlineThatHasPassedBeforeAnythingElse) {
  facts.phone.capf.completes_by = kNow - hours(1);
  facts.capf.state = "STOPPED";
  facts.registration.reset();
  expect_likely("Operation Completes By",
                "the time it had to be completed by, 2026:11:21:09 (UTC)");
  EXPECT_EQ(diagnose(facts).operation_status,
            "Upgrade Failed: User Initiated Request Late/Timedout");
  facts.phone.capf.completes_by = kNow + minutes(30);
  EXPECT_THAT(check_deadline(facts).check.evidence, HasSubstr("less than an hour away"));
}

TEST_F(DiagnosisTest, NamesAStoppedService) {
  facts.capf = {kService, "STOPPED", "Commanded Out of Service"};
  facts.port = {"127.0.0.1:3804", false, false, "Connection refused", {}};
  expect_likely("CAPF service", kService + " is STOPPED");
  EXPECT_THAT(check_capf_service(facts).check.evidence, HasSubstr("Commanded Out of Service"));
  EXPECT_EQ(check_capf_service(facts).check.advice, "'utils service start " + kService + "'");
}

TEST_F(DiagnosisTest, NamesAPortThatDoesNotAnswerOrShowsAnotherCertificate) {
  facts.port = {"127.0.0.1:3804", false, false, "Connection refused", {}};
  expect_likely("CAPF port", "nothing answers on CAPF's port");
  facts.port = {"127.0.0.1:3804", true, false, "no answer within 3 s", {}};
  expect_likely("CAPF port", "CAPF cannot complete a TLS handshake");
  facts.port = {"127.0.0.1:3804", true, true, "", {9}};
  expect_likely("CAPF port", "CAPF still shows an old certificate");
}

TEST_F(DiagnosisTest, NamesACapfCertificateThatExpiredOrIsAboutTo) {
  facts.capf_until = kNow - days(1);
  expect_likely("CAPF certificate", "the CAPF certificate has expired");
  facts.capf_until = kNow + days(10);
  expect_likely("CAPF certificate", "the CAPF certificate is about to expire");
  facts.capf_until = kNow + days(900);
  EXPECT_EQ(check_capf_certificate(facts).check.finding, "ok");
  EXPECT_THAT(check_capf_certificate(facts).check.evidence, HasSubstr("before validity_days"));
  facts.capf_until = kNow + days(facts.policy.validity_days) - std::chrono::seconds(1);
  EXPECT_THAT(check_capf_certificate(facts).check.evidence, Not(HasSubstr("validity_days")));
  facts.capf_until.reset();
  expect_likely("CAPF certificate", "CAPF has no certificate yet");
}

TEST_F(DiagnosisTest, NamesATokenThatCannotSign) {
  facts.token_problem = "the token is locked: 'utils hsm unlock'";
  expect_likely("Token", "nothing can be signed: the token is locked");
}

TEST_F(DiagnosisTest, NamesAPhoneThatIsNotThere) {
  facts.registration.reset();
  expect_likely("Registration", "the phone is not registered");
}

TEST_F(DiagnosisTest, NamesAPhoneThatDidNotFetchItsConfigurationSinceItWasAsked) {
  facts.config->stamp = "{before}";
  expect_likely("Configuration", "the phone has not fetched its configuration since");
  facts.registration.reset();
  expect_likely("Configuration", "the phone has not fetched its configuration since");
  facts.config.reset();
  EXPECT_EQ(check_configuration(facts).check.finding, "unknown");
}

TEST_F(DiagnosisTest, NamesAnItlMismatch) {
  facts.itl->sha1 = "bb";
  facts.trust = {core::Acceptance::unknown, "has not fetched the list in force", ""};
  expect_likely("ITL of the phone", "the phone's ITL is not the one that is served");
  const std::string evidence = check_phone_itl(facts).check.evidence;
  EXPECT_THAT(evidence, HasSubstr("SHA-1 bb (published at the first start); SHA-1 aa is served"));
  EXPECT_THAT(evidence, HasSubstr("2026-11-21T09:00:00Z"));
  facts.itl.reset();
  EXPECT_EQ(check_phone_itl(facts).check.finding, "unknown");
}

TEST_F(DiagnosisTest, TellsAFetchedListFromOneThatThePhoneBelieves) {
  EXPECT_EQ(check_phone_itl(facts).check.finding, "ok");
  facts.trust = {core::Acceptance::fetched, "fetched the list", ""};
  EXPECT_EQ(check_phone_itl(facts).check.finding, "unknown");
  EXPECT_THAT(check_phone_itl(facts).check.evidence, HasSubstr("not proven to believe it"));
  facts.trust = {core::Acceptance::refused, "went on without a question", ""};
  expect_likely("ITL of the phone", "the phone refused the ITL that is served");
  EXPECT_EQ(check_capf_entry(facts).check.finding, "unknown") << "it holds another list";
  EXPECT_EQ(check_capf_entry_certificate(facts).check.finding, "unknown");
}

TEST_F(DiagnosisTest, AServiceThatHangsIsToBeRestarted) {
  facts.capf.state = "NOT RESPONDING";
  facts.port.shook_hands = false;
  EXPECT_THAT(check_capf_service(facts).cause, HasSubstr("is NOT RESPONDING"));
  EXPECT_THAT(check_capf_service(facts).check.advice, HasSubstr("'utils service restart Cisco C"));
  EXPECT_GT(check_capf_service(facts).weight, check_capf_port(facts).weight);
}

TEST_F(DiagnosisTest, NamesAListWithoutACapfEntry) {
  facts.fetched.has_capf = facts.fetched.current_capf = false;
  expect_likely("CAPF in the phone's ITL", "the ITL that the phone fetched has no CAPF entry");
  EXPECT_THAT(check_capf_entry(facts).check.evidence, HasSubstr("No valid CAPF server"));
  facts.fetched.known = false;
  EXPECT_EQ(check_capf_entry(facts).check.finding, "unknown");
}

TEST_F(DiagnosisTest, NamesAnOldCapfCertificateInThePhonesList) {
  facts.fetched.current_capf = false;
  facts.fetched.capf_subject = "CN=CAPF-0";
  facts.itl->sha1 = "bb";
  expect_likely("CAPF certificate in the phone's ITL",
                "the phone's ITL names another CAPF certificate than CAPF uses");
  EXPECT_THAT(check_capf_entry_certificate(facts).check.evidence,
              HasSubstr("names CN=CAPF-0, CAPF uses CN=CAPF-1"));
}

TEST_F(DiagnosisTest, NamesAServedListThatIsBroken) {
  facts.served = {"dd", "corrupt", "the header is truncated"};
  expect_likely("Served ITL", "the ITL file on this node is corrupt");
}

TEST_F(DiagnosisTest, NamesStoppedTftpAndTvs) {
  facts.tvs.state = "STOPPED";
  expect_likely("TVS service", "Cisco Trust Verification Service is STOPPED");
  facts.tftp.state = "STOPPED";
  expect_likely("TFTP service", "Cisco Tftp is STOPPED");
}

TEST_F(DiagnosisTest, NamesANameThatDoesNotResolve) {
  facts.names = {{"ringfence1", {}, "Name or service not known"},
                 {"ringfence1.example.com", {}, "Name or service not known"}};
  expect_likely("Name", "this node's name does not resolve");
  EXPECT_THAT(
      check_name(facts).check.evidence,
      HasSubstr("ringfence1.example.com does not resolve here (Name or service not known)"));
  facts.names = {{"ringfence1", {"127.0.1.1"}, ""}};
  EXPECT_EQ(check_name(facts).check.finding, "unknown") << "phones may be answered otherwise";
  facts.names.push_back({"ringfence1.example.com", {"192.0.2.1"}, ""});
  EXPECT_EQ(check_name(facts).check.finding, "ok");
}

TEST_F(DiagnosisTest, NamesAModeThatIsNotTheProfiles) {
  facts.phone.security_profile = "Secure";
  expect_likely("Security profile", "the phone's security profile does not exist");
  facts.profile = core::SecurityProfile{};
  facts.profile->name = "Secure";
  facts.profile->auth_mode = AuthMode::lsc;
  expect_likely("Security profile", "the phone's authentication mode is not that of its security");
  facts.phone.capf.auth_mode = AuthMode::lsc;
  EXPECT_EQ(check_profile_mode(facts).check.finding, "ok");
}

TEST_F(DiagnosisTest, NamesAModeThatThePhoneContradicted) {
  happened("type_mismatch", "the phone answered with a password");
  expect_likely("Authentication mode", "the phone authenticates by another mode");
  EXPECT_THAT(check_phone_mode(facts).check.evidence,
              HasSubstr("says null-string: the phone answered with a password "
                        "(2026-11-21T09:55:00Z, from 192.0.2.9:40000)"));
}

TEST_F(DiagnosisTest, NamesAMicUnderLscPrecedence) {
  facts.phone.capf.auth_mode = AuthMode::lsc;
  happened("mic_under_lsc_precedence", "the phone showed its MIC and holds an LSC");
  expect_likely("MIC under LSC precedence", "the phone uses its MIC while the mode gives");
}

TEST_F(DiagnosisTest, NamesACertificateThatWasRefused) {
  facts.phone.capf.auth_mode = AuthMode::lsc;
  EXPECT_EQ(check_certificate_shown(facts).check.finding, "unknown");
  ended(OperationStatus::invalid_lsc);
  happened("certificate_refused", "its issuer is not in CAPF-trust");
  expect_likely("Certificate shown", "CAPF refused the phone's certificate");
  EXPECT_THAT(check_certificate_shown(facts).check.advice,
              HasSubstr("'set cert import trust CAPF purpose capf'"));
  facts.phone.capf.auth_mode = AuthMode::mic;
  ended(OperationStatus::invalid_mic);
  EXPECT_THAT(check_certificate_shown(facts).check.advice,
              HasSubstr("'set cert import trust CAPF purpose mic'"));
}

TEST_F(DiagnosisTest, NamesWrongStringsAndThrottling) {
  facts.phone.capf.auth_mode = AuthMode::auth_string;
  EXPECT_EQ(check_auth_string(facts).check.finding, "unknown") << "a user has to type it";
  EXPECT_THAT(
      diagnose(facts).summary,
      HasSubstr("Most likely: a user has to type the authentication string into the phone."));
  ended(OperationStatus::invalid_auth_string);
  expect_likely("Authentication string", "the phone sent a wrong authentication string");
  happened("auth_string_refused", "a wrong authentication string");
  expect_likely("Authentication string", "the phone sent a wrong authentication string");
  happened("auth_string_throttled", "too many attempts, the next at 10:20");
  expect_likely("Authentication string", "too many wrong authentication strings");
}

TEST_F(DiagnosisTest, DoesNotHoldAnEarlierRequestAgainstAPhone) {
  facts.phone.capf.auth_mode = AuthMode::auth_string;
  happened("auth_string_refused", "a wrong authentication string");
  facts.phone.capf.request = 8;  // asked anew since
  EXPECT_EQ(facts.newest("auth_string_refused"), nullptr);
  facts.phone.capf.request = 7;
  EXPECT_NE(facts.newest("auth_string_refused"), nullptr);
  facts.config->at = kNow + minutes(30);
  EXPECT_EQ(facts.newest("auth_string_refused"), nullptr) << "it fetched the new one afterwards";
  facts.config.reset();
  ended(OperationStatus::invalid_auth_string);
  EXPECT_NE(facts.newest("auth_string_refused"), nullptr);
  ended(OperationStatus::success);
  EXPECT_EQ(facts.newest("auth_string_refused"), nullptr) << "it succeeded since";
}

TEST_F(DiagnosisTest, KeepsTheEvidenceOfEarlierVersionsWhichNotedNoRequest) {
  facts.phone.capf.auth_mode = AuthMode::auth_string;
  happened("auth_string_refused", "a wrong authentication string");
  facts.events[0].request = 0;
  EXPECT_NE(facts.newest("auth_string_refused"), nullptr);
  facts.state.held = core::IssuedCertificate{};
  facts.state.held->confirmed_at = kNow;
  EXPECT_EQ(facts.newest("auth_string_refused"), nullptr) << "it got an LSC since";
  facts.state.held->confirmed_at = kNow - hours(1);
  EXPECT_NE(facts.newest("auth_string_refused"), nullptr);
  facts.config->stamp = "{before}";
  EXPECT_EQ(facts.newest("auth_string_refused"), nullptr)
      << "it has not fetched what is asked now, so that was asked before";
  ended(OperationStatus::invalid_auth_string);
  EXPECT_NE(facts.newest("auth_string_refused"), nullptr);
}

TEST_F(DiagnosisTest, GoesByTheOrderOfEventsWhenTheClockWasSetBack) {
  facts.phone.capf.auth_mode = AuthMode::auth_string;
  facts.config.reset();
  facts.state.held = core::IssuedCertificate{};
  facts.state.held->confirmed_at = kNow;  // of an earlier request, before the clock was set back
  happened("auth_string_refused", "the first", kNow - minutes(5));
  happened("auth_string_refused", "the second", kNow - hours(9));
  ASSERT_NE(facts.newest("auth_string_refused"), nullptr);
  EXPECT_EQ(facts.newest("auth_string_refused")->detail, "the second");
}

TEST_F(DiagnosisTest, NamesKeysThatAreTooSmallOrWrong) {
  facts.phone.capf.rsa_bits = 1024;
  expect_likely("Key", "the key that the phone is asked for is below this node's minimum");
  facts.phone.capf.rsa_bits = 2048;
  happened("wrong_key", "asked for RSA 2048, got RSA 1024");
  expect_likely("Key", "the phone made another key than it was asked for");
  facts.events.clear();
  ended(OperationStatus::key_generation_failed);
  expect_likely("Key", "the phone made no key in time");
}

TEST_F(DiagnosisTest, NamesWhatHappenedInTheLastConversation) {
  EXPECT_EQ(check_conversation(facts).check.finding, "unknown");
  happened("retry_later", "the signer was away");
  expect_likely("Last conversation", "CAPF told the phone to come back later");
  happened("lost", "the connection ended while it made its key");
  expect_likely("Last conversation", "the phone's connection ended in the middle");
}

TEST_F(DiagnosisTest, NamesACsrThatWaitsForTheOfflineCa) {
  facts.policy.issuer = core::LscIssuer::offline_ca;
  EXPECT_EQ(check_offline_ca(facts).check.finding, "ok");
  facts.state.csr = core::PendingCsr{};
  facts.state.csr->key = "RSA 2048";
  facts.state.csr->created = kNow - hours(1);
  expect_likely("Offline CA", "its CSR waits for the offline CA's certificate");
  facts.state.csr->serial = core::Bytes{1};
  EXPECT_THAT(check_offline_ca(facts).check.evidence, HasSubstr("was imported"));
}

TEST_F(DiagnosisTest, NamesAStaleCertificate) {
  core::IssuedCertificate lsc;
  lsc.serial = {0xab};
  lsc.issued_at = kNow - hours(1);
  facts.state.unconfirmed = {lsc};
  expect_likely("Stale LSC", "an LSC was issued, and the phone never confirmed");
  EXPECT_THAT(check_stale(facts).check.evidence, HasSubstr("serial AB"));
}

TEST_F(DiagnosisTest, SaysOfAFailureThatNothingElseExplainsThatItMayBeTriedAgain) {
  ended(OperationStatus::communication_failure);
  expect_likely("Operation", "the phone's last try failed");
  ended(OperationStatus::ec_unsupported);
  expect_likely("Operation", "the phone cannot make an EC key for CAPF");
}

TEST_F(DiagnosisTest, LooksAtAnExpiredLscEvenWhenNothingIsAsked) {
  facts.phone.capf.operation = Operation::none;
  facts.state.held = core::IssuedCertificate{};
  facts.state.held->not_after = kNow - days(1);
  EXPECT_THAT(diagnose(facts).summary, HasSubstr("To look at: the phone's LSC has expired."));
}

}  // namespace
}  // namespace ringfence::services::admin
