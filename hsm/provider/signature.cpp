// SIGNATURE: digests are made here, private operations in the token, public ones by OpenSSL.
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/provider/key.h"

namespace ringfence::hsm::provider {
namespace {

struct FreeMdCtx {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

using MdCtx = std::unique_ptr<EVP_MD_CTX, FreeMdCtx>;
using PkeyCtx = std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)>;

/// State is one signing or verifying conversation.
struct State {
  Context* context = nullptr;
  KeyAlgorithm algorithm = KeyAlgorithm::rsa;
  const Key* key = nullptr;  ///< OpenSSL keeps it as long as this context
  std::optional<std::size_t> md;
  std::optional<std::size_t> mgf_md;
  int padding = RSA_PKCS1_PADDING;
  int salt = RSA_PSS_SALTLEN_AUTO;
  MdCtx digest;
};

State& state(void* data) {
  return *static_cast<State*>(data);
}

template <KeyAlgorithm Algorithm>
void* make(void* context, const char*) {
  State* made = new (std::nothrow) State;
  if (made == nullptr) return nullptr;
  made->context = static_cast<Context*>(context);
  made->algorithm = Algorithm;
  return made;
}

void destroy(void* data) {
  delete static_cast<State*>(data);
}

void* duplicate(void* data) {
  const State& from = state(data);
  State* made = nullptr;
  guarded([&] {
    auto copy = std::make_unique<State>();
    copy->context = from.context;
    copy->algorithm = from.algorithm;
    copy->key = from.key;
    copy->md = from.md;
    copy->mgf_md = from.mgf_md;
    copy->padding = from.padding;
    copy->salt = from.salt;
    if (from.digest) {
      copy->digest.reset(EVP_MD_CTX_new());
      if (!copy->digest || EVP_MD_CTX_copy_ex(copy->digest.get(), from.digest.get()) != 1)
        return false;
    }
    made = copy.release();
    return true;
  });
  return made;
}

std::size_t digest_named(std::string_view name) {
  const std::optional<std::size_t> index = MdCache::index_of(name);
  if (!index) throw Error(Kind::request, "the digest is none that the signer knows");
  return *index;
}

/// Parameters come as text or as numbers; both forms are in use.
int padding_of(const OSSL_PARAM& param) {
  int padding = 0;
  if (param.data_type != OSSL_PARAM_UTF8_STRING) {
    if (OSSL_PARAM_get_int(&param, &padding) != 1) padding = 0;
  } else {
    const std::string_view name(static_cast<const char*>(param.data));
    if (name == OSSL_PKEY_RSA_PAD_MODE_PKCSV15) padding = RSA_PKCS1_PADDING;
    if (name == OSSL_PKEY_RSA_PAD_MODE_PSS) padding = RSA_PKCS1_PSS_PADDING;
  }
  if (padding != RSA_PKCS1_PADDING && padding != RSA_PKCS1_PSS_PADDING)
    throw Error(Kind::request, "the token signs with PKCS#1 v1.5 or PSS padding only");
  return padding;
}

int salt_of(const OSSL_PARAM& param) {
  int salt = 0;
  if (param.data_type != OSSL_PARAM_UTF8_STRING) {
    if (OSSL_PARAM_get_int(&param, &salt) != 1 || salt < RSA_PSS_SALTLEN_MAX)
      throw Error(Kind::request, "the PSS salt length is out of range");
    return salt;
  }
  const std::string name(static_cast<const char*>(param.data));
  if (name == OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) return RSA_PSS_SALTLEN_DIGEST;
  if (name == OSSL_PKEY_RSA_PSS_SALT_LEN_MAX) return RSA_PSS_SALTLEN_MAX;
  if (name == OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO) return RSA_PSS_SALTLEN_AUTO;
  return std::stoi(name);
}

void apply(State& self, const OSSL_PARAM params[]) {
  if (params == nullptr) return;
  const OSSL_PARAM* param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
  if (param != nullptr) self.md = digest_named(static_cast<const char*>(param->data));
  if (self.algorithm != KeyAlgorithm::rsa) return;
  param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
  if (param != nullptr) self.padding = padding_of(*param);
  param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
  if (param != nullptr) self.salt = salt_of(*param);
  param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
  if (param != nullptr) self.mgf_md = digest_named(static_cast<const char*>(param->data));
}

enum class Needs { public_half, private_half };

template <Needs Half>
int begin(void* data, void* key, const OSSL_PARAM params[]) {
  return guarded([&] {
    State& self = state(data);
    if (key != nullptr) self.key = static_cast<const Key*>(key);
    if (self.key == nullptr || !self.key->public_key)
      throw Error(Kind::request, "no key was given");
    if (Half == Needs::private_half && !self.key->ref)
      throw Error(Kind::request, "the key has no private half in the token");
    apply(self, params);
    return true;
  });
}

template <Needs Half>
int digest_begin(void* data, const char* digest, void* key, const OSSL_PARAM params[]) {
  return guarded([&] {
    State& self = state(data);
    self.md = digest_named(digest != nullptr && *digest != 0 ? digest : "SHA256");
    if (begin<Half>(data, key, params) != 1) return false;
    EVP_MD* md = self.context->mds.at(*self.md);
    self.digest.reset(EVP_MD_CTX_new());
    return md != nullptr && self.digest && EVP_DigestInit_ex2(self.digest.get(), md, nullptr) == 1;
  });
}

int digest_update(void* data, const unsigned char* bytes, std::size_t size) {
  return state(data).digest ? EVP_DigestUpdate(state(data).digest.get(), bytes, size) : 0;
}

/// salt_bytes turns OpenSSL's names for salt lengths into a number (RFC 8017 9.1.1).
std::uint16_t salt_bytes(const State& self, Hash hash) {
  if (self.salt >= 0) return static_cast<std::uint16_t>(self.salt);
  if (self.salt == RSA_PSS_SALTLEN_DIGEST) return static_cast<std::uint16_t>(size_of(hash));
  const int encoded_bytes = (EVP_PKEY_get_bits(self.key->public_key.get()) - 1 + 7) / 8;
  return static_cast<std::uint16_t>(encoded_bytes - 2 - static_cast<int>(size_of(hash)));
}

SignRequest request_for(const State& self, BytesView input) {
  SignRequest request;
  request.key = *self.key->ref;
  request.input.assign(input.begin(), input.end());
  request.hash = self.md ? MdCache::hash(*self.md) : Hash::none;
  if (self.algorithm == KeyAlgorithm::ec) {
    request.scheme = Scheme::ecdsa;
  } else if (self.padding == RSA_PKCS1_PSS_PADDING) {
    request.scheme = Scheme::rsa_pss;
    request.mgf_hash = self.mgf_md ? MdCache::hash(*self.mgf_md) : request.hash;
    request.salt_bytes = salt_bytes(self, request.hash);
  } else {
    request.scheme = request.hash == Hash::none ? Scheme::rsa_type1 : Scheme::rsa_pkcs1;
  }
  return request;
}

int sign(void* data, unsigned char* out, std::size_t* size, std::size_t room,
         const unsigned char* input, std::size_t input_size) {
  return guarded([&] {
    const State& self = state(data);
    const auto most = static_cast<std::size_t>(EVP_PKEY_get_size(self.key->public_key.get()));
    if (out == nullptr) {
      *size = most;
      return true;
    }
    const Bytes signature = self.context->client.sign(request_for(self, {input, input_size}));
    if (signature.size() > room) throw Error(Kind::request, "the signature needs more room");
    std::copy(signature.begin(), signature.end(), out);
    *size = signature.size();
    return true;
  });
}

int digest_sign_final(void* data, unsigned char* out, std::size_t* size, std::size_t room) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (!state(data).digest) return 0;
  if (out != nullptr && EVP_DigestFinal_ex(state(data).digest.get(), digest, &digest_size) != 1)
    return 0;
  return sign(data, out, size, room, digest, digest_size);
}

/// public_operation prepares the default provider to do what needs no private key.
PkeyCtx public_operation(const State& self, int (*start)(EVP_PKEY_CTX*)) {
  PkeyCtx context(EVP_PKEY_CTX_new_from_pkey(self.context->library, self.key->public_key.get(),
                                             "provider=default"),
                  EVP_PKEY_CTX_free);
  bool good = context && start(context.get()) == 1;
  if (self.algorithm == KeyAlgorithm::rsa)
    good = good && EVP_PKEY_CTX_set_rsa_padding(context.get(), self.padding) == 1;
  if (self.md)
    good =
        good && EVP_PKEY_CTX_set_signature_md(context.get(), self.context->mds.at(*self.md)) == 1;
  if (self.algorithm == KeyAlgorithm::rsa && self.padding == RSA_PKCS1_PSS_PADDING) {
    good = good && EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), self.salt) == 1;
    if (self.mgf_md)
      good = good &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), self.context->mds.at(*self.mgf_md)) == 1;
  }
  if (!good) context.reset();
  return context;
}

int verify(void* data, const unsigned char* signature, std::size_t signature_size,
           const unsigned char* input, std::size_t input_size) {
  return guarded([&] {
    const PkeyCtx context = public_operation(state(data), EVP_PKEY_verify_init);
    return context &&
           EVP_PKEY_verify(context.get(), signature, signature_size, input, input_size) == 1;
  });
}

int verify_recover(void* data, unsigned char* out, std::size_t* size, std::size_t room,
                   const unsigned char* signature, std::size_t signature_size) {
  return guarded([&] {
    const PkeyCtx context = public_operation(state(data), EVP_PKEY_verify_recover_init);
    *size = room;
    return context &&
           EVP_PKEY_verify_recover(context.get(), out, size, signature, signature_size) == 1;
  });
}

int digest_verify_final(void* data, const unsigned char* signature, std::size_t signature_size) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (!state(data).digest ||
      EVP_DigestFinal_ex(state(data).digest.get(), digest, &digest_size) != 1)
    return 0;
  return verify(data, signature, signature_size, digest, digest_size);
}

struct FreeAlgor {
  void operator()(X509_ALGOR* algorithm) const noexcept { X509_ALGOR_free(algorithm); }
};

using Algor = std::unique_ptr<X509_ALGOR, FreeAlgor>;

/// pss_parameters returns RSASSA-PSS-params (RFC 4055 3.1); OpenSSL takes it over.
ASN1_STRING* pss_parameters(const State& self) {
  const std::size_t hash = *self.md;
  const EVP_MD* md = self.context->mds.at(hash);
  const EVP_MD* mgf = self.context->mds.at(self.mgf_md.value_or(hash));
  const std::unique_ptr<RSA_PSS_PARAMS, void (*)(RSA_PSS_PARAMS*)> params(RSA_PSS_PARAMS_new(),
                                                                          RSA_PSS_PARAMS_free);
  const Algor mgf_hash(X509_ALGOR_new());
  params->hashAlgorithm = X509_ALGOR_new();
  X509_ALGOR_set_md(params->hashAlgorithm, md);
  X509_ALGOR_set_md(mgf_hash.get(), mgf);
  ASN1_STRING* packed = nullptr;
  ASN1_item_pack(mgf_hash.get(), ASN1_ITEM_rptr(X509_ALGOR), &packed);
  params->maskGenAlgorithm = X509_ALGOR_new();
  X509_ALGOR_set0(params->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed);
  params->saltLength = ASN1_INTEGER_new();
  ASN1_INTEGER_set(params->saltLength, salt_bytes(self, MdCache::hash(hash)));
  ASN1_STRING* result = nullptr;
  ASN1_item_pack(params.get(), ASN1_ITEM_rptr(RSA_PSS_PARAMS), &result);
  return result;
}

/// algorithm_id returns the AlgorithmIdentifier that X509_sign writes (RFC 4055, RFC 5758).
Bytes algorithm_id(const State& self) {
  if (!self.md || self.key == nullptr) throw Error(Kind::request, "no digest was chosen");
  const Algor algorithm(X509_ALGOR_new());
  if (self.algorithm == KeyAlgorithm::rsa && self.padding == RSA_PKCS1_PSS_PADDING) {
    X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE,
                    pss_parameters(self));
  } else {
    const bool rsa = self.algorithm == KeyAlgorithm::rsa;
    const int key_nid = rsa ? NID_rsaEncryption : NID_X9_62_id_ecPublicKey;
    const int md_nid = EVP_MD_get_type(self.context->mds.at(*self.md));
    int nid = NID_undef;
    if (OBJ_find_sigid_by_algs(&nid, md_nid, key_nid) != 1)
      throw Error(Kind::request, "no signature algorithm has that digest");
    X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(nid), rsa ? V_ASN1_NULL : V_ASN1_UNDEF, nullptr);
  }
  unsigned char* der = nullptr;
  const int size = i2d_X509_ALGOR(algorithm.get(), &der);
  if (size <= 0) throw Error(Kind::request, "the algorithm identifier cannot be written");
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

bool put_name(OSSL_PARAM& param, const std::optional<std::size_t>& md) {
  return OSSL_PARAM_set_utf8_string(&param, md ? MdCache::name(*md) : "") == 1;
}

bool put_choice(OSSL_PARAM& param, int value, const char* text) {
  return param.data_type == OSSL_PARAM_UTF8_STRING ? OSSL_PARAM_set_utf8_string(&param, text) == 1
                                                   : OSSL_PARAM_set_int(&param, value) == 1;
}

int get_params(void* data, OSSL_PARAM params[]) {
  return guarded([&] {
    const State& self = state(data);
    bool good = true;
    OSSL_PARAM* param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (param != nullptr) {
      const Bytes id = algorithm_id(self);
      good = OSSL_PARAM_set_octet_string(param, id.data(), id.size()) == 1;
    }
    param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (param != nullptr) good = good && put_name(*param, self.md);
    if (self.algorithm != KeyAlgorithm::rsa) return good;
    param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    if (param != nullptr) good = good && put_name(*param, self.mgf_md ? self.mgf_md : self.md);
    param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    const bool pss = self.padding == RSA_PKCS1_PSS_PADDING;
    if (param != nullptr)
      good = good && put_choice(*param, self.padding,
                                pss ? OSSL_PKEY_RSA_PAD_MODE_PSS : OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
    param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (param != nullptr) {
      std::string text = std::to_string(self.salt);
      if (self.salt == RSA_PSS_SALTLEN_DIGEST) text = OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST;
      if (self.salt == RSA_PSS_SALTLEN_MAX) text = OSSL_PKEY_RSA_PSS_SALT_LEN_MAX;
      if (self.salt == RSA_PSS_SALTLEN_AUTO) text = OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO;
      good = good && put_choice(*param, self.salt, text.c_str());
    }
    return good;
  });
}

int set_params(void* data, const OSSL_PARAM params[]) {
  return guarded([&] {
    apply(state(data), params);
    return true;
  });
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* gettable(void*, void*) {
  static const OSSL_PARAM rsa[] = {
      OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
      OSSL_PARAM_END};
  static const OSSL_PARAM ec[] = {
      OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0), OSSL_PARAM_END};
  return Algorithm == KeyAlgorithm::rsa ? rsa : ec;
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* settable(void*, void*) {
  static const OSSL_PARAM rsa[] = {
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0), OSSL_PARAM_END};
  static const OSSL_PARAM ec[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
                                  OSSL_PARAM_END};
  return Algorithm == KeyAlgorithm::rsa ? rsa : ec;
}

template <KeyAlgorithm Algorithm>
const OSSL_DISPATCH* table() {
  constexpr bool kRsa = Algorithm == KeyAlgorithm::rsa;
  static const OSSL_DISPATCH dispatch[] = {
      entry(OSSL_FUNC_SIGNATURE_NEWCTX, make<Algorithm>),
      entry(OSSL_FUNC_SIGNATURE_FREECTX, destroy),
      entry(OSSL_FUNC_SIGNATURE_DUPCTX, duplicate),
      entry(OSSL_FUNC_SIGNATURE_SIGN_INIT, begin<Needs::private_half>),
      entry(OSSL_FUNC_SIGNATURE_SIGN, sign),
      entry(OSSL_FUNC_SIGNATURE_VERIFY_INIT, begin<Needs::public_half>),
      entry(OSSL_FUNC_SIGNATURE_VERIFY, verify),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_begin<Needs::private_half>),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_update),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_sign_final),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digest_begin<Needs::public_half>),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, digest_update),
      entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digest_verify_final),
      entry(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),
      entry(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable<Algorithm>),
      entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
      entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable<Algorithm>),
      // An ECDSA signature recovers nothing: the table ends before these two.
      kRsa ? entry(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, begin<Needs::public_half>)
           : OSSL_DISPATCH{0, nullptr},
      kRsa ? entry(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, verify_recover) : OSSL_DISPATCH{0, nullptr},
      {0, nullptr}};
  return dispatch;
}

}  // namespace

const OSSL_DISPATCH* rsa_signature() {
  return table<KeyAlgorithm::rsa>();
}

const OSSL_DISPATCH* ecdsa_signature() {
  return table<KeyAlgorithm::ec>();
}

}  // namespace ringfence::hsm::provider
