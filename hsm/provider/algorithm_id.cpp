#include "hsm/provider/algorithm_id.h"

#include <initializer_list>

#include "core/base/der.h"
#include "hsm/der.h"
#include "hsm/error.h"

namespace ringfence::hsm::provider {
namespace {

using core::der::append_element;
using core::der::element;

constexpr std::uint16_t kDefaultSaltBytes = 20;
constexpr std::uint8_t kMgf1 = 8;
constexpr std::uint8_t kPss = 10;

constexpr std::uint8_t context(std::uint8_t number) {
  return static_cast<std::uint8_t>(0xa0 + number);
}

Error no_identifier() {
  return {Kind::request, "no signature algorithm has that digest"};
}

/// The last arc of 1.2.840.113549.1.1, by hash.
std::uint8_t rsa_arc(Hash hash) {
  switch (hash) {
    case Hash::md5: return 4;
    case Hash::sha1: return 5;
    case Hash::sha224: return 14;
    case Hash::sha256: return 11;
    case Hash::sha384: return 12;
    case Hash::sha512: return 13;
    case Hash::none: break;
  }
  throw no_identifier();
}

/// The last arcs of ecdsa-with-SHA1 (4.1) and ecdsa-with-SHA2 (4.3.x) behind 1.2.840.10045.
Bytes ecdsa_oid(Hash hash) {
  const auto sha2 = [](std::uint8_t arc) {
    return Bytes{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, arc};
  };
  switch (hash) {
    case Hash::sha1: return {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01};
    case Hash::sha224: return sha2(1);
    case Hash::sha256: return sha2(2);
    case Hash::sha384: return sha2(3);
    case Hash::sha512: return sha2(4);
    case Hash::md5:
    case Hash::none: break;
  }
  throw no_identifier();
}

/// identifier is a SEQUENCE of an OBJECT IDENTIFIER and its parameters' element, if it has any.
Bytes identifier(BytesView oid, BytesView parameters = {}) {
  Bytes content = element(core::der::kOid, oid);
  content.insert(content.end(), parameters.begin(), parameters.end());
  return element(core::der::kSequence, content);
}

/// rsa_identifier's OBJECT IDENTIFIER is 1.2.840.113549.1.1.`arc`.
Bytes rsa_identifier(std::uint8_t arc, BytesView parameters) {
  return identifier(Bytes{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, arc}, parameters);
}

}  // namespace

Bytes rsa_pkcs1_id(Hash hash) {
  return rsa_identifier(rsa_arc(hash), element(core::der::kNull, {}));
}

Bytes ecdsa_id(Hash hash) {
  return identifier(ecdsa_oid(hash));
}

Bytes rsa_pss_id(Hash hash, Hash mgf_hash, std::uint16_t salt_bytes) {
  Bytes parameters;
  if (hash != Hash::sha1) append_element(parameters, context(0), der::hash_algorithm(hash));
  if (mgf_hash != Hash::sha1)
    append_element(parameters, context(1), rsa_identifier(kMgf1, der::hash_algorithm(mgf_hash)));
  if (salt_bytes != kDefaultSaltBytes) {
    Bytes salt;
    core::der::append_integer(salt, core::Writer().u16(salt_bytes).view());
    append_element(parameters, context(2), salt);
  }
  return rsa_identifier(kPss, element(core::der::kSequence, parameters));
}

}  // namespace ringfence::hsm::provider
