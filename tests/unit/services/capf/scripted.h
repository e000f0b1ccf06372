// Scripted phones: whole conversations with a Session, its records and its diary.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "services/capf/public_key.h"
#include "services/capf/session.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::services::capf::test_script {

using core::AuthMode;
using core::Code;
using core::Error;
using core::Operation;
using core::OperationStatus;
using Lines = std::vector<std::string>;

inline constexpr const char* kPhone = "SEP001122334455";
inline constexpr core::Time kNow{std::chrono::seconds(1'700'000'000)};

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
  Lines diary;    ///< what was written and what was sent
  Lines events;   ///< the kinds of evidence
  Lines details;  ///< its sentences
  core::CapfPolicy settings;
  std::shared_ptr<core::Anchors> trust = std::make_shared<core::Anchors>("CAPF-trust");
  std::map<std::string, core::IssuedCertificate, std::less<>> holds;
  std::vector<core::IssuedCertificate> journal;
  std::optional<core::PendingCsr> pending;
  std::chrono::days validity{};     ///< that was last asked for
  std::optional<Error> read_error;  ///< of CAPF-trust
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

  core::IssuedCertificate issue(const core::Phone& phone, core::BytesView spki,
                                std::chrono::days days, core::Time now) override {
    if (issue_error) throw *issue_error;
    validity = days;
    core::IssuedCertificate certificate;
    certificate.phone = phone.name;
    certificate.request = phone.capf.request;
    certificate.serial = {next_serial++};
    certificate.der.assign(spki.begin(), spki.end());
    certificate.issued_at = now;
    return certificate;
  }

  /// overtake lets another session have brought the key just before it is written.
  void overtake(core::BytesView spki) {
    if (!overtaken_by) return;
    key_holders[read_public_key(spki).hash] = *overtaken_by;
    throw Error(Code::malformed, "the key is that of " + *overtaken_by);
  }

  void issued(const core::IssuedCertificate& certificate) override {
    last_issued = certificate;
    overtake(certificate.der);  // which is the bare key here
    write(fmt::format("issued {} to {}", core::to_hex(certificate.serial), certificate.phone));
  }

  void delivered(core::BytesView serial, core::Time) override {
    write("delivered " + core::to_hex(serial));
  }

  void confirmed(core::BytesView serial, core::Time at, const std::string& elsewhere) override {
    write("confirmed " + core::to_hex(serial) + (elsewhere.empty() ? "" : " not at " + elsewhere));
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

  core::CapfPolicy policy() override { return settings; }

  std::shared_ptr<const core::Anchors> anchors() override {
    if (read_error) throw *read_error;
    return trust;
  }

  std::optional<core::IssuedCertificate> held(std::string_view phone) override {
    const auto at = holds.find(phone);
    if (at == holds.end()) return std::nullopt;
    return at->second;
  }

  std::optional<core::IssuedCertificate> held_proven(std::string_view phone) override {
    const auto row = held(phone);
    return row && core::proves_phone(*row) ? row : std::nullopt;
  }

  bool maybe_overwritten(std::string_view) override { return overwritten; }

  void requested(const core::PendingCsr& csr) override {
    overtake(csr.spki);
    write(fmt::format("requested {} of {}", csr.key, csr.phone));
    pending = csr;
    outcomes.erase(csr.phone);
  }

  std::optional<core::PendingCsr> csr(std::string_view phone) override {
    if (pending && pending->phone == phone) return pending;
    return std::nullopt;
  }

  std::optional<core::IssuedCertificate> certificate(core::BytesView serial) override {
    for (const core::IssuedCertificate& row : journal) {
      if (std::equal(serial.begin(), serial.end(), row.serial.begin(), row.serial.end()))
        return row;
    }
    return std::nullopt;
  }

  core::Issues issues(std::string_view, std::int64_t, std::string_view address) override {
    if (address.empty()) return issued_in_all;
    const auto at = issued_to.find(address);
    return at == issued_to.end() ? core::Issues() : at->second;
  }

  std::optional<std::string> key_holder(std::string_view hash, core::BytesView, std::string_view,
                                        core::Time) override {
    const auto at = key_holders.find(hash);
    if (at == key_holders.end()) return std::nullopt;
    return at->second;
  }

  bool showed(std::string_view phone, core::BytesView der, core::Time) override {
    write(fmt::format("{} showed {} bytes as its LSC", phone, der.size()));
    return !unknown_lsc;
  }

  Whereabouts whereabouts(std::string_view) override {
    if (known_error) throw *known_error;
    return known;
  }

  std::vector<core::Attempts> attempts(std::string_view phone) override {
    std::vector<core::Attempts> rows;
    for (const auto& [key, row] : tries)
      if (row.phone == phone) rows.push_back(row);
    return rows;
  }

  void save_attempts(const std::vector<core::Attempts>& rows, core::Time forget) override {
    std::erase_if(tries, [&](const auto& one) { return one.second.last < forget; });
    for (const core::Attempts& row : rows) {
      const std::string key = row.phone + " " + row.address;
      if (row.count == 0)
        tries.erase(key);
      else
        tries[key] = row;
    }
  }

  std::map<std::string, core::Issues, std::less<>> issued_to;  ///< by address
  core::Issues issued_in_all;
  std::map<std::string, std::string, std::less<>> key_holders;
  std::optional<std::string> overtaken_by;
  bool unknown_lsc = false;
  bool overwritten = false;
  std::optional<Error> known_error;  ///< of where it is
  Whereabouts known;
  core::IssuedCertificate last_issued;
  std::map<std::string, core::Attempts> tries;

  void happened(const core::CapfEvent& event) noexcept override {
    events.push_back(event.kind);
    details.push_back(event.detail);
  }

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

inline std::string reason_text(const std::optional<Reason>& reason) {
  return reason ? std::to_string(static_cast<int>(*reason)) : "-";
}

/// text describes what the server sends, for the diary.
inline std::string text(const Message& message) {
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
    script.settings.min_rsa_bits = 512;
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
        next_id++, peer, Session::Parts{script, script, roster, throttle, ca_failures, clock, {}});
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
  CaFailures ca_failures;
  std::uint32_t next_id = 60;
  std::optional<std::chrono::seconds> wait;
  const core::Bytes rsa1024 = test::spki(test::rsa_key(1024).get());
  const core::Bytes p384 = test::spki(test::ec_key("P-384").get());
};

}  // namespace ringfence::services::capf::test_script
