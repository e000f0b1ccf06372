// The digests that the token's schemes know, each fetched once.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string_view>

#include <openssl/evp.h>

#include "hsm/key.h"

namespace ringfence::hsm::provider {

/// Digests fetches each digest once: OpenSSL's fetch locks collide under threads. A digest is
/// named by its index.
class Digests {
 public:
  explicit Digests(OSSL_LIB_CTX* library) : library_(library) {}

  Digests(const Digests&) = delete;
  Digests& operator=(const Digests&) = delete;
  ~Digests();

  /// index_of finds a digest by any of OpenSSL's names for it.
  static std::optional<std::size_t> index_of(std::string_view name) noexcept;

  /// at returns the digest, null when the default provider has none. We keep it.
  EVP_MD* at(std::size_t index);

  static const char* name(std::size_t index) noexcept;
  /// hash returns the wire's name; none for MD5-SHA1, which TLS below 1.2 signs without DigestInfo.
  static Hash hash(std::size_t index) noexcept;

 private:
  OSSL_LIB_CTX* library_;
  std::array<std::atomic<EVP_MD*>, 7> mds_{};
};

/// digest_of returns the digest of `message`; Hash::none stands for MD5 and SHA-1, one behind the
/// other. Throws Error{request} when OpenSSL has no such digest.
Bytes digest_of(Digests& digests, Hash hash, BytesView message);

}  // namespace ringfence::hsm::provider
