#include "hsm/provider/provider.h"

#include <map>
#include <mutex>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "hsm/provider/key.h"

namespace ringfence::hsm {
namespace {

using provider::Context;

/// OpenSSL starts a built-in provider without any argument of ours, so the client waits here,
/// under the library context that is being furnished.
class Clients {
 public:
  void put(OSSL_LIB_CTX* context, SignerClient& client) {
    const std::lock_guard lock(mutex_);
    clients_[context] = &client;
  }

  void remove(OSSL_LIB_CTX* context) {
    const std::lock_guard lock(mutex_);
    clients_.erase(context);
  }

  SignerClient* find(OSSL_LIB_CTX* context) {
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(context);
    return found == clients_.end() ? nullptr : found->second;
  }

 private:
  std::mutex mutex_;
  std::map<OSSL_LIB_CTX*, SignerClient*> clients_;
};

Clients& clients() {
  static Clients all;
  return all;
}

void teardown(void* context) {
  delete static_cast<Context*>(context);
}

const OSSL_PARAM* gettable_params(void*) {
  static const OSSL_PARAM params[] = {OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, nullptr, 0),
                                      OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, nullptr, 0),
                                      OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, nullptr),
                                      OSSL_PARAM_END};
  return params;
}

int get_params(void*, OSSL_PARAM params[]) {
  OSSL_PARAM* param = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
  if (param != nullptr && OSSL_PARAM_set_utf8_ptr(param, "Ringfence token provider") == 0) return 0;
  param = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
  if (param != nullptr && OSSL_PARAM_set_utf8_ptr(param, RINGFENCE_VERSION) == 0) return 0;
  param = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
  if (param != nullptr && OSSL_PARAM_set_int(param, 1) == 0) return 0;
  return 1;
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
  static const char* properties = "provider=ringfence";
  static const OSSL_ALGORITHM keymgmt[] = {{"RSA:rsaEncryption:1.2.840.113549.1.1.1", properties,
                                            provider::rsa_keymgmt(), "RSA keys in the token"},
                                           {"EC:id-ecPublicKey:1.2.840.10045.2.1", properties,
                                            provider::ec_keymgmt(), "EC keys in the token"},
                                           {nullptr, nullptr, nullptr, nullptr}};
  static const OSSL_ALGORITHM signature[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", properties, provider::rsa_signature(),
       "RSA PKCS#1 v1.5 and PSS"},
      {"ECDSA", properties, provider::ecdsa_signature(), "ECDSA"},
      {nullptr, nullptr, nullptr, nullptr}};
  static const OSSL_ALGORITHM store[] = {
      {"pkcs11", properties, provider::pkcs11_store(), "keys by RFC 7512 URI"},
      {nullptr, nullptr, nullptr, nullptr}};
  *no_cache = 0;
  switch (operation) {
    case OSSL_OP_KEYMGMT: return keymgmt;
    case OSSL_OP_SIGNATURE: return signature;
    case OSSL_OP_STORE: return store;
    default: return nullptr;
  }
}

int init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in, const OSSL_DISPATCH** out,
         void** context) {
  OSSL_FUNC_core_get_libctx_fn* get_libctx = nullptr;
  for (; in->function_id != 0; ++in)
    if (in->function_id == OSSL_FUNC_CORE_GET_LIBCTX) get_libctx = OSSL_FUNC_core_get_libctx(in);
  if (get_libctx == nullptr) return 0;
  // A built-in provider lives in the very library it serves: both names mean the same object.
  auto* library = reinterpret_cast<OSSL_LIB_CTX*>(get_libctx(handle));
  SignerClient* client = clients().find(library);
  if (client == nullptr) return 0;
  static const OSSL_DISPATCH dispatch[] = {
      provider::entry(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
      provider::entry(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, gettable_params),
      provider::entry(OSSL_FUNC_PROVIDER_GET_PARAMS, get_params),
      provider::entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
      {0, nullptr}};
  *out = dispatch;
  *context = new Context(handle, library, *client);
  return 1;
}

}  // namespace

Provider::Provider(SignerClient& client) : client_(client), context_(OSSL_LIB_CTX_new()) {
  if (context_ == nullptr) throw Error(Kind::unavailable, "OpenSSL gave no library context");
  clients().put(context_, client);
  // The default provider first: a fetch that names no provider takes the first that fits.
  default_ = OSSL_PROVIDER_load(context_, "default");
  if (OSSL_PROVIDER_add_builtin(context_, "ringfence", init) == 1)
    ours_ = OSSL_PROVIDER_load(context_, "ringfence");
  if (default_ == nullptr || ours_ == nullptr) {
    close();
    throw Error(Kind::request, "OpenSSL did not load its default provider and ours");
  }
}

Provider::~Provider() {
  close();
}

void Provider::close() noexcept {
  if (ours_ != nullptr) OSSL_PROVIDER_unload(ours_);
  if (default_ != nullptr) OSSL_PROVIDER_unload(default_);
  clients().remove(context_);
  OSSL_LIB_CTX_free(context_);
}

KeyHandle Provider::key(const KeyRef& ref) const {
  Bytes spki = client_.public_key(ref);
  const std::uint8_t* at = spki.data();
  const KeyHandle public_key(
      d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()), context_, "provider=default"));
  const bool ec = public_key && EVP_PKEY_is_a(public_key.get(), "EC") == 1;
  const char* type = provider::type_name(ec ? KeyAlgorithm::ec : KeyAlgorithm::rsa);
  const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> maker(
      EVP_PKEY_CTX_new_from_name(context_, type, "provider=ringfence"), EVP_PKEY_CTX_free);
  std::string label = ref.label;
  std::uint32_t version = ref.version;
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(provider::kParamSpki, spki.data(), spki.size()),
      OSSL_PARAM_construct_utf8_string(provider::kParamLabel, label.data(), label.size()),
      OSSL_PARAM_construct_uint32(provider::kParamVersion, &version), OSSL_PARAM_construct_end()};
  EVP_PKEY* made = nullptr;
  if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_KEYPAIR, params) != 1) {
    ERR_clear_error();
    throw Error(Kind::request, "OpenSSL does not take the key " + to_text(ref));
  }
  return KeyHandle(made);
}

}  // namespace ringfence::hsm
