// Reading certificates: DER, PEM, names in the forms that CUCM's files and screens use.
#pragma once

#include <string>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/crypto/handles.h"

namespace ringfence::core {

/// parse_certificate reads one DER certificate; trailing bytes are Error{malformed}.
X509Cert parse_certificate(BytesView der);

Bytes to_der(const X509& certificate);

/// to_pem returns "-----BEGIN CERTIFICATE-----" … with a final newline.
std::string to_pem(const X509& certificate);

/// NameOrder says which form a distinguished name is written in.
enum class NameForm {
  trust_list,  ///< "CN=x;OU=y;O=z;L=…;ST=…;C=…", as in ITL records and TVS (cucm-behaviour 1.4)
  display,     ///< "L=x, ST=y, CN=z, OU=…, O=…, C=…", as in CUCM's certificate dump
};

std::string name_text(const X509_NAME& name, NameForm form);
std::string subject_of(const X509& certificate, NameForm form = NameForm::trust_list);
std::string issuer_of(const X509& certificate, NameForm form = NameForm::trust_list);

/// common_name_of returns the subject's last CN, or "" when there is none.
std::string common_name_of(const X509& certificate);

/// serial_of returns the serial number's magnitude, big-endian, without a sign byte.
Bytes serial_of(const X509& certificate);

Time not_before_of(const X509& certificate);
Time not_after_of(const X509& certificate);

/// public_key_of returns the key as trust-list records carry it: PKCS#1 RSAPublicKey DER, or the
/// uncompressed EC point (cucm-behaviour 2.2).
Bytes public_key_of(const X509& certificate);

/// spki_of returns the SubjectPublicKeyInfo DER.
Bytes spki_of(const X509& certificate);

/// signature_of returns the certificate's own signature bits.
Bytes signature_of(const X509& certificate);

/// describe_certificate returns the dump of CUCM's "Certificate File Data" pane, from "[" to "]":
/// Version, Serial Number, SignatureAlgorithm, Issuer Name, Validity From/To, Subject Name, Key,
/// Key value and the extensions (cucm-cli 2.1), with a final newline.
std::string describe_certificate(const X509& certificate);

/// describe_request lays a PKCS#10 request out in the same way.
std::string describe_request(const X509_REQ& request);

}  // namespace ringfence::core
