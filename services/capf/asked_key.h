// The key a phone is asked for, and whether what it sent is that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/phones/capf_policy.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone.h"
#include "services/capf/protocol.h"

namespace ringfence::services::capf {

/// AskedKey is what a phone of this protocol version is asked for by its record, within the node's
/// minimum sizes. All it was made with must outlive it.
class AskedKey {
 public:
  AskedKey(const core::CapfSettings& settings, const core::CapfPolicy& policy, std::uint8_t version)
      : settings_(settings), policy_(policy), version_(version) {}

  /// Fault is why there is no certificate for a key; `kind` is one of `evidence`.
  struct Fault {
    core::OperationStatus status = core::OperationStatus::failed;
    std::string_view kind;
    std::string detail;
  };

  /// fault returns why such a key cannot be asked for, if it cannot.
  std::optional<Fault> fault() const;

  KeyGenerateRequest request() const;

  /// fault_of returns why a certificate for `spki` cannot be given, if it cannot.
  std::optional<Fault> fault_of(core::BytesView spki) const;

 private:
  bool wants_rsa() const;
  bool wants_ec() const;

  const core::CapfSettings& settings_;
  const core::CapfPolicy& policy_;
  const std::uint8_t version_;
};

}  // namespace ringfence::services::capf
