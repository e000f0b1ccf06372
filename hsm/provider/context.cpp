#include "hsm/provider/context.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>

namespace ringfence::hsm::provider {
namespace {

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
  static const OSSL_ALGORITHM keymgmt[] = {
      {"RSA:rsaEncryption:1.2.840.113549.1.1.1", properties, rsa_keymgmt(),
       "RSA keys in the token"},
      {"EC:id-ecPublicKey:1.2.840.10045.2.1", properties, ec_keymgmt(), "EC keys in the token"},
      {nullptr, nullptr, nullptr, nullptr}};
  static const OSSL_ALGORITHM signature[] = {
      {kRsaSignature, properties, rsa_signature(), "RSA PKCS#1 v1.5 and PSS"},
      {kEcdsaSignature, properties, ecdsa_signature(), "ECDSA"},
      {nullptr, nullptr, nullptr, nullptr}};
  static const char* text = "provider=ringfence,output=text";
  static const char* pem = "provider=ringfence,output=pem,structure=PrivateKeyInfo";
  static const OSSL_ALGORITHM encoder[] = {
      {"RSA", text, text_encoder(), "what can be shown of a key"},
      {"EC", text, text_encoder(), "what can be shown of a key"},
      {"RSA", pem, pem_encoder(), "says that the key stays in the token"},
      {"EC", pem, pem_encoder(), "says that the key stays in the token"},
      {nullptr, nullptr, nullptr, nullptr}};
  static const OSSL_ALGORITHM store[] = {
      {"pkcs11", properties, pkcs11_store(), "keys by RFC 7512 URI"},
      {nullptr, nullptr, nullptr, nullptr}};
  *no_cache = 0;
  switch (operation) {
    case OSSL_OP_KEYMGMT: return keymgmt;
    case OSSL_OP_SIGNATURE: return signature;
    case OSSL_OP_ENCODER: return encoder;
    case OSSL_OP_STORE: return store;
    default: return nullptr;
  }
}

/// Forward is whom to tell of a capability.
struct Forward {
  OSSL_CALLBACK* callback;
  void* argument;
};

int forward_ec(const OSSL_PARAM params[], void* data) {
  const Forward& to = *static_cast<const Forward*>(data);
  const OSSL_PARAM* param = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ALG);
  const char* algorithm = nullptr;
  if (param == nullptr || OSSL_PARAM_get_utf8_string_ptr(param, &algorithm) != 1) return 1;
  return std::string_view(algorithm) == "EC" ? to.callback(params, to.argument) : 1;
}

/// capabilities offers TLS the default provider's EC groups as ours: libssl ignores a group when
/// another provider manages the group's keys, as we do for EC when we were loaded first.
int capabilities(void* data, const char* capability, OSSL_CALLBACK* callback, void* argument) {
  Context& context = *static_cast<Context*>(data);
  const EVP_MD* digest = context.digests.at(0);
  if (std::string_view(capability) != "TLS-GROUP" || digest == nullptr) return 0;
  Forward to{callback, argument};
  return OSSL_PROVIDER_get_capabilities(EVP_MD_get0_provider(digest), capability, forward_ec, &to);
}

}  // namespace

int start(std::unique_ptr<Context> context, const OSSL_DISPATCH** out, void** provider_context) {
  static const OSSL_DISPATCH dispatch[] = {
      entry(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
      entry(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, gettable_params),
      entry(OSSL_FUNC_PROVIDER_GET_PARAMS, get_params),
      entry(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, reasons),
      entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
      entry(OSSL_FUNC_PROVIDER_GET_CAPABILITIES, capabilities),
      {0, nullptr}};
  *out = dispatch;
  *provider_context = context.release();
  return 1;
}

}  // namespace ringfence::hsm::provider
