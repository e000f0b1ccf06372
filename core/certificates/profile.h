// What certificates and requests for certificates have in common: names and extensions.
#pragma once

#include <string>
#include <vector>

#include <openssl/x509v3.h>

#include "core/certificates/issue.h"

namespace ringfence::core {

using Extension = Handle<X509_EXTENSION, X509_EXTENSION_free>;

/// unit_name is the subject of a unit's certificate: C, O, OU, CN, ST, L in that order, as CUCM
/// encodes it (seen in phone logs, cucm-behaviour 1.5). CAPF gets a new "CAPF-<8 hex>" each time.
X509NameHandle unit_name(Unit unit, const Node& node);

/// lsc_name is the subject of a phone's certificate: its organisation is that of the *subject* of
/// the CAPF certificate, whose issuer is somebody else when a third party signed it.
X509NameHandle lsc_name(const LscRequest& request, const X509& capf_certificate);

/// unit_extensions are those that a unit's certificate and its CSR have alike: constraints, key
/// usage and extended key usage (cucm-behaviour 1.3).
std::vector<Extension> unit_extensions(Unit unit);

/// lsc_extensions are the same of a phone's certificate (cucm-behaviour 1.5).
std::vector<Extension> lsc_extensions();

/// names_host says whether a unit's certificate names the host as its DNS name.
bool names_host(Unit unit) noexcept;

Extension dns_name_extension(const std::string& host);
Extension key_id_extension(const X509& certificate);
/// authority_key_id_extension names the issuer's key as the issuer's own certificate does.
Extension authority_key_id_extension(const X509& issuer);

/// digest_for names the digest that goes with a signing key: SHA-256, for P-384 SHA-384 …
const char* digest_for(const EVP_PKEY& key);

/// parse_phone_key reads a phone's SubjectPublicKeyInfo; throws Error{malformed} for keys that no
/// phone has: other algorithms, sizes or curves.
EvpPkey parse_phone_key(BytesView spki);

}  // namespace ringfence::core
