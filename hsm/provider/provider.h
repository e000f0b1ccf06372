// OpenSSL's way to the signer: keys that X509_sign, CMS and TLS can use and that stay in the token.
#pragma once

#include <memory>
#include <optional>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "hsm/client.h"
#include "hsm/error.h"

namespace ringfence::hsm {

struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};

using KeyHandle = std::unique_ptr<EVP_PKEY, FreeKey>;

/// Provider is a private library context with OpenSSL's default provider and ours, "ringfence".
///
/// Private, because a PKCS#11 module that uses OpenSSL's default context itself would be re-entered
/// through us. Keys, and what is made with them in this context (also a certificate whose public
/// key was set from one: OpenSSL keeps the key object in it), must not outlive the Provider, nor
/// the Provider its client. Safe from several threads.
class Provider {
 public:
  /// Throws Error{request} when OpenSSL refuses to load a provider.
  explicit Provider(SignerClient& client);
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;
  ~Provider();

  OSSL_LIB_CTX* context() const noexcept { return context_; }

  /// key returns a key of the token, after one round trip for its public part. Throws Error.
  /// "pkcs11:object=<label>;id=<version, four bytes>" through OSSL_STORE gives the same.
  KeyHandle key(const KeyRef& ref) const;

 private:
  void close() noexcept;

  SignerClient& client_;
  OSSL_LIB_CTX* context_ = nullptr;
  OSSL_PROVIDER* default_ = nullptr;
  OSSL_PROVIDER* ours_ = nullptr;
};

/// kind_of_openssl returns what our provider meant when `code`, from OpenSSL's error queue, is one
/// of ours: the code's data then is Error::what().
std::optional<Kind> kind_of_openssl(unsigned long code) noexcept;

}  // namespace ringfence::hsm
