#include "hsm/provider/algorithm_id.h"

#include <algorithm>

#include "hsm/error.h"

namespace ringfence::hsm::provider {
namespace {

constexpr std::uint8_t kOid = 0x06;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint16_t kDefaultSaltBytes = 20;

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

/// The last arc of 2.16.840.1.101.3.4.2 (SHA-2).
std::uint8_t sha2_arc(Hash hash) {
  switch (hash) {
    case Hash::sha224: return 4;
    case Hash::sha256: return 1;
    case Hash::sha384: return 2;
    case Hash::sha512: return 3;
    case Hash::sha1:
    case Hash::md5:
    case Hash::none: break;
  }
  throw no_identifier();
}

}  // namespace

void AlgorithmId::put(BytesView bytes) noexcept {
  begin_ -= bytes.size();
  std::copy(bytes.begin(), bytes.end(), buffer_.data() + begin_);
}

void AlgorithmId::put(std::initializer_list<std::uint8_t> bytes) noexcept {
  put(BytesView(bytes.begin(), bytes.size()));
}

void AlgorithmId::wrap(std::uint8_t tag, std::size_t end) noexcept {
  put({tag, static_cast<std::uint8_t>(end - begin_)});
}

void AlgorithmId::put_hash(Hash hash) {
  const std::size_t end = begin_;
  put({0x05, 0x00});
  if (hash == Hash::sha1) {
    put({kOid, 5, 0x2b, 0x0e, 0x03, 0x02, 0x1a});
  } else {
    put({kOid, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, sha2_arc(hash)});
  }
  wrap(kSequence, end);
}

AlgorithmId rsa_pkcs1_id(Hash hash) {
  AlgorithmId id;
  id.put({0x05, 0x00});
  id.put({kOid, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, rsa_arc(hash)});
  id.wrap(kSequence, sizeof id.buffer_);
  return id;
}

AlgorithmId ecdsa_id(Hash hash) {
  AlgorithmId id;
  if (hash == Hash::sha1) {
    id.put({kOid, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01});
  } else {
    // ecdsa-with-SHA2: 224, 256, 384, 512 are 1, 2, 3, 4.
    const auto arc = static_cast<std::uint8_t>(hash == Hash::sha224 ? 1 : sha2_arc(hash) + 1);
    id.put({kOid, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, arc});
  }
  id.wrap(kSequence, sizeof id.buffer_);
  return id;
}

AlgorithmId rsa_pss_id(Hash hash, Hash mgf_hash, std::uint16_t salt_bytes) {
  AlgorithmId id;
  if (salt_bytes != kDefaultSaltBytes) {
    const std::size_t end = id.begin_;
    id.put({static_cast<std::uint8_t>(salt_bytes & 0xff)});
    // An INTEGER whose first bit is set would be negative.
    if (salt_bytes > 0x7f) id.put({static_cast<std::uint8_t>(salt_bytes >> 8)});
    id.wrap(0x02, end);
    id.wrap(0xa2, end);
  }
  if (mgf_hash != Hash::sha1) {
    const std::size_t end = id.begin_;
    id.put_hash(mgf_hash);
    id.put({kOid, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 8});
    id.wrap(kSequence, end);
    id.wrap(0xa1, end);
  }
  if (hash != Hash::sha1) {
    const std::size_t end = id.begin_;
    id.put_hash(hash);
    id.wrap(0xa0, end);
  }
  id.wrap(kSequence, sizeof id.buffer_);
  id.put({kOid, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 10});
  id.wrap(kSequence, sizeof id.buffer_);
  return id;
}

}  // namespace ringfence::hsm::provider
