// The provider's own state, one for each time that OpenSSL starts it, and how that start goes.
#pragma once

#include <memory>

#include "hsm/client.h"
#include "hsm/provider/core.h"
#include "hsm/provider/digests.h"

namespace ringfence::hsm::provider {

/// SignerSource knows which signer we speak to.
class SignerSource {
 public:
  virtual ~SignerSource() = default;

  /// client returns the line to the signer. Throws Error{request} when
  /// nobody said where the signer is. Safe from several threads.
  virtual SignerClient& client() = 0;
};

/// Library is the context in which the default provider does what needs no private key.
using Library = std::unique_ptr<OSSL_LIB_CTX, void (*)(OSSL_LIB_CTX*)>;

struct Context {
  Core core;
  Library library;
  std::unique_ptr<SignerSource> signer;
  Digests digests{library.get()};
};

/// start answers OpenSSL's call of an init function; the context ends with the provider.
int start(std::unique_ptr<Context> context, const OSSL_DISPATCH** out, void** provider_context);

const OSSL_DISPATCH* rsa_keymgmt();
const OSSL_DISPATCH* ec_keymgmt();
const OSSL_DISPATCH* rsa_signature();
const OSSL_DISPATCH* ecdsa_signature();
const OSSL_DISPATCH* text_encoder();
const OSSL_DISPATCH* pem_encoder();
const OSSL_DISPATCH* pkcs11_store();

/// The names under which our keys ask for our SIGNATURE. They are ours alone, so that OpenSSL
/// neither tries another provider's implementation first nor takes ours for another's key.
inline constexpr char kRsaSignature[] = "RINGFENCE-RSA";
inline constexpr char kEcdsaSignature[] = "RINGFENCE-ECDSA";

}  // namespace ringfence::hsm::provider
