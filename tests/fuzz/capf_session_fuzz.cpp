// Fuzzes a CAPF session with arbitrary message sequences: nothing is confirmed that was not issued.
#include <cstdlib>

#include "core/base/error.h"
#include "services/capf/session.h"

namespace {

using namespace ringfence;
using namespace ringfence::services;

class FixedClock final : public core::Clock {
 public:
  core::Time now() const override { return core::Time(std::chrono::seconds(1'700'000'000)); }
};

/// Desk knows the device "A" with the operation and mode it was made with.
class Desk final : public capf::Records, public capf::Issuer {
 public:
  explicit Desk(std::uint8_t choice) {
    phone_.name = "A";
    phone_.capf.operation = static_cast<core::Operation>(choice & 3);
    phone_.capf.auth_mode = static_cast<core::AuthMode>(choice >> 2 & 3);
    phone_.capf.key_order = static_cast<core::KeyOrder>((choice >> 4 & 3) % 3);
    phone_.capf.auth_string = "1234";
    phone_.capf.rsa_bits = 512;
    phone_.capf.request = 1;
  }

  std::optional<core::Phone> phone(std::string_view name) override {
    if (name != phone_.name) return std::nullopt;
    return phone_;
  }

  std::optional<core::Outcome> outcome(std::string_view, std::int64_t) override { return outcome_; }

  core::IssuedCertificate issue(const core::Phone& phone, core::BytesView spki,
                                std::chrono::days, core::Time) override {
    core::IssuedCertificate certificate;
    certificate.phone = phone.name;
    certificate.serial = {1};
    certificate.der.assign(spki.begin(), spki.end());
    return certificate;
  }

  void issued(const core::IssuedCertificate&) override { issued_ = true; }

  void delivered(core::BytesView, core::Time) override {
    if (!issued_) std::abort();
    delivered_ = true;
  }

  void confirmed(core::BytesView, core::Time) override {
    if (!delivered_) std::abort();
  }

  void removed(std::string_view, std::int64_t, core::Time) override {}

  void finished(const core::Outcome& outcome) override { outcome_ = outcome; }

  core::CapfPolicy policy() override {
    core::CapfPolicy policy;
    policy.min_rsa_bits = 512;
    return policy;
  }

  std::shared_ptr<const capf::Anchors> anchors() override { return nullptr; }

  std::optional<core::IssuedCertificate> held(std::string_view) override { return std::nullopt; }

  void requested(const core::PendingCsr&) override {}

  std::optional<core::PendingCsr> csr(std::string_view) override { return std::nullopt; }

  std::optional<core::IssuedCertificate> certificate(core::BytesView) override {
    return std::nullopt;
  }

  void happened(const core::CapfEvent&) noexcept override {}

  void fetched(std::string_view, capf::CertificateKind, core::BytesView) override {}

  bool issued() const noexcept { return issued_; }

 private:
  core::Phone phone_;
  std::optional<core::Outcome> outcome_;
  bool issued_ = false;
  bool delivered_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Desk desk(data[0]);
  capf::Roster roster;
  capf::Throttle throttle;
  capf::CaFailures failures;
  const FixedClock clock;
  capf::Session session(1, "fuzz", {desk, desk, roster, throttle, failures, clock, {}});
  capf::Turn turn = session.open();
  core::BytesView rest(data + 1, size - 1);
  while (turn.wait) {
    if (rest.size() < capf::kHeaderBytes) {
      session.lost(capf::Session::Loss::closed);
      return 0;
    }
    try {
      const capf::Header header = capf::parse_header(rest.first(capf::kHeaderBytes));
      rest = rest.subspan(capf::kHeaderBytes);
      const core::BytesView body = rest.first(std::min<std::size_t>(header.length, rest.size()));
      rest = rest.subspan(body.size());
      turn = session.feed(capf::parse_body(header, body));
    } catch (const core::Error& error) {
      turn = session.reject(error);
    }
    if (turn.send) {
      if (std::holds_alternative<capf::StoreRequest>(*turn.send) && !desk.issued()) std::abort();
      capf::encode(1, *turn.send);
      session.sent();
    }
  }
  return 0;
}
