#include "core/net/tls.h"

#include <openssl/ssl.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

using SslCtx = Handle<SSL_CTX, SSL_CTX_free>;

/// in_context reads `certificate` again in the key's library context: OpenSSL compares a
/// certificate's key with a provider's only there.
X509Cert in_context(const X509& certificate, OSSL_LIB_CTX* context) {
  const Bytes der = to_der(certificate);
  X509* copy = ensure(X509_new_ex(context, nullptr), "X509_new_ex");
  const unsigned char* at = der.data();
  X509* read = d2i_X509(&copy, &at, static_cast<long>(der.size()));
  if (read == nullptr) throw_openssl("d2i_X509");  // which freed the copy
  return X509Cert(read);
}

/// choose_versions allows forward secrecy only: a token key signs, it does not decrypt.
void choose_versions(SSL_CTX& context, TlsVersions versions) {
  const char* ciphers = "HIGH:!aNULL:!kRSA:!PSK:!SRP:@SECLEVEL=1";
  int least = TLS1_2_VERSION;
  int most = 0;
  if (versions == TlsVersions::from_1_0) {
    ciphers = "HIGH:!aNULL:!kRSA:!PSK:!SRP:@SECLEVEL=0";
    least = TLS1_VERSION;
    most = TLS1_2_VERSION;
    ensure(SSL_CTX_set_dh_auto(&context, 1) == 1, "SSL_CTX_set_dh_auto");
    // The remedy against BEAST, an attack on browsers, would send each message in two records.
    SSL_CTX_set_options(&context, SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS);
  }
  ensure(SSL_CTX_set_min_proto_version(&context, least) == 1 &&
             SSL_CTX_set_max_proto_version(&context, most) == 1,
         "SSL_CTX_set_min_proto_version");
  ensure(SSL_CTX_set_cipher_list(&context, ciphers) == 1, "SSL_CTX_set_cipher_list");
}

}  // namespace

std::shared_ptr<asio::ssl::context> make_tls_server(const Token& token,
                                                    const std::vector<TlsIdentity>& identities,
                                                    TlsVersions versions) {
  SslCtx context(
      ensure(SSL_CTX_new_ex(token.context(), nullptr, TLS_server_method()), "SSL_CTX_new_ex"));
  choose_versions(*context, versions);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  for (const TlsIdentity& identity : identities) {
    const X509Cert certificate = in_context(*identity.certificate, token.context());
    const EvpPkey key = token.key(identity.key);
    ensure(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1,
           "SSL_CTX_use_certificate");
    ensure(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1, "SSL_CTX_use_PrivateKey");
  }
  return std::make_shared<asio::ssl::context>(context.release());
}

}  // namespace ringfence::core
