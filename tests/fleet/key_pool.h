// Key pairs for phones: making an RSA key costs a second, so phones may share a few primes.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include <openssl/bn.h>

#include "core/base/bytes.h"
#include "core/crypto/handles.h"

namespace ringfence::fleet {

/// KeyPool hands out key pairs, no two of them alike: CAPF takes a key from one phone only. Safe
/// from several threads.
class KeyPool {
 public:
  /// With `shared` RSA keys of a size are made of pairs of few primes, which is quick and would be
  /// folly in a real phone: whoever has two such keys can break both. With 0 each is made alone.
  explicit KeyPool(std::size_t shared) : shared_(shared > 0) {}

  /// is_quick tells whether rsa(bits) would return without making a prime.
  bool is_quick(unsigned bits) const;

  /// rsa blocks while it makes a key, or a prime of one: 512 to 4096 bits.
  core::EvpPkey rsa(unsigned bits);

 private:
  using Number = core::Handle<BIGNUM, BN_free>;

  /// Size is the primes of one size; the next key is of `first` and `second`.
  struct Size {
    std::vector<Number> primes;
    std::size_t first = 0;
    std::size_t second = 1;
  };

  const bool shared_;
  mutable std::mutex mutex_;
  std::map<unsigned, Size> sizes_;
};

/// make_ec_key makes a fresh key on P-256, P-384 or P-521, by the curve's bits.
core::EvpPkey make_ec_key(int bits);

/// spki_of returns a key's SubjectPublicKeyInfo DER.
core::Bytes spki_of(EVP_PKEY* key);

}  // namespace ringfence::fleet
