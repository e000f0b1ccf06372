#include "core/certificates/request.h"

#include <limits>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "core/base/error.h"
#include "core/certificates/profile.h"

namespace ringfence::core {
namespace {

using EvpMd = Handle<EVP_MD, EVP_MD_free>;

void free_extensions(STACK_OF(X509_EXTENSION) * extensions) {
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

using Extensions = Handle<STACK_OF(X509_EXTENSION), free_extensions>;

void add(STACK_OF(X509_EXTENSION) & extensions, Extension extension) {
  ensure(sk_X509_EXTENSION_push(&extensions, extension.get()) > 0, "sk_X509_EXTENSION_push");
  static_cast<void>(extension.release());
}

/// signed_by signs the request and returns it free of the token's library context.
X509Request signed_by(X509_REQ& request, EVP_PKEY& key, OSSL_LIB_CTX* context) {
  const EvpMd md(ensure(EVP_MD_fetch(context, digest_for(key), nullptr), "EVP_MD_fetch"));
  ensure(X509_REQ_sign(&request, &key, md.get()) > 0, "X509_REQ_sign");
  return parse_request(to_der(request));
}

/// make puts together and signs; `subject_key` is whose certificate is asked for.
X509Request make(const X509_NAME& subject, EVP_PKEY& subject_key,
                 const std::vector<Extension>& asked, EVP_PKEY& signer, OSSL_LIB_CTX* context) {
  const X509Request request(ensure(X509_REQ_new_ex(context, nullptr), "X509_REQ_new_ex"));
  ensure(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1, "X509_REQ_set_version");
  ensure(X509_REQ_set_subject_name(request.get(), &subject) == 1, "X509_REQ_set_subject_name");
  ensure(X509_REQ_set_pubkey(request.get(), &subject_key) == 1, "X509_REQ_set_pubkey");
  const Extensions extensions(ensure(sk_X509_EXTENSION_new_null(), "sk_X509_EXTENSION_new_null"));
  for (const Extension& one : asked)
    add(*extensions, Extension(ensure(X509_EXTENSION_dup(one.get()), "X509_EXTENSION_dup")));
  ensure(X509_REQ_add_extensions(request.get(), extensions.get()) == 1, "X509_REQ_add_extensions");
  return signed_by(*request, signer, context);
}

}  // namespace

X509Request make_unit_request(Unit unit, const Node& node, EVP_PKEY& key, OSSL_LIB_CTX* context) {
  if (node.host.empty()) throw Error(Code::malformed, "a node's certificate needs a host name");
  std::vector<Extension> extensions = unit_extensions(unit);
  if (names_host(unit)) extensions.push_back(dns_name_extension(node.host));
  X509Request request = make(*unit_name(unit, node), key, extensions, key, context);
  EVP_PKEY* own = X509_REQ_get0_pubkey(request.get());
  if (own == nullptr || X509_REQ_verify(request.get(), own) != 1) {
    ERR_clear_error();
    throw Error(Code::internal, "the token did not sign the request with the request's own key");
  }
  return request;
}

X509Request make_phone_request(const LscRequest& request, const X509& capf_certificate,
                               EVP_PKEY& capf_key, OSSL_LIB_CTX* context) {
  const EvpPkey phone_key = parse_phone_key(request.spki);
  return make(*lsc_name(request, capf_certificate), *phone_key, lsc_extensions(), capf_key,
              context);
}

X509Request parse_request(BytesView der) {
  if (der.size() > static_cast<std::size_t>(std::numeric_limits<long>::max()))
    throw Error(Code::malformed, "the certificate request is too long");
  const unsigned char* at = der.data();
  X509Request request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!request || at != der.data() + der.size())
    throw Error(Code::malformed, "the bytes are not a DER certificate request");
  return request;
}

Bytes to_der(const X509_REQ& request) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_REQ(&request, &der);
  ensure(length > 0, "i2d_X509_REQ");
  Bytes bytes(der, der + length);
  OPENSSL_free(der);
  return bytes;
}

std::string to_pem(const X509_REQ& request) {
  const Bio bio(ensure(BIO_new(BIO_s_mem()), "BIO_new"));
  ensure(PEM_write_bio_X509_REQ(bio.get(), &request) == 1, "PEM_write_bio_X509_REQ");
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(length)};
}

std::string subject_of(const X509_REQ& request, NameForm form) {
  return name_text(*X509_REQ_get_subject_name(&request), form);
}

Bytes spki_of(const X509_REQ& request) {
  X509_REQ* readable = const_cast<X509_REQ*>(&request);  // the call changes nothing
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(readable), &der);
  ensure(length > 0, "i2d_X509_PUBKEY");
  Bytes bytes(der, der + length);
  OPENSSL_free(der);
  return bytes;
}

}  // namespace ringfence::core
