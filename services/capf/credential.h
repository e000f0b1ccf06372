// The certificate a phone shows, and its proof that it has the key: judged without any record.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/x509.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/capf_trust.h"
#include "core/crypto/handles.h"
#include "services/capf/protocol.h"

namespace ringfence::services::capf {

/// Anchors are the certificates of CAPF-trust: each may end a chain, root or not, and each has a
/// purpose. Safe from several threads once made.
class Anchors {
 public:
  Anchors();

  using Purpose = core::CapfTrustPurpose;

  /// trust adds one certificate, DER. Throws Error{malformed} for what is none.
  void trust(core::BytesView der, Purpose purpose);

  /// own names the certificate with which this CAPF signs now, DER, and trusts it. Throws
  /// Error{malformed}.
  void own(core::BytesView der);

  /// Issuer is the entry that signed a certificate itself.
  struct Issuer {
    Purpose purpose = Purpose::ca;
    bool own = false;  ///< the certificate named by `own`
    std::string subject;
  };

  /// check_chain throws Error{refused} with what is wrong, and what to import, unless `certificate`
  /// is valid `now` and chains to one of these.
  Issuer check_chain(X509& certificate, core::Time now) const;

 private:
  core::Handle<X509_STORE, X509_STORE_free> store_;
  std::map<core::Bytes, Purpose> purposes_;
  core::Bytes own_;
};

/// Credential is a certificate that a phone has shown to be its own.
struct Credential {
  CertificateKind kind = CertificateKind::lsc;
  core::Bytes der;
  core::Bytes serial;
  Anchors::Issuer issuer;  ///< `own`: the certificate with which this CAPF signs now
};

/// check_credential judges what an AUTH RESPONSE with a certificate or SUDI data shows.
///
/// The certificate must be the device's own (core::names_device of its only CN, with the `model` of
/// the device's record), no CA, valid now, and chain to `anchors`; a MIC must be signed by one of a
/// manufacturer. Of its signatures over the name, a NUL and
/// the certificate (SHA-1 in element 6, SHA-512 in element 20) at least one must be there, and each
/// that is there must be right. The same holds for SUDI data, whose signatures are over the session
/// id (little-endian) and its certificate. SUDI data alone counts as a MIC.
///
/// RSA signatures are PKCS#1 block type 1 around the bare digest, with not one byte elsewhere than
/// it must be; EC ones ECDSA in DER. Source: cucm-behaviour 5.6. Throws Error{refused} with a
/// sentence that names what is wrong.
Credential check_credential(const AuthResponse& response, std::uint32_t session,
                            std::string_view model, const Anchors& anchors, core::Time now);

}  // namespace ringfence::services::capf
