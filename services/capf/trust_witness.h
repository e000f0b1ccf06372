// What one connection shows of a phone's trust in the CAPF certificate.
#pragma once

#include <string>

#include "core/base/bytes.h"
#include "services/capf/records.h"

namespace ringfence::services::capf {

/// TrustWitness records that the peer of one TLS connection believed our certificate, which it
/// shows by speaking CAPF, or that it did not. Calls come one at a time, from any thread.
class TrustWitness {
 public:
  /// `records` must outlive it; `peer` is "address:port".
  TrustWitness(Records& records, const std::string& peer) : records_(records), peer_(peer) {}

  void shows(core::BytesView certificate);  ///< DER: what TLS shows the peer

  /// spoke: the phone said who it is. Names that no phone has are not kept.
  void spoke(const std::string& device);

  /// refused: the peer did not believe the certificate, and said so by an alert.
  void refused(const std::string& alert) noexcept;

  /// hung_up: the connection is over; nothing when the phone had spoken.
  void hung_up() noexcept;

 private:
  void note(core::TrustSignKind kind, const std::string& how) noexcept;

  Records& records_;
  const std::string peer_;
  std::string serial_;
  bool spoke_ = false;
};

}  // namespace ringfence::services::capf
