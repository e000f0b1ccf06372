// Conversations with phones that authenticate by a certificate, true and false ones.
#include "core/crypto/x509.h"
#include "tests/unit/services/capf/phone_certificates.h"
#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using core::Bytes;
using test::Pair;
using test::Wanted;
using namespace test_script;
using namespace std::chrono_literals;

constexpr const char* kAdmitted = "> KEY GENERATE REQUEST 1024 RSA";

class CapfByCertificate : public CapfSession {
 protected:
  CapfByCertificate() {
    script.trust->trust(maker.der(), core::Anchors::Purpose::mic);
    script.trust->trust(other_capf.der(), core::Anchors::Purpose::capf);
    script.trust->trust(company.der(), core::Anchors::Purpose::ca);
    script.trust->own(ca.der());
    capf().auth_mode = AuthMode::lsc;
  }

  Pair leaf(const Pair& issuer, const std::string& name = "CP-8861-SEP001122334455") {
    const Wanted wanted{name, kNow - 24h, kNow + 24h, false, {}};
    return make_pair(test::ec_key("P-256"), wanted, &issuer);
  }

  /// on_record is a certificate that this CAPF issued.
  core::IssuedCertificate& on_record(const Pair& pair, core::Time issued_at = kNow - 24h) {
    core::IssuedCertificate row;
    row.phone = kPhone;
    row.serial = core::serial_of(*pair.certificate);
    row.der = pair.der();
    row.issued_at = kNow;  // the clock decides nothing
    row.sequence = core::to_seconds(issued_at);
    row.not_after = kNow + 24h;
    return script.journal.emplace_back(row);
  }

  void holds(const Pair& pair, core::Time issued_at = kNow - 24h) {
    core::IssuedCertificate& row = on_record(pair, issued_at);
    row.confirmed_at = issued_at;
    script.holds[kPhone] = row;
  }

  static AuthResponse shows(const Pair& pair, CertificateKind kind) {
    AuthResponse response = auth();
    response.type = kind == CertificateKind::lsc ? AuthType::lsc : AuthType::mic;
    response.certificate = ShownCertificate{kind, pair.der()};
    const Bytes data = test::name_and_certificate(kPhone, pair.der());
    response.sha1_signature = test::bare_signature(pair.key.get(), "SHA1", data);
    return response;
  }

  static AuthResponse shows_lsc(const Pair& pair) { return shows(pair, CertificateKind::lsc); }

  static AuthResponse shows_mic(const Pair& pair) { return shows(pair, CertificateKind::mic); }

  /// answer is what the server says to a phone that shows this at once.
  std::string answer(AuthResponse response) {
    script.events.clear();
    script.details.clear();
    auto session = start();
    feed(*session, std::move(response));
    return script.diary.back();
  }

  std::string status() {
    const auto at = script.outcomes.find(kPhone);
    if (at == script.outcomes.end()) return "";
    return core::describe(at->second.operation, at->second.status);
  }

  const Wanted authority{"CA", kNow - 48h, kNow + 48h, true, {}};
  Pair ca = make_pair(test::ec_key("P-256"), authority, nullptr);
  const Wanted manufacturer{"Maker", kNow - 48h, kNow + 48h, true, {}};
  Pair maker = make_pair(test::ec_key("P-256"), manufacturer, nullptr);
  const Wanted other_cluster{"CAPF-12345678", kNow - 48h, kNow + 48h, true, {}};
  Pair other_capf = make_pair(test::ec_key("P-256"), other_cluster, nullptr);
  const Wanted company_ca{"Company CA", kNow - 48h, kNow + 48h, true, {}};
  Pair company = make_pair(test::ec_key("P-256"), company_ca, nullptr);
  Pair lsc = leaf(ca);
  Pair mic = leaf(maker);
};

TEST_F(CapfByCertificate, AdmitsThePhonesOwnLsc) {
  holds(lsc);
  EXPECT_EQ(answer(shows_lsc(lsc)), kAdmitted);
  EXPECT_TRUE(script.events.empty());
}

TEST_F(CapfByCertificate, AsksOnceMoreForTheCertificateThatTheModeNames) {
  auto session = start();
  feed(*session, auth());
  EXPECT_EQ(script.diary.back(), "> AUTH REQUEST 3");
  holds(lsc);
  feed(*session, shows_lsc(lsc));
  EXPECT_EQ(script.diary.back(), kAdmitted);

  capf().auth_mode = AuthMode::mic;
  session = start();
  feed(*session, auth());
  EXPECT_EQ(script.diary.back(), "> AUTH REQUEST 4");
  feed(*session, shows_mic(mic));
  EXPECT_EQ(script.diary.back(), kAdmitted);
}

TEST_F(CapfByCertificate, NamesTheCertificateThatWasNotShown) {
  for (const bool by_mic : {false, true}) {
    capf().auth_mode = by_mic ? AuthMode::mic : AuthMode::lsc;
    script.outcomes.clear();
    auto session = start();
    feed(*session, auth());
    feed(*session, auth());
    EXPECT_EQ(script.diary.back(), "> END SESSION 7");
    EXPECT_EQ(status(), by_mic ? "Upgrade Failed: Invalid MIC" : "Upgrade Failed: Invalid LSC");
    EXPECT_EQ(script.events.back(), "certificate_refused");
  }
}

TEST_F(CapfByCertificate, CallsAStringWhereACertificateWasAskedForInvalidCredentials) {
  auto session = start();
  AuthResponse first = auth(kPhone, "482915");
  first.type = AuthType::password;
  feed(*session, std::move(first));
  EXPECT_EQ(script.diary.back(), "> AUTH REQUEST 3");
  EXPECT_EQ(script.events, Lines{"type_mismatch"});
  feed(*session, auth(kPhone, "482915"));
  EXPECT_EQ(status(), "Upgrade Failed: Invalid Credentials");
}

TEST_F(CapfByCertificate, CallsACertificateWhereAStringWasAskedForInvalidCredentials) {
  capf().auth_mode = AuthMode::auth_string;
  capf().auth_string = "482915";
  auto session = start();
  feed(*session, shows_lsc(lsc));
  EXPECT_EQ(script.diary.back(), "> AUTH REQUEST 1");
  feed(*session, shows_lsc(lsc));
  EXPECT_EQ(status(), "Upgrade Failed: Invalid Credentials");
}

TEST_F(CapfByCertificate, AdmitsByNullStringWhateverIsShown) {
  capf().auth_mode = AuthMode::null_string;
  const Pair stranger = make_pair(test::ec_key("P-256"), authority, nullptr);
  EXPECT_EQ(answer(shows_lsc(stranger)), kAdmitted);
  EXPECT_EQ(script.events, Lines{"type_mismatch"}) << "the phone has an older configuration";
}

TEST_F(CapfByCertificate, RefusesAnotherPhonesLscByName) {
  const Pair other = leaf(ca, "CP-8861-SEP001122334456");
  on_record(other).phone = "SEP001122334456";
  EXPECT_EQ(answer(shows_lsc(other)), "> END SESSION 7");
  EXPECT_EQ(status(), "Upgrade Failed: Invalid LSC");
  EXPECT_EQ(script.events, Lines{"certificate_refused"});
  EXPECT_EQ(script.details[0],
            "the phone's LSC: the certificate is of another device: CN=CP-8861-SEP001122334456");
}

TEST_F(CapfByCertificate, RefusesAnLscThatTheJournalGaveToAnotherDevice) {
  on_record(lsc).phone = "SEP001122334456";
  EXPECT_EQ(answer(shows_lsc(lsc)), "> END SESSION 7");
  EXPECT_EQ(script.details[0], "the phone's LSC: it was issued to another device");
}

TEST_F(CapfByCertificate, RefusesAnLscOfItsOwnThatIsNotOnRecord) {
  EXPECT_EQ(answer(shows_lsc(lsc)), "> END SESSION 7");
  EXPECT_EQ(script.details[0], "the phone's LSC: this CAPF has no record that it issued it");
  EXPECT_EQ(status(), "Upgrade Failed: Invalid LSC");
}

TEST_F(CapfByCertificate, RefusesDeletedAndClearedLscs) {
  on_record(lsc).deleted_at = kNow;
  EXPECT_EQ(answer(shows_lsc(lsc)), "> END SESSION 7");
  script.journal.clear();
  on_record(lsc).cleared_at = kNow;
  EXPECT_EQ(answer(shows_lsc(lsc)), "> END SESSION 7");
}

TEST_F(CapfByCertificate, RefusesTheProofOfAnLscThatWasReplaced) {
  holds(lsc);
  const AuthResponse recorded = shows_lsc(lsc);
  const auto again = [&] {
    AuthResponse copy = auth();
    copy.certificate = recorded.certificate;
    copy.sha1_signature = recorded.sha1_signature;
    return copy;
  };
  // The bytes hold no nonce: while the LSC is the phone's, they are good in any session.
  EXPECT_EQ(answer(again()), kAdmitted);
  const Pair renewed = leaf(ca);
  holds(renewed, kNow - 1h);
  EXPECT_EQ(answer(again()), "> END SESSION 7");
  EXPECT_EQ(script.details[0], "the phone's LSC: the phone has confirmed a later one");
  EXPECT_EQ(answer(shows_lsc(renewed)), kAdmitted);
}

TEST_F(CapfByCertificate, AdmitsAnLscWhoseConfirmationWasLost) {
  holds(lsc);
  const Pair stale = leaf(ca);
  on_record(stale, kNow - 1h);
  EXPECT_EQ(answer(shows_lsc(stale)), kAdmitted);
  // One that was issued before the LSC which the phone holds was never stored.
  const Pair older = leaf(ca);
  on_record(older, kNow - 48h);
  EXPECT_EQ(answer(shows_lsc(older)), "> END SESSION 7");
}

TEST_F(CapfByCertificate, AdmitsAnotherClustersLscUntilThePhoneHoldsOneOfOurs) {
  const Pair foreign = leaf(other_capf);
  EXPECT_EQ(answer(shows_lsc(foreign)), kAdmitted);
  holds(lsc);
  EXPECT_EQ(answer(shows_lsc(foreign)), "> END SESSION 7");
}

TEST_F(CapfByCertificate, BelievesNoCompanysCaAboutMicsOrLscsOfWhichThereIsNoRecord) {
  const Pair staff = leaf(company);
  for (const AuthMode mode : {AuthMode::lsc, AuthMode::mic}) {
    capf().auth_mode = mode;
    script.outcomes.clear();
    EXPECT_EQ(answer(shows_mic(staff)), "> END SESSION 7");
    EXPECT_EQ(status(), "Upgrade Failed: Invalid MIC");
    EXPECT_EQ(script.details[0],
              "the phone's MIC: its issuer CN=Company CA is in CAPF-trust, but not as a "
              "manufacturer's CA; if it is one, import it again with 'set cert import trust CAPF "
              "purpose mic'");
  }
  capf().auth_mode = AuthMode::lsc;
  EXPECT_EQ(answer(shows_lsc(staff)), "> END SESSION 7");
  EXPECT_EQ(script.details[0],
            "the phone's LSC: CN=Company CA signed it, which is no CAPF, and this node has no "
            "record of it");
  on_record(staff);  // as an offline CA's import brings it
  EXPECT_EQ(answer(shows_lsc(staff)), kAdmitted);
}

TEST_F(CapfByCertificate, NamesTheIssuerOfAMicThatNobodyImported) {
  capf().auth_mode = AuthMode::mic;
  const Wanted unknown{"Cisco Manufacturing CA SHA2", kNow - 48h, kNow + 48h, true, {}};
  const Pair issuer = make_pair(test::ec_key("P-256"), unknown, nullptr);
  EXPECT_EQ(answer(shows_mic(leaf(issuer))), "> END SESSION 7");
  EXPECT_EQ(script.details[0],
            "the phone's MIC: its issuer is CN=Cisco Manufacturing CA SHA2, which is not in "
            "CAPF-trust; if that is right, import the issuer's certificate with 'set cert import "
            "trust CAPF', and with purpose mic where it is the phone's manufacturer");
}

TEST_F(CapfByCertificate, ComparesDeviceNamesExactly) {
  capf().auth_mode = AuthMode::mic;
  for (const char* name :
       {"evil-SEP001122334455", "TAB2-SEP001122334455", "CP-8861-SEPAABBCCDDEEFF-SEP001122334455",
        "CP-8861-sep001122334455", "CP-8861-SEP001122334455-X", "CP-7975G-SEP001122334455"})
    EXPECT_EQ(answer(shows_mic(leaf(maker, name))), "> END SESSION 7") << name;
  EXPECT_EQ(script.details[0],
            "the phone's MIC: the certificate is of another model than the phone's record says, "
            "CP-8861: CN=CP-7975G-SEP001122334455");
  for (const char* name :
       {"SEP001122334455", "CP-8861-SEP001122334455", "CP-8861-3PCC-SEP001122334455"})
    EXPECT_EQ(answer(shows_mic(leaf(maker, name))), kAdmitted) << name;
  script.phones.find(kPhone)->second.model.clear();
  EXPECT_EQ(answer(shows_mic(leaf(maker, "CP-7975G-SEP001122334455"))), kAdmitted);
}

TEST_F(CapfByCertificate, TakesAnLscThatTroubleshootDidNotFind) {
  on_record(lsc).confirmed_at = kNow;
  script.journal.back().missing_at = kNow;
  EXPECT_EQ(answer(shows_lsc(lsc)), kAdmitted);
}

TEST_F(CapfByCertificate, FallsBackToTheMicOfAPhoneWithoutLsc) {
  EXPECT_EQ(answer(shows_mic(mic)), kAdmitted);
  holds(lsc);
  script.holds[kPhone].not_after = kNow;
  EXPECT_EQ(answer(shows_mic(mic)), kAdmitted) << "its LSC has expired";
}

TEST_F(CapfByCertificate, LeavesTheOperationPendingForAMicUnderLscPrecedence) {
  holds(lsc);
  EXPECT_EQ(answer(shows_mic(mic)), "> END SESSION 7");
  EXPECT_TRUE(script.outcomes.empty());
  EXPECT_EQ(script.events, Lines{"mic_under_lsc_precedence"});
  capf().auth_mode = AuthMode::mic;
  EXPECT_EQ(answer(shows_mic(mic)), kAdmitted);
}

// A phone that moved has overwritten its LSC by one that counts for nothing.
TEST_F(CapfByCertificate, TakesTheMicOfAPhoneWhoseLscMayBeOverwritten) {
  holds(lsc);
  script.overwritten = true;
  EXPECT_EQ(answer(shows_mic(mic)), kAdmitted);
}

TEST_F(CapfByCertificate, NamesAMicThatIsNotRight) {
  for (const AuthMode mode : {AuthMode::lsc, AuthMode::mic}) {
    capf().auth_mode = mode;
    script.outcomes.clear();
    EXPECT_EQ(answer(shows_mic(leaf(maker, "CP-8861-SEP001122334456"))), "> END SESSION 7");
    EXPECT_EQ(status(), "Upgrade Failed: Invalid MIC");
  }
}

TEST_F(CapfByCertificate, WantsTheMicWhereItHasPrecedence) {
  capf().auth_mode = AuthMode::mic;
  holds(lsc);
  auto session = start();
  feed(*session, shows_lsc(lsc));
  EXPECT_EQ(script.diary.back(), "> AUTH REQUEST 4");
  feed(*session, shows_lsc(lsc));
  EXPECT_EQ(status(), "Upgrade Failed: Invalid MIC");
}

TEST_F(CapfByCertificate, WantsSudiDataToBeOfThisSession) {
  capf().auth_mode = AuthMode::mic;
  for (const std::uint32_t behind : {0U, 1U}) {
    auto session = start();
    AuthResponse response = auth();
    const Bytes data = test::session_and_certificate(session->id() - behind, mic.der());
    response.sudi = Sudi{mic.der(), {}, test::bare_signature(mic.key.get(), "SHA512", data)};
    feed(*session, std::move(response));
    EXPECT_EQ(script.diary.back(), behind == 0 ? kAdmitted : "> END SESSION 7");
  }
  EXPECT_EQ(status(), "Upgrade Failed: Invalid MIC");
}

TEST_F(CapfByCertificate, GuardsDeleteAndTroubleshootAsWell) {
  capf().operation = Operation::remove;
  EXPECT_EQ(answer(shows_lsc(lsc)), "> END SESSION 7");
  EXPECT_EQ(status(), "Delete Failed: Invalid LSC");
  capf().operation = Operation::troubleshoot;
  EXPECT_EQ(answer(shows_lsc(lsc)), "> END SESSION 7");
  EXPECT_EQ(status(), "Troubleshoot Failed: Invalid LSC");
  holds(lsc);
  EXPECT_EQ(answer(shows_lsc(lsc)), "> FETCH CERTIFICATE REQUEST");
}

TEST_F(CapfByCertificate, SendsThePhoneAwayWhenTheJournalCannotBeRead) {
  script.trust = nullptr;
  script.read_error.emplace(Code::io, "the disk is gone");
  EXPECT_EQ(answer(shows_lsc(lsc)).rfind("> RETRY LATER", 0), 0U);
  EXPECT_TRUE(script.outcomes.empty());
}

}  // namespace
}  // namespace ringfence::services::capf
