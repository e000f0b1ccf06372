// Whether the certificate that somebody shows is a phone's, and whose.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/clock.h"
#include "core/certificates/anchors.h"
#include "core/crypto/peer_policy.h"

namespace ringfence::core {

/// PeerPurpose is what a certificate is shown for.
enum class PeerPurpose {
  phone,  ///< to be a phone in TLS, by an LSC or a MIC: any device's
  lsc,    ///< to be one device to CAPF, by its LSC
  mic,    ///< to be one device to CAPF, by its MIC: only what a manufacturer's CA signed
};

/// VerifiedPeer is whose certificate it is, and who vouches for it.
struct VerifiedPeer {
  std::string common_name;  ///< the only one of its subject
  Anchors::Issuer issuer;
};

/// PeerVerifier judges the certificates of phones: for CAPF's certificate modes, and as the
/// PeerCheck of TLS servers.
///
/// A certificate must have one common name, be no CA's, be valid now with all above it, lead to an
/// entry of the anchors (root or not), through CAs that allow it, and may prove a TLS client where
/// it says what it may: key usage digitalSignature or keyAgreement, extended key usage clientAuth.
/// Safe from several threads.
class PeerVerifier final : public PeerCheck {
 public:
  /// `clock` must outlive it.
  PeerVerifier(PeerPurpose purpose, std::shared_ptr<const Anchors> anchors, const Clock& clock)
      : purpose_(purpose), anchors_(std::move(anchors)), clock_(clock) {}

  using Verdict = std::variant<VerifiedPeer, PeerRefusal>;

  /// judge verifies without an opinion on whose it should be. `below` are further certificates that
  /// came with it.
  Verdict judge(X509& certificate, std::span<X509* const> below = {}) const;

  /// verify returns the peer when it is `device`, by names_device with the `model` of its record;
  /// an LSC may name another model, which the record had when it was issued. Throws Error{refused}
  /// with a sentence that says what is wrong, and what to import.
  VerifiedPeer verify(X509& certificate, std::string_view device, std::string_view model) const;

  /// refusal is that of `judge`; for PeerPurpose::phone also what names no device is refused.
  std::optional<PeerRefusal> refusal(X509& certificate,
                                     std::span<X509* const> below) const override;

 private:
  PeerRefusal no_way(const X509& certificate, const Anchors::Path& path) const;

  const PeerPurpose purpose_;
  const std::shared_ptr<const Anchors> anchors_;
  const Clock& clock_;
};

}  // namespace ringfence::core
