// KEYMGMT: public parts are the default provider's business, private parts are only referred to.
#include <utility>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "hsm/provider/key.h"

namespace ringfence::hsm::provider {
namespace {

using PkeyCtx = std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)>;

template <KeyAlgorithm Algorithm>
void* make(void* context) {
  Key* key = new (std::nothrow) Key;
  if (key == nullptr) return nullptr;
  key->context = static_cast<Context*>(context);
  key->algorithm = Algorithm;
  return key;
}

void destroy(void* key) {
  delete static_cast<Key*>(key);
}

/// load takes over the key that our store put behind the reference.
void* load(const void* reference, std::size_t size) {
  if (size != sizeof(Key*)) return nullptr;
  Key** place = *static_cast<Key** const*>(reference);
  return std::exchange(*place, nullptr);
}

int has(const void* data, int selection) {
  const Key& key = *static_cast<const Key*>(data);
  if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !key.ref) return 0;
  const int rest = OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
  return (selection & rest) == 0 || key.public_key ? 1 : 0;
}

int match(const void* left, const void* right, int selection) {
  const Key& one = *static_cast<const Key*>(left);
  const Key& two = *static_cast<const Key*>(right);
  if (!one.public_key || !two.public_key) return 0;
  if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
    return EVP_PKEY_eq(one.public_key.get(), two.public_key.get()) == 1 ? 1 : 0;
  return EVP_PKEY_parameters_eq(one.public_key.get(), two.public_key.get()) == 1 ? 1 : 0;
}

bool import_reference(Key& key, const OSSL_PARAM params[], const OSSL_PARAM& spki) {
  const OSSL_PARAM* label = OSSL_PARAM_locate_const(params, kParamLabel);
  const OSSL_PARAM* version = OSSL_PARAM_locate_const(params, kParamVersion);
  const char* text = nullptr;
  KeyRef ref;
  if (label == nullptr || OSSL_PARAM_get_utf8_string_ptr(label, &text) != 1 || version == nullptr ||
      OSSL_PARAM_get_uint32(version, &ref.version) != 1)
    throw Error(Kind::request, "a key reference needs label and version");
  ref.label.assign(text, label->data_size);
  const BytesView der(static_cast<const std::uint8_t*>(spki.data), spki.data_size);
  const std::unique_ptr<Key> made = make_key(*key.context, ref, der);
  if (made->algorithm != key.algorithm)
    throw Error(Kind::request, "the key reference is of another algorithm");
  key.ref = std::move(made->ref);
  key.public_key = std::move(made->public_key);
  return true;
}

bool import_public(Key& key, const OSSL_PARAM params[]) {
  for (const char* secret : {OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_RSA_D})
    if (OSSL_PARAM_locate_const(params, secret) != nullptr)
      throw Error(Kind::refused, "private keys are made in the token, not imported");
  const PkeyCtx maker(EVP_PKEY_CTX_new_from_name(key.context->library, type_name(key.algorithm),
                                                 "provider=default"),
                      EVP_PKEY_CTX_free);
  EVP_PKEY* made = nullptr;
  if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)) !=
          1)
    return false;
  key.public_key.reset(made);
  return true;
}

int import(void* data, int, const OSSL_PARAM params[]) {
  Key& key = *static_cast<Key*>(data);
  return guarded([&] {
    const OSSL_PARAM* spki = OSSL_PARAM_locate_const(params, kParamSpki);
    return spki != nullptr ? import_reference(key, params, *spki) : import_public(key, params);
  });
}

int export_public(void* data, int selection, OSSL_CALLBACK* callback, void* argument) {
  const Key& key = *static_cast<const Key*>(data);
  return guarded([&] {
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key.ref)
      throw Error(Kind::refused,
                  "the private key " + to_text(*key.ref) + " never leaves the token");
    OSSL_PARAM* params = nullptr;
    if (!key.public_key || EVP_PKEY_todata(key.public_key.get(), EVP_PKEY_PUBLIC_KEY, &params) != 1)
      return false;
    const bool done = callback(params, argument) == 1;
    OSSL_PARAM_free(params);
    return done;
  });
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* key_types(int selection) {
  static const OSSL_PARAM rsa[] = {OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
                                   OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
                                   OSSL_PARAM_END};
  static const OSSL_PARAM ec[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                  OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                  OSSL_PARAM_END};
  if ((selection & (OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS)) == 0)
    return nullptr;
  return Algorithm == KeyAlgorithm::rsa ? rsa : ec;
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* import_types(int selection) {
  static const OSSL_PARAM reference[] = {OSSL_PARAM_octet_string(kParamSpki, nullptr, 0),
                                         OSSL_PARAM_utf8_string(kParamLabel, nullptr, 0),
                                         OSSL_PARAM_uint32(kParamVersion, nullptr), OSSL_PARAM_END};
  return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? reference
                                                            : key_types<Algorithm>(selection);
}

int get_params(void* data, OSSL_PARAM params[]) {
  const Key& key = *static_cast<const Key*>(data);
  return key.public_key ? EVP_PKEY_get_params(key.public_key.get(), params) : 0;
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* gettable_params(void*) {
  static const OSSL_PARAM rsa[] = {
      OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
      OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
      OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
      OSSL_PARAM_END};
  static const OSSL_PARAM ec[] = {
      OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
      OSSL_PARAM_END};
  return Algorithm == KeyAlgorithm::rsa ? rsa : ec;
}

template <KeyAlgorithm Algorithm>
const char* operation_name(int operation) {
  if (operation != OSSL_OP_SIGNATURE) return nullptr;
  return Algorithm == KeyAlgorithm::rsa ? "RSA" : "ECDSA";
}

template <KeyAlgorithm Algorithm>
const OSSL_DISPATCH* table() {
  static const OSSL_DISPATCH dispatch[] = {
      entry(OSSL_FUNC_KEYMGMT_NEW, make<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_FREE, destroy),
      entry(OSSL_FUNC_KEYMGMT_LOAD, load),
      entry(OSSL_FUNC_KEYMGMT_HAS, has),
      entry(OSSL_FUNC_KEYMGMT_MATCH, match),
      entry(OSSL_FUNC_KEYMGMT_IMPORT, import),
      entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_EXPORT, export_public),
      entry(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_types<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),
      entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_params<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_name<Algorithm>),
      {0, nullptr}};
  return dispatch;
}

}  // namespace

const OSSL_DISPATCH* rsa_keymgmt() {
  return table<KeyAlgorithm::rsa>();
}

const OSSL_DISPATCH* ec_keymgmt() {
  return table<KeyAlgorithm::ec>();
}

}  // namespace ringfence::hsm::provider
