// Requests for certificates (PKCS#10): this node's own, and those of phones for an offline CA.
#pragma once

#include <string>

#include <openssl/types.h>

#include "core/base/bytes.h"
#include "core/certificates/issue.h"
#include "core/crypto/x509.h"

namespace ringfence::core {

using X509Request = Handle<X509_REQ, X509_REQ_free>;

/// make_unit_request makes the CSR of `unit` for the key pair `key`, signed with it: the subject
/// and extensions of its self-signed certificate (cucm-behaviour 1.3), CAPF with a new name.
///
/// `key` may live in the token; `context` is as for issue_self_signed. Throws Error.
X509Request make_unit_request(Unit unit, const Node& node, EVP_PKEY& key, OSSL_LIB_CTX* context);

/// make_phone_request makes the CSR of a phone's key, with an LSC's subject and extensions.
///
/// A phone sends CAPF a bare public key, so it cannot sign this: CAPF signs, as a registration
/// authority that vouches for the pair of key and name. Throws Error as issue_lsc does.
X509Request make_phone_request(const LscRequest& request, const X509& capf_certificate,
                               EVP_PKEY& capf_key, OSSL_LIB_CTX* context);

/// parse_request reads one DER request; throws Error{malformed}, also for trailing bytes.
X509Request parse_request(BytesView der);

Bytes to_der(const X509_REQ& request);

/// to_pem returns "-----BEGIN CERTIFICATE REQUEST-----" … with a final newline.
std::string to_pem(const X509_REQ& request);

std::string subject_of(const X509_REQ& request, NameForm form = NameForm::trust_list);

/// spki_of returns the SubjectPublicKeyInfo DER.
Bytes spki_of(const X509_REQ& request);

}  // namespace ringfence::core
