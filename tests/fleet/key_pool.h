// Key pairs for phones: making an RSA key costs a second, so phones may share a few.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/handles.h"

namespace ringfence::fleet {

/// KeyPool hands out key pairs. Safe from several threads.
class KeyPool {
 public:
  /// `per_size` RSA keys of each size are made as they are asked for, then dealt in turn; 0 makes
  /// one a call.
  explicit KeyPool(std::size_t per_size) : per_size_(per_size) {}

  /// is_quick tells whether rsa(bits) would return without making a key.
  bool is_quick(unsigned bits) const;

  /// rsa blocks while it makes a key: 512 to 4096 bits.
  core::EvpPkey rsa(unsigned bits);

 private:
  struct Size {
    std::vector<core::EvpPkey> keys;
    std::size_t next = 0;
  };

  const std::size_t per_size_;
  mutable std::mutex mutex_;
  std::map<unsigned, Size> sizes_;
};

/// make_ec_key makes a fresh key on P-256, P-384 or P-521, by the curve's bits.
core::EvpPkey make_ec_key(int bits);

/// spki_of returns a key's SubjectPublicKeyInfo DER.
core::Bytes spki_of(EVP_PKEY* key);

}  // namespace ringfence::fleet
