// Fuzzes a CAPF session: settings, certificates and a conversation; nothing is confirmed that was
// not issued, and nobody is asked for their part who showed nothing of what the record asks for.
#include <algorithm>
#include <cstdlib>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "services/capf/session.h"

namespace {

using namespace ringfence;
using namespace ringfence::services;
using core::Bytes;
using core::BytesView;

/// No number and no hexadecimal digits spell the authentication string: where it appears, it leaked
/// or somebody said it.
constexpr std::string_view kString = "W*q#";

class FixedClock final : public core::Clock {
 public:
  explicit FixedClock(core::Time now) : now_(now) {}

  core::Time now() const override { return now_; }

 private:
  const core::Time now_;
};

/// Setting is the head of an input, as tests/integration/capf/recording.cpp writes it.
struct Setting {
  core::Phone phone;
  core::CapfPolicy policy;
  core::Time now;
  Bytes held;
  Bytes imported;
  std::vector<Bytes> trusted;
};

Bytes sized(core::Reader& reader) {
  const BytesView bytes = reader.take(reader.u16("size"), "bytes");
  return {bytes.begin(), bytes.end()};
}

Setting read_setting(core::Reader& reader) {
  Setting setting;
  const std::uint8_t modes = reader.u8("modes");
  core::CapfSettings& capf = setting.phone.capf;
  capf.operation = static_cast<core::Operation>(modes & 3);
  capf.auth_mode = static_cast<core::AuthMode>(modes >> 2 & 3);
  capf.key_order = static_cast<core::KeyOrder>((modes >> 4 & 3) % 3);
  capf.rsa_bits = reader.u16("RSA bits");
  capf.ec_bits = reader.u16("EC bits");
  capf.auth_string = kString;
  capf.request = 1;
  if ((modes & 0x40) != 0) setting.policy.issuer = core::LscIssuer::offline_ca;
  setting.policy.min_rsa_bits = 512;
  setting.now = core::from_seconds(reader.u32("time"));
  setting.phone.name = core::text_of(reader.take(reader.u8("size"), "name"));
  setting.held = sized(reader);
  setting.imported = sized(reader);
  for (int left = reader.u8("certificates"); left > 0; --left) {
    setting.trusted.push_back(sized(reader));
  }
  return setting;
}

core::IssuedCertificate row_of(const Setting& setting, const Bytes& der) {
  core::IssuedCertificate row;
  row.phone = setting.phone.name;
  row.request = 1;
  row.der = der;
  row.not_after = setting.now + std::chrono::hours(1);
  row.serial = {1};
  try {
    row.serial = core::serial_of(*core::parse_certificate(der));
  } catch (const core::Error&) {  // what is on record need not be a certificate
  }
  return row;
}

/// Desk knows one device, and stops the program when a promise is broken.
class Desk final : public capf::Records, public capf::Issuer {
 public:
  explicit Desk(const Setting& setting)
      : setting_(setting), anchors_(std::make_shared<core::Anchors>("CAPF-trust")) {
    for (std::size_t i = 0; i < setting.trusted.size(); ++i) {
      try {
        if (i == 0)
          anchors_->own(setting.trusted[i]);
        else
          anchors_->trust(setting.trusted[i], core::Anchors::Purpose::mic);
      } catch (const core::Error&) {  // an entry that is no certificate
      }
    }
  }

  std::optional<core::Phone> phone(std::string_view name) override {
    if (name != setting_.phone.name) return std::nullopt;
    return setting_.phone;
  }

  core::CapfPolicy policy() override { return setting_.policy; }

  std::shared_ptr<const core::Anchors> anchors() override { return anchors_; }

  std::optional<core::Outcome> outcome(std::string_view, std::int64_t) override { return outcome_; }

  std::optional<core::IssuedCertificate> held(std::string_view) override {
    if (setting_.held.empty()) return std::nullopt;
    return row_of(setting_, setting_.held);
  }

  std::optional<core::IssuedCertificate> held_proven(std::string_view phone) override {
    return held(phone);
  }

  bool maybe_overwritten(std::string_view) override { return false; }

  core::IssuedCertificate issue(const core::Phone&, BytesView spki, std::chrono::days,
                                core::Time) override {
    return row_of(setting_, Bytes(spki.begin(), spki.end()));
  }

  void issued(const core::IssuedCertificate&) override { issued_ = true; }

  void delivered(BytesView, core::Time) override {
    if (!issued()) std::abort();
    delivered_ = true;
  }

  void confirmed(BytesView, core::Time, const std::string&) override {
    if (!delivered_) std::abort();
    succeed();
  }

  void removed(std::string_view, std::int64_t, core::Time) override { succeed(); }

  void finished(const core::Outcome& outcome) override {
    if (outcome.status == core::OperationStatus::success && !fetched_) std::abort();
    outcome_ = outcome;
  }

  void fetched(std::string_view, capf::CertificateKind, BytesView der) override {
    core::parse_certificate(der);
    fetched_ = true;
  }

  void requested(const core::PendingCsr& csr) override {
    if (setting_.policy.issuer != core::LscIssuer::offline_ca) std::abort();
    requested_ = csr;
  }

  std::optional<core::PendingCsr> csr(std::string_view) override {
    if (requested_ || setting_.imported.empty()) return requested_;
    core::PendingCsr csr;
    csr.phone = setting_.phone.name;
    csr.request = 1;
    csr.serial = row_of(setting_, setting_.imported).serial;
    return csr;
  }

  std::optional<core::IssuedCertificate> certificate(BytesView serial) override {
    for (const Bytes* der : {&setting_.imported, &setting_.held}) {
      if (der->empty()) continue;
      core::IssuedCertificate row = row_of(setting_, *der);
      if (std::equal(serial.begin(), serial.end(), row.serial.begin(), row.serial.end()))
        return row;
    }
    return std::nullopt;
  }

  core::Issues issues(std::string_view, std::int64_t, std::string_view) override { return {}; }

  std::optional<std::string> key_holder(std::string_view, BytesView, std::string_view,
                                        core::Time) override {
    return std::nullopt;
  }

  bool showed(std::string_view, BytesView der, core::Time) override {
    if (!der.empty()) core::parse_certificate(der);
    return true;
  }

  capf::Whereabouts whereabouts(std::string_view) override { return {}; }

  std::vector<core::Attempts> attempts(std::string_view) override { return attempts_; }

  void save_attempts(const std::vector<core::Attempts>& rows, core::Time) override {
    attempts_ = rows;
  }

  void happened(const core::CapfEvent& event) noexcept override {
    if (event.detail.size() > 500) std::abort();
    string_told_ = string_told_ || event.detail.find(kString) != std::string::npos;
  }

  /// string_told tells whether an event spells the authentication string.
  bool string_told() const noexcept { return string_told_; }

  bool issued() const noexcept { return issued_ || !setting_.imported.empty(); }

 private:
  void succeed() {
    outcome_ = core::Outcome{setting_.phone.name, 1, setting_.phone.capf.operation,
                             core::OperationStatus::success, setting_.now};
  }

  const Setting& setting_;
  const std::shared_ptr<core::Anchors> anchors_;
  std::optional<core::Outcome> outcome_;
  std::optional<core::PendingCsr> requested_;
  std::vector<core::Attempts> attempts_;
  bool issued_ = false;
  bool delivered_ = false;
  bool fetched_ = false;
  bool string_told_ = false;
};

/// times_spelt counts the authentication string in an input, also where a certificate's name has it
/// in UTF-16 or UTF-32.
std::ptrdiff_t times_spelt(BytesView input) {
  std::string text = core::text_of(input);
  std::erase(text, '\0');
  std::ptrdiff_t count = 0;
  for (std::size_t at = text.find(kString); at != std::string::npos;
       at = text.find(kString, at + 1))
    ++count;
  return count;
}

/// may_be_admitted tells whether this answer could be the proof of its record's mode.
bool may_be_admitted(const capf::AuthResponse& response, core::AuthMode mode) {
  switch (mode) {
    case core::AuthMode::null_string: return true;
    case core::AuthMode::auth_string: return response.password.equals(core::bytes_of(kString));
    case core::AuthMode::lsc:
    case core::AuthMode::mic: break;
  }
  const bool by_sudi = response.sudi && !(response.sudi->sha1_signature.empty() &&
                                          response.sudi->sha512_signature.empty());
  return by_sudi ||
         (response.certificate && (!response.sha1_signature.empty() || response.sha512_signature));
}

bool asks_for_its_part(const capf::Message& message) {
  return std::holds_alternative<capf::KeyGenerateRequest>(message) ||
         std::holds_alternative<capf::StoreRequest>(message) ||
         std::holds_alternative<capf::DeleteRequest>(message) ||
         std::holds_alternative<capf::FetchRequest>(message);
}

/// session_of takes the id of the first message: a recorded signature may be bound to it.
std::uint32_t session_of(BytesView messages) {
  try {
    return capf::parse_header(messages.first(std::min(messages.size(), capf::kHeaderBytes)))
        .session;
  } catch (const core::Error&) {
    return 1;
  }
}

/// converse holds the conversation with `desk`; answers how many of its passwords were the string.
std::ptrdiff_t converse(const Setting& setting, Desk& desk, BytesView rest) {
  std::ptrdiff_t passwords = 0;
  capf::Roster roster;
  capf::Throttle throttle;
  capf::CaFailures failures;
  const FixedClock clock(setting.now);
  const std::uint32_t id = session_of(rest);
  capf::Session session(id, "fuzz", {desk, desk, roster, throttle, failures, clock, {}});
  capf::Turn turn = session.open();
  bool admitted = false;
  while (turn.wait) {
    if (rest.size() < capf::kHeaderBytes) {
      session.lost(rest.empty() ? capf::Session::Loss::closed : capf::Session::Loss::timeout);
      return passwords;
    }
    try {
      const capf::Header header = capf::parse_header(rest.first(capf::kHeaderBytes));
      rest = rest.subspan(capf::kHeaderBytes);
      const BytesView body = rest.first(std::min<std::size_t>(header.length, rest.size()));
      rest = rest.subspan(body.size());
      const capf::Message message = capf::parse_body(header, body);
      const auto* auth = std::get_if<capf::AuthResponse>(&message);
      if (auth != nullptr && auth->password.equals(core::bytes_of(kString))) ++passwords;
      admitted =
          admitted || (auth != nullptr && may_be_admitted(*auth, setting.phone.capf.auth_mode));
      turn = session.feed(message);
    } catch (const core::Error& error) {
      turn = session.reject(error);
    }
    if (turn.send) {
      if (asks_for_its_part(*turn.send) && !admitted) std::abort();
      if (std::holds_alternative<capf::StoreRequest>(*turn.send) && !desk.issued()) std::abort();
      try {
        capf::encode(id, *turn.send);
      } catch (const core::Error&) {  // too long, since the setting's certificates may be
        return passwords;
      }
      session.sent();
    }
  }
  const capf::Turn after = session.feed(capf::InProgress{});
  if (after.wait || !std::holds_alternative<capf::EndSession>(*after.send)) std::abort();
  return passwords;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  core::Reader reader(BytesView(data, size));
  Setting setting;
  try {
    setting = read_setting(reader);
  } catch (const core::Error&) {
    return 0;  // no setting, no conversation
  }
  Desk desk(setting);
  const std::ptrdiff_t passwords = converse(setting, desk, reader.rest());
  // A phone's own certificate may carry any text, and its events name it.
  if (desk.string_told() && times_spelt(BytesView(data, size)) <= passwords) std::abort();
  return 0;
}
