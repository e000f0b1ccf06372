#include "tests/fleet/key_pool.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/base/error.h"

namespace ringfence::fleet {

using core::EvpPkey;

bool KeyPool::is_quick(unsigned bits) const {
  const std::lock_guard lock(mutex_);
  const auto size = sizes_.find(bits);
  return size != sizes_.end() && per_size_ > 0 && size->second.keys.size() >= per_size_;
}

EvpPkey KeyPool::rsa(unsigned bits) {
  {
    const std::lock_guard lock(mutex_);
    Size& size = sizes_[bits];
    if (per_size_ > 0 && size.keys.size() >= per_size_)
      return core::share(size.keys[size.next++ % size.keys.size()].get());
  }
  EvpPkey key(core::ensure(EVP_RSA_gen(bits), "EVP_RSA_gen"));
  if (per_size_ > 0) {
    const std::lock_guard lock(mutex_);
    Size& size = sizes_[bits];
    if (size.keys.size() < per_size_) size.keys.push_back(core::share(key.get()));
  }
  return key;
}

EvpPkey make_ec_key(int bits) {
  const char* curve = bits == 256 ? "P-256" : bits == 384 ? "P-384" : bits == 521 ? "P-521" : "";
  if (*curve == '\0') throw core::Error(core::Code::malformed, "no such curve");
  return EvpPkey(core::ensure(EVP_EC_gen(curve), "EVP_EC_gen"));
}

core::Bytes spki_of(EVP_PKEY* key) {
  core::Bytes der(static_cast<std::size_t>(std::max(i2d_PUBKEY(key, nullptr), 0)));
  unsigned char* out = der.data();
  core::ensure(i2d_PUBKEY(key, &out) > 0, "i2d_PUBKEY");
  return der;
}

}  // namespace ringfence::fleet
