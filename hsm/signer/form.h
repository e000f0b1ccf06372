// What a message is that a role wants signed: recognised by its bytes, or not at all.
#pragma once

#include <cstdint>
#include <string_view>

#include "hsm/key.h"

namespace ringfence::hsm {

/// Form is the kind of a message. Each is recognised whole: a message that only begins like one is
/// `other`.
enum class Form : std::uint8_t {
  tls = 0,             ///< a server's proof in a handshake, TLS 1.0 to 1.3
  certificate = 1,     ///< TBSCertificate of an end entity: an LSC
  ca_certificate = 2,  ///< any other TBSCertificate: of an authority, self-signed, or unclear
  request = 3,         ///< CertificationRequestInfo (PKCS#10)
  crl = 4,             ///< TBSCertList
  file = 5,            ///< a phone's configuration file with its header
  trust_list = 6,      ///< anything else that begins with such a header: ITL, CTL
  other = 7,           ///< none of these
  digest = 8,          ///< nobody showed the message, only its digest
};

inline constexpr std::size_t kForms = 9;

/// name returns the enumerator's spelling.
std::string_view name(Form form) noexcept;

/// phrase returns "a certificate authority's certificate" and the like, for sentences.
std::string_view phrase(Form form) noexcept;

/// form_of recognises what a signature would be over. Pure; looks at no more than the header of a
/// file and at all of everything else.
///
/// An end entity's certificate is of version 3, not issued by its own subject, has no extension
/// twice and none outside id-ce, its basicConstraints is absent or CA:FALSE, and its keyUsage has
/// neither keyCertSign nor cRLSign (RFC 5280 4.2.1). A handshake's proof is the content of
/// CertificateVerify (RFC 8446 4.4.3), or two randoms and the parameters of ServerKeyExchange
/// (RFC 8422 5.4, RFC 5246 7.4.3), and never what could be read as anything else here: a client
/// that draws such a random, once in 16 million, has to try again.
Form form_of(BytesView message) noexcept;

}  // namespace ringfence::hsm
