// The certificate a phone shows, and its proof that it has the key: judged without any record.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/anchors.h"
#include "services/capf/protocol.h"

namespace ringfence::services::capf {

/// Credential is a certificate that a phone has shown to be its own.
struct Credential {
  CertificateKind kind = CertificateKind::lsc;
  core::Bytes der;
  core::Bytes serial;
  core::Anchors::Issuer issuer;  ///< `own`: the certificate with which this CAPF signs now
};

/// check_credential judges what an AUTH RESPONSE with a certificate or SUDI data shows.
///
/// The certificate must be the device's own and good for its kind (core::PeerVerifier, with the
/// `model` of the device's record). Of its signatures over the name, a NUL and the certificate
/// (SHA-1 in element 6, SHA-512 in element 20) at least one must be there, and each that is there
/// must be right. The same holds for SUDI data, whose signatures are over the session
/// id (little-endian) and its certificate. SUDI data alone counts as a MIC.
///
/// RSA signatures are PKCS#1 block type 1 around the bare digest, with not one byte elsewhere than
/// it must be; EC ones ECDSA in DER. Source: cucm-behaviour 5.6. Throws Error{refused} with a
/// sentence that names what is wrong.
Credential check_credential(const AuthResponse& response, std::uint32_t session,
                            std::string_view model,
                            const std::shared_ptr<const core::Anchors>& anchors,
                            const core::Clock& clock);

}  // namespace ringfence::services::capf
