#include "hsm/provider/token_signing.h"

#include <charconv>

#include <openssl/core_names.h>

#include "hsm/provider/algorithm_id.h"

namespace ringfence::hsm::provider {
namespace {

std::size_t digest_named(std::string_view name) {
  const std::optional<std::size_t> index = Digests::index_of(name);
  if (!index) throw Error(Kind::request, "the digest is none that the signer knows");
  return *index;
}

std::string_view text_of(const OSSL_PARAM& param) {
  const char* text = nullptr;
  if (OSSL_PARAM_get_utf8_string_ptr(&param, &text) != 1)
    throw Error(Kind::request, "a parameter that should be text is none");
  return text;
}

/// Parameters come as text or as numbers; both forms are in use.
int padding_of(const OSSL_PARAM& param) {
  int padding = 0;
  if (param.data_type != OSSL_PARAM_UTF8_STRING) {
    if (OSSL_PARAM_get_int(&param, &padding) != 1) padding = 0;
  } else {
    const std::string_view name = text_of(param);
    if (name == OSSL_PKEY_RSA_PAD_MODE_PKCSV15) padding = RSA_PKCS1_PADDING;
    if (name == OSSL_PKEY_RSA_PAD_MODE_PSS) padding = RSA_PKCS1_PSS_PADDING;
  }
  if (padding != RSA_PKCS1_PADDING && padding != RSA_PKCS1_PSS_PADDING)
    throw Error(Kind::request, "the token signs with PKCS#1 v1.5 or PSS padding only");
  return padding;
}

int salt_of(const OSSL_PARAM& param) {
  int salt = RSA_PSS_SALTLEN_MAX - 1;
  if (param.data_type != OSSL_PARAM_UTF8_STRING) {
    if (OSSL_PARAM_get_int(&param, &salt) != 1) salt = RSA_PSS_SALTLEN_MAX - 1;
  } else {
    const std::string_view name = text_of(param);
    if (name == OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) return RSA_PSS_SALTLEN_DIGEST;
    if (name == OSSL_PKEY_RSA_PSS_SALT_LEN_MAX) return RSA_PSS_SALTLEN_MAX;
    if (name == OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO) return RSA_PSS_SALTLEN_AUTO;
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data(), end, salt).ptr != end) salt = RSA_PSS_SALTLEN_MAX - 1;
  }
  if (salt < RSA_PSS_SALTLEN_MAX || salt > 512)
    throw Error(Kind::request, "the PSS salt length is out of range");
  return salt;
}

bool put_name(OSSL_PARAM& param, const std::optional<std::size_t>& digest) {
  return OSSL_PARAM_set_utf8_string(&param, digest ? Digests::name(*digest) : "") == 1;
}

bool put_choice(OSSL_PARAM& param, int value, const char* text) {
  return param.data_type == OSSL_PARAM_UTF8_STRING ? OSSL_PARAM_set_utf8_string(&param, text) == 1
                                                   : OSSL_PARAM_set_int(&param, value) == 1;
}

bool put_salt(OSSL_PARAM& param, int salt) {
  std::string text = std::to_string(salt);
  if (salt == RSA_PSS_SALTLEN_DIGEST) text = OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST;
  if (salt == RSA_PSS_SALTLEN_MAX) text = OSSL_PKEY_RSA_PSS_SALT_LEN_MAX;
  if (salt == RSA_PSS_SALTLEN_AUTO) text = OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO;
  return put_choice(param, salt, text.c_str());
}

}  // namespace

TokenSigning::TokenSigning(const Key& key, const OSSL_PARAM params[]) : key_(key) {
  set_params(params);
}

TokenSigning::TokenSigning(const Key& key, std::string_view digest, const OSSL_PARAM params[])
    : key_(key), digest_(digest_named(digest.empty() ? "SHA256" : digest)) {
  set_params(params);
}

TokenSigning::TokenSigning(const TokenSigning& other)
    : key_(other.key_),
      digest_(other.digest_),
      mgf_digest_(other.mgf_digest_),
      padding_(other.padding_),
      salt_(other.salt_),
      message_(other.message_) {
  if (!other.running_) return;
  running_.reset(EVP_MD_CTX_new());
  if (!running_ || EVP_MD_CTX_copy_ex(running_.get(), other.running_.get()) != 1)
    throw Error(Kind::unavailable, "OpenSSL does not copy the digest");
}

std::uint16_t TokenSigning::salt_bytes(Hash hash) const {
  // OpenSSL's names for salt lengths (RFC 8017 9.1.1).
  if (salt_ >= 0) return static_cast<std::uint16_t>(salt_);
  if (salt_ == RSA_PSS_SALTLEN_DIGEST) return static_cast<std::uint16_t>(size_of(hash));
  const int encoded_bytes = (EVP_PKEY_get_bits(key_.inner.get()) - 1 + 7) / 8;
  return static_cast<std::uint16_t>(encoded_bytes - 2 - static_cast<int>(size_of(hash)));
}

SignRequest TokenSigning::prepared() const {
  SignRequest request;
  request.key = *key_.ref;
  request.hash = digest_ ? Digests::hash(*digest_) : Hash::none;
  if (key_.algorithm == KeyAlgorithm::ec) {
    request.scheme = Scheme::ecdsa;
  } else if (pss()) {
    request.scheme = Scheme::rsa_pss;
    request.mgf_hash = mgf_digest_ ? Digests::hash(*mgf_digest_) : request.hash;
    request.salt_bytes = salt_bytes(request.hash);
  } else {
    request.scheme = request.hash == Hash::none ? Scheme::rsa_type1 : Scheme::rsa_pkcs1;
  }
  return request;
}

bool TokenSigning::make(unsigned char* out, std::size_t* size, std::size_t room,
                        const SignRequest& request) const {
  const Bytes signature = key_.context->signer->client().sign(request);
  if (signature.size() > room) throw Error(Kind::request, "the signature needs more room");
  std::copy(signature.begin(), signature.end(), out);
  *size = signature.size();
  return true;
}

bool TokenSigning::sign(unsigned char* out, std::size_t* size, std::size_t room,
                        BytesView input) const {
  if (out == nullptr) {
    *size = key_.signature_bytes;
    return true;
  }
  SignRequest request = prepared();
  request.input.assign(input.begin(), input.end());
  return make(out, size, room, request);
}

bool TokenSigning::sign_message(unsigned char* out, std::size_t* size, std::size_t room,
                                BytesView message) const {
  SignRequest request = prepared();
  request.message.assign(message.begin(), message.end());
  return make(out, size, room, request);
}

bool TokenSigning::digest_sign(unsigned char* out, std::size_t* size, std::size_t room,
                               BytesView data) {
  if (out == nullptr) return sign(nullptr, size, room, {});
  const bool whole = message_.empty() && !running_ && !data.empty();
  if (whole && data.size() <= wire::kMaxMessage) return sign_message(out, size, room, data);
  return update(data) && sign_final(out, size, room);
}

bool TokenSigning::begin_digest() {
  running_.reset(EVP_MD_CTX_new());
  const EVP_MD* digest = key_.context->digests.at(*digest_);
  return running_ && EVP_DigestInit_ex2(running_.get(), digest, nullptr) == 1 &&
         EVP_DigestUpdate(running_.get(), message_.data(), message_.size()) == 1;
}

bool TokenSigning::update(BytesView data) {
  if (!running_ && message_.size() + data.size() <= wire::kMaxMessage) {
    message_.insert(message_.end(), data.begin(), data.end());
    return true;
  }
  if (!running_ && !begin_digest()) return false;
  return EVP_DigestUpdate(running_.get(), data.data(), data.size()) == 1;
}

bool TokenSigning::sign_final(unsigned char* out, std::size_t* size, std::size_t room) {
  if (out == nullptr) return sign(nullptr, size, room, {});
  if (!running_ && !message_.empty()) return sign_message(out, size, room, message_);
  if (!running_ && !begin_digest()) return false;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (EVP_DigestFinal_ex(running_.get(), digest, &digest_size) != 1) return false;
  return sign(out, size, room, {digest, digest_size});
}

bool TokenSigning::put_algorithm_id(OSSL_PARAM& param) const {
  const Hash hash = digest_ ? Digests::hash(*digest_) : Hash::none;
  const Bytes id = [&] {
    if (key_.algorithm == KeyAlgorithm::ec) return ecdsa_id(hash);
    if (!pss()) return rsa_pkcs1_id(hash);
    return rsa_pss_id(hash, mgf_digest_ ? Digests::hash(*mgf_digest_) : hash, salt_bytes(hash));
  }();
  return OSSL_PARAM_set_octet_string(&param, id.data(), id.size()) == 1;
}

bool TokenSigning::get_params(OSSL_PARAM params[]) const {
  bool good = true;
  OSSL_PARAM* param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
  if (param != nullptr) good = put_algorithm_id(*param);
  param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
  if (param != nullptr) good = good && put_name(*param, digest_);
  if (key_.algorithm != KeyAlgorithm::rsa) return good;
  param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
  if (param != nullptr) good = good && put_name(*param, mgf_digest_ ? mgf_digest_ : digest_);
  param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
  if (param != nullptr)
    good = good && put_choice(*param, padding_,
                              pss() ? OSSL_PKEY_RSA_PAD_MODE_PSS : OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
  param = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
  if (param != nullptr) good = good && put_salt(*param, salt_);
  return good;
}

void TokenSigning::set_params(const OSSL_PARAM params[]) {
  if (params == nullptr || params->key == nullptr) return;
  const OSSL_PARAM* param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
  if (param != nullptr) digest_ = digest_named(text_of(*param));
  if (key_.algorithm != KeyAlgorithm::rsa) return;
  param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
  if (param != nullptr) padding_ = padding_of(*param);
  param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
  if (param != nullptr) salt_ = salt_of(*param);
  param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
  if (param != nullptr) mgf_digest_ = digest_named(text_of(*param));
}

}  // namespace ringfence::hsm::provider
