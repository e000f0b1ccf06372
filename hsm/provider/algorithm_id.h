// The AlgorithmIdentifier that a certificate, request or CMS names a signature by.
#pragma once

#include <array>

#include "hsm/key.h"

namespace ringfence::hsm::provider {

/// AlgorithmId is DER, written from its end and without any allocation.
class AlgorithmId {
 public:
  BytesView der() const noexcept { return {buffer_.data() + begin_, buffer_.size() - begin_}; }

 private:
  friend AlgorithmId rsa_pkcs1_id(Hash hash);
  friend AlgorithmId ecdsa_id(Hash hash);
  friend AlgorithmId rsa_pss_id(Hash hash, Hash mgf_hash, std::uint16_t salt_bytes);

  void put(BytesView bytes) noexcept;
  void put(std::initializer_list<std::uint8_t> bytes) noexcept;
  /// wrap puts tag and length before everything that was put since the buffer ended at `end`.
  void wrap(std::uint8_t tag, std::size_t end) noexcept;
  void put_hash(Hash hash);

  std::array<std::uint8_t, 96> buffer_;
  std::size_t begin_ = sizeof buffer_;
};

/// They throw Error{request} for a hash that the scheme has no identifier for.
/// Source: RFC 8017 A.2.4; RFC 5758 3.2; RFC 4055 3.1 (DER: values that are the default are left
/// out).
AlgorithmId rsa_pkcs1_id(Hash hash);
AlgorithmId ecdsa_id(Hash hash);
AlgorithmId rsa_pss_id(Hash hash, Hash mgf_hash, std::uint16_t salt_bytes);

}  // namespace ringfence::hsm::provider
