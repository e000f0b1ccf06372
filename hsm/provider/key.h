// What the provider's parts share: its context, its key objects, and errors into OpenSSL's queue.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string_view>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include "hsm/provider/provider.h"

namespace ringfence::hsm::provider {

/// MdCache fetches each digest once: OpenSSL's fetch locks collide under threads.
class MdCache {
 public:
  explicit MdCache(OSSL_LIB_CTX* library) : library_(library) {}

  MdCache(const MdCache&) = delete;
  MdCache& operator=(const MdCache&) = delete;
  ~MdCache();

  /// index_of finds a digest by any of OpenSSL's names for it.
  static std::optional<std::size_t> index_of(std::string_view name) noexcept;

  /// at returns the digest, null when the default provider has none. The cache keeps it.
  EVP_MD* at(std::size_t index);

  static const char* name(std::size_t index) noexcept;
  /// hash returns the wire's name; none for MD5-SHA1, which TLS below 1.2 signs without DigestInfo.
  static Hash hash(std::size_t index) noexcept;

 private:
  OSSL_LIB_CTX* library_;
  std::array<std::atomic<EVP_MD*>, 7> mds_{};
};

/// Context is the provider's own, one for each library context.
struct Context {
  Context(const OSSL_CORE_HANDLE* handle, OSSL_LIB_CTX* library_context, SignerClient& signer)
      : core(handle), library(library_context), client(signer), mds(library_context) {}

  const OSSL_CORE_HANDLE* core;
  OSSL_LIB_CTX* library;
  SignerClient& client;
  MdCache mds;
};

/// Key is our key object: a reference into the token, or only a public key. Immutable once made.
struct Key {
  Context* context = nullptr;
  KeyAlgorithm algorithm = KeyAlgorithm::rsa;
  std::optional<KeyRef> ref;  ///< set: the private half is in the token
  KeyHandle public_key;       ///< of the default provider, for everything that is public
};

/// make_key reads a SubjectPublicKeyInfo; throws Error{request} when it does not parse or is of
/// another algorithm than RSA and EC.
std::unique_ptr<Key> make_key(Context& context, const KeyRef& ref, BytesView spki);

/// type_name returns OpenSSL's name of the algorithm, "RSA" or "EC".
const char* type_name(KeyAlgorithm algorithm) noexcept;

/// raise puts an Error into OpenSSL's queue, its kind as the reason.
void raise(const Error& error) noexcept;

/// guarded runs `work` at the border to C: an exception becomes an entry in the queue, and 0.
template <typename Work>
int guarded(Work work) noexcept {
  try {
    return work() ? 1 : 0;
  } catch (const Error& error) {
    raise(error);
  } catch (const std::exception& error) {
    raise(Error(Kind::unavailable, error.what()));
  }
  return 0;
}

/// The parameters by which our keymgmt imports a reference into the token.
inline constexpr char kParamSpki[] = "ringfence-spki";
inline constexpr char kParamLabel[] = "ringfence-label";
inline constexpr char kParamVersion[] = "ringfence-version";

template <typename Function>
OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

const OSSL_DISPATCH* rsa_keymgmt();
const OSSL_DISPATCH* ec_keymgmt();
const OSSL_DISPATCH* rsa_signature();
const OSSL_DISPATCH* ecdsa_signature();
const OSSL_DISPATCH* pkcs11_store();

}  // namespace ringfence::hsm::provider
