// The dotted text of object identifiers.
#pragma once

#include <string>

#include <openssl/types.h>

namespace ringfence::core {

/// oid_of returns "2.5.4.3", whatever names OpenSSL has for it; "" for null.
std::string oid_of(const ASN1_OBJECT* object);

}  // namespace ringfence::core
