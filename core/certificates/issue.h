// Making certificates: the units' self-signed ones, and the phones' LSCs.
#pragma once

#include <chrono>
#include <string>

#include <openssl/types.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/unit.h"
#include "core/crypto/handles.h"

namespace ringfence::core {

/// Organization is the part of the subject that all of a cluster's certificates share. Empty
/// fields are left out. Each at most 64 characters, the country 2 letters (RFC 5280 appendix A).
struct Organization {
  std::string unit;      ///< OU
  std::string name;      ///< O
  std::string locality;  ///< L
  std::string state;     ///< ST
  std::string country;   ///< C
};

/// Node is who the certificates are for.
struct Node {
  std::string host;  ///< short host name, e.g. "ringfence"
  Organization organization;
};

/// issue_self_signed makes the certificate of `unit` for the key pair `key`.
///
/// Subject, extensions, 16-byte random serial and five years' validity less one second per
/// cucm-behaviour 1.1 to 1.4; SHA-256 (SHA-384 for P-384). CAPF gets a new "CAPF-<8 hex>" name
/// each time. `key` may live in the token: `context` is its library context (null for OpenSSL's
/// default). Throws Error, also what the signer answers.
X509Cert issue_self_signed(Unit unit, const Node& node, EVP_PKEY& key, OSSL_LIB_CTX* context,
                           Time now);

/// LscRequest is what a phone's LSC is made of (cucm-behaviour 1.5).
struct LscRequest {
  std::string device_name;  ///< "SEP001122334455"
  std::string model;        ///< "CP-8861", or empty: then the CN is the device name alone
  Bytes spki;               ///< SubjectPublicKeyInfo DER, as the phone sent it
  std::chrono::days validity{1825};
};

/// issue_lsc signs a phone's certificate with the CAPF key.
///
/// Issuer is the *subject* of `capf_certificate`; never valid beyond its end. CA:FALSE, key usage
/// digitalSignature + keyEncipherment, EKU serverAuth, clientAuth, ipsecEndSystem, 16-byte random
/// serial, SHA-256. Throws Error{malformed} for a key that does not parse or is too small
/// (RSA under 512 or above 4096 bits; curves other than P-256/384/521).
X509Cert issue_lsc(const LscRequest& request, const X509& capf_certificate, EVP_PKEY& capf_key,
                   OSSL_LIB_CTX* context, Time now);

}  // namespace ringfence::core
