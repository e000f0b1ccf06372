// Owners of OpenSSL objects, and checks that turn its failures into Error.
#pragma once

#include <memory>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/base/bytes.h"

namespace ringfence::core {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

template <typename T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

using Bio = Handle<BIO, BIO_free_all>;
using EvpMdCtx = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using EvpPkey = Handle<EVP_PKEY, EVP_PKEY_free>;
using EvpPkeyCtx = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using X509Cert = Handle<X509, X509_free>;
using X509NameHandle = Handle<X509_NAME, X509_NAME_free>;

/// throw_openssl drains OpenSSL's error queue into an Error whose text starts with `call`: with
/// the signer's code when a token key's operation failed there, else `internal`.
[[noreturn]] void throw_openssl(std::string_view call);

/// ensure returns `pointer`, or throws as throw_openssl does when it is null.
template <typename T>
T* ensure(T* pointer, std::string_view call) {
  if (pointer == nullptr) throw_openssl(call);
  return pointer;
}

/// ensure throws as throw_openssl does unless `ok`.
inline void ensure(bool ok, std::string_view call) {
  if (!ok) throw_openssl(call);
}

/// share returns a second owner of the same object.
X509Cert share(X509* certificate);
EvpPkey share(EVP_PKEY* key);

}  // namespace ringfence::core
