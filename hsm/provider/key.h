// The provider's key object.
#pragma once

#include <optional>

#include "hsm/provider/context.h"
#include "hsm/provider/provider.h"

namespace ringfence::hsm::provider {

/// Key is a key of the token, or one that has nothing to do with the token: when our provider was
/// loaded before the default one, OpenSSL lets us keep other programs' keys as well, and we let the
/// default provider do all their work. A key of the token never changes.
struct Key {
  Context* context = nullptr;
  KeyAlgorithm algorithm = KeyAlgorithm::rsa;
  std::optional<KeyRef> ref;  ///< set: the private half is in the token
  KeyHandle inner;            ///< of the default provider in our library: what is public, or all
  int parts = 0;              ///< OSSL_KEYMGMT_SELECT_…: what `inner` holds
  std::size_t signature_bytes = 0;  ///< at most

  /// set_inner takes the default provider's key and looks what is in it.
  void set_inner(KeyHandle key);
};

/// make_key reads a SubjectPublicKeyInfo; throws Error{request} when it does not parse or is of
/// another algorithm than RSA and EC.
std::unique_ptr<Key> make_key(Context& context, const KeyRef& ref, BytesView spki);

/// type_name returns OpenSSL's name of the algorithm, "RSA" or "EC".
const char* type_name(KeyAlgorithm algorithm) noexcept;

/// never_leaves is the answer to whoever wants the private half.
Error never_leaves(const KeyRef& ref);

/// The parameters by which our keymgmt imports a reference into the token.
inline constexpr char kParamSpki[] = "ringfence-spki";
inline constexpr char kParamLabel[] = "ringfence-label";
inline constexpr char kParamVersion[] = "ringfence-version";

}  // namespace ringfence::hsm::provider
