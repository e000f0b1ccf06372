// What CAPF believes of the certificates that an entry of CAPF-trust signed.
#pragma once

#include <string>
#include <string_view>

#include <openssl/types.h>

namespace ringfence::core {

/// CapfTrustPurpose is the use of an entry of CAPF-trust.
enum class CapfTrustPurpose {
  mic,   ///< a manufacturer's CA: phones prove themselves by the MICs that it signed
  capf,  ///< a CAPF, of this or another cluster: by the LSCs that it signed
  ca,    ///< any other CA, a company's: it stands above CAPF, or signs LSCs that are on record here
};

/// The words of the database and of `set cert import trust CAPF purpose …`: mic, capf, ca. The way
/// back throws Error{malformed} that lists them.
std::string_view word(CapfTrustPurpose purpose) noexcept;
CapfTrustPurpose capf_trust_purpose_from(std::string_view word);

/// natural_purpose goes by what the certificate says it is: a common name "CAPF-" and 8 hexadecimal
/// digits is a CAPF; one of Cisco's manufacturing CAs and roots (cucm-behaviour 1.6), by its whole
/// name, is a manufacturer's; everything else is a CA of somebody's, until an administrator says
/// that it is more.
CapfTrustPurpose natural_purpose(const X509& certificate);

/// purpose_of is the stored word, or the natural purpose where it is empty or unknown.
CapfTrustPurpose purpose_of(std::string_view stored, const X509& certificate);

}  // namespace ringfence::core
