#include "hsm/provider/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>

namespace ringfence::hsm::provider {
namespace {

bool has_number(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  const bool found = EVP_PKEY_get_bn_param(key, name, &number) == 1;
  BN_clear_free(number);
  return found;
}

/// parts_of asks a key of the default provider what it holds.
int parts_of(const EVP_PKEY* key, KeyAlgorithm algorithm) {
  const bool rsa = algorithm == KeyAlgorithm::rsa;
  int parts = OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
  std::size_t size = 0;
  if (rsa ? has_number(key, OSSL_PKEY_PARAM_RSA_N)
          : EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0, &size) == 1)
    parts |= OSSL_KEYMGMT_SELECT_PUBLIC_KEY;
  if (has_number(key, rsa ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY))
    parts |= OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
  return parts;
}

}  // namespace

void Key::set_inner(KeyHandle key) {
  inner = std::move(key);
  parts = inner ? parts_of(inner.get(), algorithm) : 0;
  const int size = inner ? EVP_PKEY_get_size(inner.get()) : 0;
  signature_bytes = size > 0 ? static_cast<std::size_t>(size) : 0;
}

std::unique_ptr<Key> make_key(Context& context, const KeyRef& ref, BytesView spki) {
  const std::uint8_t* at = spki.data();
  KeyHandle public_key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()),
                                     context.library.get(), "provider=default"));
  if (!public_key) throw Error(Kind::request, "the public key of " + to_text(ref) + " is damaged");
  auto key = std::make_unique<Key>();
  key->context = &context;
  key->ref = ref;
  if (EVP_PKEY_is_a(public_key.get(), "EC") == 1) {
    key->algorithm = KeyAlgorithm::ec;
  } else if (EVP_PKEY_is_a(public_key.get(), "RSA") != 1) {
    throw Error(Kind::request, "the key " + to_text(ref) + " is neither RSA nor EC");
  }
  key->set_inner(std::move(public_key));
  return key;
}

Error never_leaves(const KeyRef& ref) {
  return {Kind::refused, "the private key " + to_text(ref) + " never leaves the token"};
}

const char* type_name(KeyAlgorithm algorithm) noexcept {
  return algorithm == KeyAlgorithm::rsa ? "RSA" : "EC";
}

}  // namespace ringfence::hsm::provider
