// Whole conversations with scripted phones: what is sent, what is written, and in which order.
#include "services/capf/session.h"

#include <map>
#include <memory>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::services::capf {
namespace {

using core::AuthMode;
using core::Code;
using core::Error;
using core::KeyOrder;
using core::Operation;
using core::OperationStatus;
using Lines = std::vector<std::string>;

constexpr const char* kPhone = "SEP001122334455";
constexpr core::Time kNow{std::chrono::seconds(1'700'000'000)};

class FakeClock final : public core::Clock {
 public:
  core::Time now() const override { return now_; }

  void advance(std::chrono::seconds by) { now_ += by; }

 private:
  core::Time now_ = kNow;
};

/// Script is the records, the issuer and the diary of a test.
class Script final : public Records, public Issuer {
 public:
  std::map<std::string, core::Phone, std::less<>> phones;
  std::map<std::string, core::Outcome, std::less<>> outcomes;
  Lines diary;  ///< what was written and what was sent
  std::optional<Error> issue_error;
  std::optional<Error> write_error;
  std::uint8_t next_serial = 1;

  std::optional<core::Phone> phone(std::string_view name) override {
    const auto at = phones.find(name);
    if (at == phones.end()) return std::nullopt;
    return at->second;
  }

  std::optional<core::Outcome> outcome(std::string_view phone, std::int64_t request) override {
    const auto at = outcomes.find(phone);
    if (at == outcomes.end() || at->second.request != request) return std::nullopt;
    return at->second;
  }

  core::IssuedCertificate issue(const core::Phone& phone, core::BytesView spki, std::chrono::days,
                                core::Time now) override {
    if (issue_error) throw *issue_error;
    core::IssuedCertificate certificate;
    certificate.phone = phone.name;
    certificate.request = phone.capf.request;
    certificate.serial = {next_serial++};
    certificate.der.assign(spki.begin(), spki.end());
    certificate.issued_at = now;
    return certificate;
  }

  void issued(const core::IssuedCertificate& certificate) override {
    write(fmt::format("issued {} to {}", core::to_hex(certificate.serial), certificate.phone));
  }

  void delivered(core::BytesView serial, core::Time) override {
    write("delivered " + core::to_hex(serial));
  }

  void confirmed(core::BytesView serial, core::Time at) override {
    write("confirmed " + core::to_hex(serial));
    for (const auto& [name, phone] : phones) succeed(phone, at);
  }

  void removed(std::string_view phone, std::int64_t, core::Time at) override {
    write(fmt::format("removed {}", phone));
    succeed(phones.find(phone)->second, at);
  }

  void finished(const core::Outcome& outcome) override {
    write("finished " + core::describe(outcome.operation, outcome.status));
    outcomes[outcome.phone] = outcome;
  }

  core::CapfPolicy policy() override {
    core::CapfPolicy policy;
    policy.min_rsa_bits = 512;
    return policy;
  }

  std::shared_ptr<const Anchors> anchors() override { return nullptr; }

  std::optional<core::IssuedCertificate> held(std::string_view) override { return std::nullopt; }

  void requested(const core::PendingCsr&) override {}

  std::optional<core::PendingCsr> csr(std::string_view) override { return std::nullopt; }

  std::optional<core::IssuedCertificate> certificate(core::BytesView) override {
    return std::nullopt;
  }

  void happened(const core::CapfEvent&) noexcept override {}

  void fetched(std::string_view phone, CertificateKind kind, core::BytesView der) override {
    if (der[0] != 0x30) throw Error(Code::malformed, "not a certificate");
    write(fmt::format("fetched {} of {}, {} bytes", kind == CertificateKind::lsc ? "LSC" : "MIC",
                      phone, der.size()));
  }

 private:
  void write(std::string line) {
    if (write_error) throw *write_error;
    diary.push_back(std::move(line));
  }

  void succeed(const core::Phone& phone, core::Time at) {
    outcomes[phone.name] = {phone.name, phone.capf.request, phone.capf.operation,
                            OperationStatus::success, at};
  }
};

std::string reason_text(const std::optional<Reason>& reason) {
  return reason ? std::to_string(static_cast<int>(*reason)) : "-";
}

/// text describes what the server sends, for the diary.
std::string text(const Message& message) {
  std::string words(name(command_of(message)));
  if (const auto* auth = std::get_if<AuthRequest>(&message)) {
    return fmt::format("{} {}", words, static_cast<int>(auth->type));
  }
  if (const auto* key = std::get_if<KeyGenerateRequest>(&message)) {
    words += fmt::format(" {}", key->bits);
    if (key->type) words += *key->type == KeyType::ec ? " EC" : " RSA";
    if (key->curve) words += fmt::format(" P-{}", curve_bits(*key->curve));
  }
  if (const auto* end = std::get_if<EndSession>(&message)) words += " " + reason_text(end->reason);
  if (const auto* retry = std::get_if<RetryLater>(&message)) {
    words += fmt::format(" {}", retry->delay ? retry->delay->count() : -1);
  }
  return words;
}

class CapfSession : public testing::Test {
 protected:
  CapfSession() {
    core::Phone phone;
    phone.name = kPhone;
    phone.model = "CP-8861";
    phone.capf.operation = Operation::install;
    phone.capf.request = 7;
    phone.capf.rsa_bits = 1024;
    phone.capf.completes_by = kNow + std::chrono::hours(24);
    script.phones[phone.name] = phone;
  }

  core::CapfSettings& capf() { return script.phones[kPhone].capf; }

  std::unique_ptr<Session> start(const std::string& address = "127.0.0.1") {
    // Each connection comes from another port.
    const std::string peer = fmt::format("{}:{}", address, next_id);
    auto session = std::make_unique<Session>(
        next_id++, peer, Session::Parts{script, script, roster, throttle, clock, {}});
    took(*session, session->open());
    return session;
  }

  /// took writes the diary and answers as a server would that could send it.
  void took(Session& session, Turn turn) {
    if (turn.send) {
      script.diary.push_back("> " + text(*turn.send));
      session.sent();
    }
    wait = turn.wait;
  }

  void feed(Session& session, const Message& message) { took(session, session.feed(message)); }

  static AuthResponse auth(std::string device = kPhone, std::string_view password = "") {
    AuthResponse response;
    response.device = std::move(device);
    response.version = kVersion;
    response.password = core::Secret(password);
    return response;
  }

  static KeyGenerateResponse key(const core::Bytes& spki) { return {spki, {}}; }

  Script script;
  FakeClock clock;
  Lines dismissed;
  Roster roster{[this](std::uint32_t id) { dismissed.push_back(std::to_string(id)); }};
  Throttle throttle;
  std::uint32_t next_id = 60;
  std::optional<std::chrono::seconds> wait;
  const core::Bytes rsa1024 = test::spki(test::rsa_key(1024).get());
  const core::Bytes p384 = test::spki(test::ec_key("P-384").get());
};

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
                             Wrong{KeyOrder::ec_only, rsa1024},
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
  }
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

TEST_F(CapfSession, RefusesTheCertificateModesByName) {
  capf().auth_mode = AuthMode::lsc;
  feed(*start(), auth());
  EXPECT_EQ(script.diary[1], "finished Upgrade Failed: Invalid LSC");
  capf().auth_mode = AuthMode::mic;
  feed(*start(), auth());
  EXPECT_EQ(script.diary[4], "finished Upgrade Failed: Invalid MIC");
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

TEST_F(CapfSession, RecordsAPhoneThatCouldNotStore) {
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  feed(*session, StoreResponse{Reason::invalid_element});
  EXPECT_EQ(script.diary[5], "finished Upgrade Failed");
  EXPECT_EQ(script.diary[6], "> END SESSION 0");
}

TEST_F(CapfSession, LeavesTheOperationPendingWhenThePhoneIsLostAfterIssue) {
  auto session = start();
  feed(*session, auth());
  feed(*session, key(rsa1024));
  session->lost(Session::Loss::closed);
  EXPECT_EQ(script.diary.back(), "delivered 01");
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
}

TEST_F(CapfSession, FetchesBothCertificatesToTroubleshoot) {
  capf().operation = Operation::troubleshoot;
  auto session = start();
  feed(*session, auth());
  feed(*session, FetchResponse{CertificateKind::lsc, {}, Reason::no_action});
  feed(*session, FetchResponse{CertificateKind::mic, core::from_hex("300100"), Reason::ok});
  EXPECT_EQ(script.diary,
            (Lines{"> AUTH REQUEST 0", "> FETCH CERTIFICATE REQUEST", "> FETCH CERTIFICATE REQUEST",
                   "fetched MIC of SEP001122334455, 3 bytes", "finished Troubleshoot Success",
                   "> END SESSION 1"}));
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
    EXPECT_TRUE(script.outcomes.empty());
  }
}

TEST_F(CapfSession, EndsQuietlyWhenThePhoneDoes) {
  auto session = start();
  feed(*session, auth());
  feed(*session, EndSession{Reason::no_action});
  EXPECT_FALSE(wait);
  EXPECT_EQ(script.diary.back(), "> KEY GENERATE REQUEST 1024 RSA");
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
