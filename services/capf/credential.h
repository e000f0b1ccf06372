// The certificate a phone shows, and its proof that it has the key: judged without any record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/x509.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/crypto/handles.h"
#include "services/capf/protocol.h"

namespace ringfence::services::capf {

/// Anchors are the certificates of CAPF-trust: each may end a chain, root or not. Safe from
/// several threads once made.
class Anchors {
 public:
  Anchors();

  /// trust adds one certificate, DER. Throws Error{malformed} for what is none.
  void trust(core::BytesView der);

  /// own names the certificate with which this CAPF signs now, DER, and trusts it. Throws
  /// Error{malformed}.
  void own(core::BytesView der);

  /// check_chain throws Error{refused} with what is wrong, unless `certificate` is valid `now` and
  /// chains to one of these. Returns whether the certificate named by `own` signed it itself.
  bool check_chain(X509& certificate, core::Time now) const;

 private:
  core::Handle<X509_STORE, X509_STORE_free> store_;
  core::Bytes own_;
};

/// Credential is a certificate that a phone has shown to be its own.
struct Credential {
  CertificateKind kind = CertificateKind::lsc;
  core::Bytes der;
  core::Bytes serial;
  bool signed_by_us = false;  ///< by the certificate with which this CAPF signs now
};

/// check_credential judges what an AUTH RESPONSE with a certificate or SUDI data shows.
///
/// The certificate must be the device's own (its only CN is the device's name, or ends with '-' and
/// the name), no CA, valid now, and chain to `anchors`. Of its signatures over the name, a NUL and
/// the certificate (SHA-1 in element 6, SHA-512 in element 20) at least one must be there, and each
/// that is there must be right. The same holds for SUDI data, whose signatures are over the session
/// id (little-endian) and its certificate. SUDI data alone counts as a MIC.
///
/// RSA signatures are PKCS#1 block type 1 around the bare digest, with not one byte elsewhere than
/// it must be; EC ones ECDSA in DER. Source: cucm-behaviour 5.6. Throws Error{refused} with a
/// sentence that names what is wrong.
Credential check_credential(const AuthResponse& response, std::uint32_t session,
                            const Anchors& anchors, core::Time now);

}  // namespace ringfence::services::capf
