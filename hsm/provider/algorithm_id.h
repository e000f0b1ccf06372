// The AlgorithmIdentifier that a certificate, request or CMS names a signature by.
#pragma once

#include "hsm/key.h"

namespace ringfence::hsm::provider {

/// They return DER and throw Error{request} for a hash that the scheme has no identifier for.
/// Source: RFC 8017 A.2.4; RFC 5758 3.2; RFC 4055 3.1 (DER: values that are the default are left
/// out).
Bytes rsa_pkcs1_id(Hash hash);
Bytes ecdsa_id(Hash hash);
Bytes rsa_pss_id(Hash hash, Hash mgf_hash, std::uint16_t salt_bytes);

}  // namespace ringfence::hsm::provider
