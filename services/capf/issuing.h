// From a phone's key to its certificate: by this CAPF at once, or by an offline CA in its time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone.h"
#include "services/capf/asked_key.h"
#include "services/capf/ca_failures.h"
#include "services/capf/evidence.h"
#include "services/capf/issuer.h"
#include "services/capf/protocol.h"
#include "services/capf/records.h"

namespace ringfence::services::capf {

/// Issuing serves one device in one session. What it was made with must outlive it; calls block on
/// the records and the issuer, and throw what the records throw.
class Issuing {
 public:
  struct Parts {
    Records& records;
    Issuer& issuer;
    CaFailures& failures;
    const core::Clock& clock;
    const Witness& witness;
  };

  /// `version` is of the phone's protocol, `peer` its "address:port", and `place` what that is to
  /// the phone. All must outlive it.
  Issuing(const Parts& parts, const core::Phone& phone, std::uint8_t version, std::string_view peer,
          const Place& place)
      : parts_(parts), phone_(phone), version_(version), peer_(peer), place_(place) {}

  /// A request brings each address at most so many certificates: a phone that could not store one
  /// tries again, and whoever only takes them must not go on for ever. A stranger gets fewer.
  static constexpr std::int64_t kMostCertificates = 12;
  static constexpr std::int64_t kMostElsewhere = 3;
  /// When a request has brought so many at once, addresses that neither are proven to be the
  /// phone's nor register as it get one in each pause, together: nobody uses up what is for the
  /// phone that registers, and strangers do not get many.
  static constexpr std::int64_t kMostUnproven = 36;
  /// From this one on there is a pause before each.
  static constexpr std::int64_t kAtOnce = 6;
  static constexpr std::chrono::minutes kPause{5};

  /// Ask the phone for a key.
  struct Ask {
    KeyGenerateRequest request;
  };

  /// Store this certificate on the phone: it is on record as issued.
  struct Store {
    core::IssuedCertificate certificate;
  };

  /// Wait for the offline CA: the operation stays pending, and this visit is over.
  struct Wait {};

  struct Failed {
    core::OperationStatus status = core::OperationStatus::failed;
    Reason reason = Reason::no_action;
  };

  /// Unproven: a key is taken for an offline CA from where the phone is known to be alone.
  struct Unproven {};

  /// Later: the CA cannot sign now.
  struct Later {};

  using Next = std::variant<Ask, Store, Wait, Failed, Unproven, Later>;

  /// begin says what to do with a phone that has been admitted.
  Next begin() const;

  /// certify says what to do with the key that it made.
  Next certify(core::BytesView spki) const;

 private:
  std::optional<Next> too_many() const;
  bool recent(const core::Issues& issues) const;
  std::string proof() const;
  std::optional<AskedKey::Fault> not_its_own(core::BytesView spki) const;
  Next wrong_key(const AskedKey::Fault& fault) const;
  std::optional<Next> not_for_the_offline_ca() const;
  bool is_its_own(const core::PendingCsr& csr) const;
  std::optional<Next> resume(const core::CapfPolicy& policy) const;
  Next request(core::BytesView spki) const;
  Next issue(core::BytesView spki, std::chrono::days validity) const;
  Next not_signed(const core::Error& error) const;

  const Parts parts_;
  const core::Phone& phone_;
  const std::uint8_t version_;
  const std::string_view peer_;
  const Place& place_;
};

}  // namespace ringfence::services::capf
