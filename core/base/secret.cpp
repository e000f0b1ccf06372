#include "core/base/secret.h"

#include <openssl/crypto.h>

namespace ringfence::core {

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
  }
  return *this;
}

bool Secret::equals(BytesView other) const noexcept {
  if (bytes_.empty() || bytes_.size() != other.size()) return false;
  return CRYPTO_memcmp(bytes_.data(), other.data(), other.size()) == 0;
}

void Secret::wipe() noexcept {
  if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
  bytes_.clear();
}

}  // namespace ringfence::core
