#include "core/net/tls_peer.h"

#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <openssl/ssl.h>

#include "core/base/error.h"
#include "core/crypto/handles.h"
#include "core/net/tls.h"

namespace ringfence::core {
namespace {

using Check = std::shared_ptr<const PeerCheck>;

constexpr long kMostPeerBytes = 32 * 1024;
constexpr int kMostPeerCertificates = 8;

template <typename T>
void free_data(void* /*parent*/, void* data, CRYPTO_EX_DATA* /*all*/, int /*index*/, long /*argl*/,
               void* /*argp*/) {
  delete static_cast<T*>(data);
}

/// check_index and refusal_index name the places of a Check in an SSL_CTX, and of the text of a
/// refusal in an SSL; OpenSSL frees them with these.
int check_index() {
  static const int kIndex =
      SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data<Check>);
  return kIndex;
}

int refusal_index() {
  static const int kIndex =
      SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data<std::string>);
  return kIndex;
}

std::optional<PeerRefusal> judged(const PeerCheck& check, X509_STORE_CTX& shown) {
  const STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(&shown);  // the peer's own first
  const int count = sk_X509_num(sent);
  if (count > kMostPeerCertificates)
    return PeerRefusal{X509_V_ERR_CERT_CHAIN_TOO_LONG, "it came with too many certificates"};
  std::vector<X509*> below;
  for (int i = 1; i < count; ++i) below.push_back(sk_X509_value(sent, i));
  return check.refusal(*X509_STORE_CTX_get0_cert(&shown), below);
}

/// verify stands in the place of OpenSSL's own verification. What it throws refuses the peer.
int verify(X509_STORE_CTX* shown, void* /*argument*/) noexcept {
  auto* const tls =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(shown, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* const check =
      static_cast<const Check*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(tls), check_index()));
  try {
    std::optional<PeerRefusal> refusal = judged(**check, *shown);
    if (!refusal) {
      X509_STORE_CTX_set_error(shown, X509_V_OK);
      return 1;
    }
    X509_STORE_CTX_set_error(shown, refusal->error);
    auto why = std::make_unique<std::string>(std::move(refusal->why));
    if (SSL_set_ex_data(tls, refusal_index(), why.get()) == 1) static_cast<void>(why.release());
  } catch (...) {
    X509_STORE_CTX_set_error(shown, X509_V_ERR_UNSPECIFIED);
  }
  return 0;
}

}  // namespace

void judge_peers(SSL_CTX& context, const PeerPolicy& policy) {
  if (policy.certificate == PeerPolicy::Certificate::none) return;
  if (!policy.check) throw Error(Code::internal, "nobody judges the certificates of TLS clients");
  auto check = std::make_unique<Check>(policy.check);
  ensure(SSL_CTX_set_ex_data(&context, check_index(), check.get()) == 1, "SSL_CTX_set_ex_data");
  static_cast<void>(check.release());
  int mode = SSL_VERIFY_PEER;
  if (policy.certificate == PeerPolicy::Certificate::demand)
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(&context, mode, nullptr);
  SSL_CTX_set_cert_verify_callback(&context, verify, nullptr);
  SSL_CTX_set_max_cert_list(&context, kMostPeerBytes);
}

const std::string* peer_refusal(const SSL& tls) noexcept {
  return static_cast<const std::string*>(SSL_get_ex_data(&tls, refusal_index()));
}

}  // namespace ringfence::core
