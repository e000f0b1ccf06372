// Phones' certificates in a hurry: DER around what all of one authority have in common.
#pragma once

#include <string>
#include <vector>

#include "core/certificates/issue.h"

namespace ringfence::core {

/// Lsc is a phone's certificate, and what its journal needs to know of it.
struct Lsc {
  Bytes der;
  Bytes serial;         ///< 16 bytes
  std::string subject;  ///< as subject_of gives it
  Time not_after;
};

/// LscMaker signs phones' certificates with the key of one CAPF certificate.
///
/// OpenSSL 3.0 takes 100 us to decode a public key and 185 to put one into a certificate, twice of
/// what the whole certificate takes here: the phone's key goes in as it came, once it is known to
/// be one, and names and extensions that do not change are encoded once. Safe from several threads.
class LscMaker {
 public:
  /// `capf_key` may live in the token: `context` is its library context (null for OpenSSL's
  /// default). All of them must outlive it. Throws Error{internal}.
  LscMaker(const X509& capf_certificate, EVP_PKEY& capf_key, OSSL_LIB_CTX* context);

  /// make issues what issue_lsc says, and throws as it does.
  Lsc make(const LscRequest& request, Time now) const;

  /// issuer is the subject of the CAPF certificate, as subject_of gives it.
  const std::string& issuer() const noexcept { return issuer_text_; }

 private:
  Bytes sign(BytesView body) const;

  const X509& capf_certificate_;
  EVP_PKEY& capf_key_;
  OSSL_LIB_CTX* context_;
  std::string digest_;
  EvpPkey public_key_;  ///< of the CAPF certificate
  std::string issuer_text_;
  Time capf_begin_;
  Time capf_end_;
  Bytes algorithm_;   ///< AlgorithmIdentifier of the signature
  Bytes issuer_;      ///< Name
  Bytes extensions_;  ///< those that no phone changes
  Bytes authority_key_id_;
};

}  // namespace ringfence::core
