// KEYMGMT: private parts in the token are only referred to, all else is the default provider's.
#include <utility>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "hsm/provider/key_generation.h"

namespace ringfence::hsm::provider {
namespace {

Key& key_of(void* data) {
  return *static_cast<Key*>(data);
}

const Key& key_of(const void* data) {
  return *static_cast<const Key*>(data);
}

KeyHandle from_params(const Context& context, KeyAlgorithm algorithm, int selection,
                      const OSSL_PARAM params[]) {
  const PkeyCtx maker = by_name(context, algorithm);
  EVP_PKEY* made = nullptr;
  if (maker && EVP_PKEY_fromdata_init(maker.get()) == 1)
    EVP_PKEY_fromdata(maker.get(), &made, selection, const_cast<OSSL_PARAM*>(params));
  return KeyHandle(made);
}

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

/// has is asked about an EVP_PKEY without a key as well.
int has(const void* data, int selection) {
  if (data == nullptr) return 0;
  const Key& key = key_of(data);
  const int parts = key.parts | (key.ref ? OSSL_KEYMGMT_SELECT_PRIVATE_KEY : 0);
  const int wanted = selection & (OSSL_KEYMGMT_SELECT_KEYPAIR | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS);
  return (parts & wanted) == wanted ? 1 : 0;
}

int match(const void* left, const void* right, int selection) {
  if (left == nullptr || right == nullptr) return 0;
  const Key& one = key_of(left);
  const Key& two = key_of(right);
  if (!one.inner || !two.inner) return 0;
  if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
    return EVP_PKEY_eq(one.inner.get(), two.inner.get()) == 1 ? 1 : 0;
  return EVP_PKEY_parameters_eq(one.inner.get(), two.inner.get()) == 1 ? 1 : 0;
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
  key.set_inner(std::move(made->inner));
  return true;
}

int import(void* data, int selection, const OSSL_PARAM params[]) {
  Key& key = key_of(data);
  return guarded(key.context->core, [&] {
    const OSSL_PARAM* spki = OSSL_PARAM_locate_const(params, kParamSpki);
    if (spki != nullptr) return import_reference(key, params, *spki);
    key.set_inner(from_params(*key.context, key.algorithm, selection, params));
    return key.inner != nullptr;
  });
}

int export_key(void* data, int selection, OSSL_CALLBACK* callback, void* argument) {
  const Key& key = key_of(data);
  return guarded(key.context->core, [&] {
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key.ref) throw never_leaves(*key.ref);
    return key.inner && EVP_PKEY_export(key.inner.get(), selection, callback, argument) == 1;
  });
}

KeyHandle parameters_of(const Key& key) {
  OSSL_PARAM* params = nullptr;
  KeyHandle made;
  if (EVP_PKEY_todata(key.inner.get(), EVP_PKEY_KEY_PARAMETERS, &params) == 1)
    made = from_params(*key.context, key.algorithm, EVP_PKEY_KEY_PARAMETERS, params);
  OSSL_PARAM_free(params);
  return made;
}

void* duplicate(const void* data, int selection) {
  const Key& from = key_of(data);
  Key* made = nullptr;
  guarded(from.context->core, [&] {
    auto copy = std::make_unique<Key>();
    copy->context = from.context;
    copy->algorithm = from.algorithm;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) copy->ref = from.ref;
    if (from.inner)
      copy->set_inner((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0
                          ? KeyHandle(EVP_PKEY_dup(from.inner.get()))
                          : parameters_of(from));
    if (from.inner && !copy->inner) return false;
    made = copy.release();
    return true;
  });
  return made;
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
  const Key& key = key_of(data);
  return guarded(key.context->core, [&] {
    if (key.ref)
      for (const char* secret :
           {OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
            OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
            OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1})
        if (OSSL_PARAM_locate(params, secret) != nullptr) throw never_leaves(*key.ref);
    return key.inner && EVP_PKEY_get_params(key.inner.get(), params) == 1;
  });
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

/// set_params serves the peer's point of an ECDHE exchange, and the form in which a key is written;
/// what a key of the token is stays as it is.
int set_params(void* data, const OSSL_PARAM params[]) {
  Key& key = key_of(data);
  return guarded(key.context->core, [&] {
    if (params == nullptr || params->key == nullptr) return true;
    for (const char* value : {OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, OSSL_PKEY_PARAM_PUB_KEY,
                              OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_GROUP_NAME})
      if (key.ref && OSSL_PARAM_locate_const(params, value) != nullptr)
        throw Error(Kind::request, "a key of the token cannot be changed");
    if (!key.inner || EVP_PKEY_set_params(key.inner.get(), const_cast<OSSL_PARAM*>(params)) != 1)
      return false;
    key.set_inner(std::move(key.inner));
    return true;
  });
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* settable_params(void*) {
  static const OSSL_PARAM ec[] = {
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, nullptr, 0),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, nullptr), OSSL_PARAM_END};
  static const OSSL_PARAM rsa[] = {OSSL_PARAM_END};
  return Algorithm == KeyAlgorithm::rsa ? rsa : ec;
}

/// validate checks what can be seen: of a key of the token that is the public half.
int validate(const void* data, int selection, int) {
  const Key& key = key_of(data);
  return guarded(key.context->core, [&] {
    const PkeyCtx checker = by_key(key);
    if (!checker) return false;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !key.ref)
      return EVP_PKEY_check(checker.get()) == 1;
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
      return EVP_PKEY_public_check(checker.get()) == 1;
    return key.algorithm == KeyAlgorithm::rsa || EVP_PKEY_param_check(checker.get()) == 1;
  });
}

template <KeyAlgorithm Algorithm>
const char* operation_name(int operation) {
  constexpr bool kRsa = Algorithm == KeyAlgorithm::rsa;
  switch (operation) {
    case OSSL_OP_SIGNATURE: return kRsa ? kRsaSignature : kEcdsaSignature;
    case OSSL_OP_KEYEXCH: return kRsa ? nullptr : "ECDH";
    default: return nullptr;
  }
}

template <KeyAlgorithm Algorithm>
const OSSL_DISPATCH* table() {
  static const OSSL_DISPATCH dispatch[] = {
      entry(OSSL_FUNC_KEYMGMT_NEW, make<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_FREE, destroy),
      entry(OSSL_FUNC_KEYMGMT_LOAD, load),
      entry(OSSL_FUNC_KEYMGMT_HAS, has),
      entry(OSSL_FUNC_KEYMGMT_MATCH, match),
      entry(OSSL_FUNC_KEYMGMT_VALIDATE, validate),
      entry(OSSL_FUNC_KEYMGMT_DUP, duplicate),
      entry(OSSL_FUNC_KEYMGMT_IMPORT, import),
      entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_EXPORT, export_key),
      entry(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_types<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),
      entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_params<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_SET_PARAMS, set_params),
      entry(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, settable_params<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_GEN_INIT, generation_begin<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE, generation_from),
      entry(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, generation_set),
      entry(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, generation_settable<Algorithm>),
      entry(OSSL_FUNC_KEYMGMT_GEN, generate),
      entry(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, generation_end),
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
