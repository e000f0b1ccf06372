#include "core/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/x509.h"
#include "core/net/tls_peer.h"

namespace ringfence::core {
namespace {

using SslCtx = Handle<SSL_CTX, SSL_CTX_free>;

/// in_context reads a certificate in the key's library context: OpenSSL compares a certificate's
/// key with a provider's only there.
X509Cert in_context(BytesView der, OSSL_LIB_CTX* context) {
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

/// present adds an identity to those among which OpenSSL chooses by what the peer can.
void present(SSL_CTX& context, const Token& token, const TlsIdentity& identity) {
  const X509Cert certificate = in_context(identity.certificate, token.context());
  const EvpPkey key = token.key(identity.key);
  constexpr int kReplace = 1;
  ensure(SSL_CTX_use_cert_and_key(&context, certificate.get(), key.get(), nullptr, kReplace) == 1,
         "SSL_CTX_use_cert_and_key");
  for (const Bytes& der : identity.chain) {
    const X509Cert above = parse_certificate(der);
    if (SSL_CTX_add1_chain_cert(&context, above.get()) == 1) continue;
    const unsigned long reason = ERR_peek_error();
    log(Level::warning, "TLS_CHAIN_CUT",
        {{"of", subject_of(*certificate)},
         {"left_out", subject_of(*above)},
         {"why", reason == 0 ? "" : ERR_reason_error_string(reason)}});
    ERR_clear_error();
    break;
  }
}

}  // namespace

std::shared_ptr<asio::ssl::context> make_tls_server(const Token& token, const TlsServerSpec& spec) {
  SslCtx context(
      ensure(SSL_CTX_new_ex(token.context(), nullptr, TLS_server_method()), "SSL_CTX_new_ex"));
  choose_versions(*context, spec.versions);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // Without the second one OpenSSL looks for a chain anew in each handshake.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  for (const TlsIdentity& identity : spec.identities) present(*context, token, identity);
  judge_peers(*context, spec.peers);
  return std::make_shared<asio::ssl::context>(context.release());
}

}  // namespace ringfence::core
