#include "hsm/provider/delegated.h"

namespace ringfence::hsm::provider {
namespace {

constexpr char kDefault[] = "provider=default";

Error not_begun() {
  return {Kind::request, "OpenSSL does not begin this operation with this key"};
}

}  // namespace

Delegated::Delegated(const Key& key, Direction direction, const OSSL_PARAM params[])
    : direction_(direction),
      operation_(
          EVP_PKEY_CTX_new_from_pkey(key.context->library.get(), key.inner.get(), kDefault)) {
  int done = 0;
  if (operation_ != nullptr) {
    switch (direction) {
      case Direction::sign: done = EVP_PKEY_sign_init_ex(operation_, params); break;
      case Direction::verify: done = EVP_PKEY_verify_init_ex(operation_, params); break;
      case Direction::recover: done = EVP_PKEY_verify_recover_init_ex(operation_, params); break;
    }
  }
  if (done == 1) return;
  EVP_PKEY_CTX_free(operation_);
  throw not_begun();
}

Delegated::Delegated(const Key& key, Direction direction, const char* digest,
                     const OSSL_PARAM params[])
    : direction_(direction), digest_(EVP_MD_CTX_new()) {
  const auto begin = direction == Direction::sign ? EVP_DigestSignInit_ex : EVP_DigestVerifyInit_ex;
  const char* name = *digest != 0 ? digest : nullptr;
  if (digest_ != nullptr && begin(digest_, &operation_, name, key.context->library.get(), kDefault,
                                  key.inner.get(), params) == 1)
    return;
  EVP_MD_CTX_free(digest_);
  throw not_begun();
}

Delegated::Delegated(const Delegated& other) : direction_(other.direction_) {
  if (other.digest_ == nullptr) {
    operation_ = EVP_PKEY_CTX_dup(other.operation_);
  } else {
    digest_ = EVP_MD_CTX_new();
    if (digest_ != nullptr && EVP_MD_CTX_copy_ex(digest_, other.digest_) == 1)
      operation_ = EVP_MD_CTX_get_pkey_ctx(digest_);
  }
  if (operation_ != nullptr) return;
  EVP_MD_CTX_free(digest_);
  throw not_begun();
}

Delegated::~Delegated() {
  if (digest_ == nullptr) EVP_PKEY_CTX_free(operation_);
  EVP_MD_CTX_free(digest_);
}

int Delegated::sign(unsigned char* out, std::size_t* size, std::size_t room, BytesView input) {
  *size = room;
  return EVP_PKEY_sign(operation_, out, size, input.data(), input.size());
}

int Delegated::verify(BytesView signature, BytesView input) {
  return EVP_PKEY_verify(operation_, signature.data(), signature.size(), input.data(),
                         input.size());
}

int Delegated::recover(unsigned char* out, std::size_t* size, std::size_t room,
                       BytesView signature) {
  *size = room;
  return EVP_PKEY_verify_recover(operation_, out, size, signature.data(), signature.size());
}

int Delegated::update(BytesView data) {
  return direction_ == Direction::sign ? EVP_DigestSignUpdate(digest_, data.data(), data.size())
                                       : EVP_DigestVerifyUpdate(digest_, data.data(), data.size());
}

int Delegated::sign_final(unsigned char* out, std::size_t* size, std::size_t room) {
  *size = room;
  return EVP_DigestSignFinal(digest_, out, size);
}

int Delegated::verify_final(BytesView signature) {
  return EVP_DigestVerifyFinal(digest_, signature.data(), signature.size());
}

int Delegated::get_params(OSSL_PARAM params[]) {
  return EVP_PKEY_CTX_get_params(operation_, params);
}

int Delegated::set_params(const OSSL_PARAM params[]) {
  return EVP_PKEY_CTX_set_params(operation_, params);
}

}  // namespace ringfence::hsm::provider
