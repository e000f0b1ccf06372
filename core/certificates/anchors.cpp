#include "core/certificates/anchors.h"

#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

using StoreContext = Handle<X509_STORE_CTX, X509_STORE_CTX_free>;

/// kMostCas is how many certificates may stand between one and its anchor.
constexpr int kMostCas = 8;

void free_borrowed(STACK_OF(X509) * certificates) {
  sk_X509_free(certificates);
}

using Borrowed = Handle<STACK_OF(X509), free_borrowed>;

}  // namespace

Anchors::Anchors(std::string store)
    : store_(std::move(store)), verified_(ensure(X509_STORE_new(), "X509_STORE_new")) {}

Anchors::Anchors(std::string store, std::span<const Bytes> certificates)
    : Anchors(std::move(store)) {
  for (const Bytes& der : certificates) trust(der, Purpose::ca);
}

void Anchors::trust(BytesView der, Purpose purpose) {
  const X509Cert certificate = parse_certificate(der);
  ensure(X509_STORE_add_cert(verified_.get(), certificate.get()) == 1, "X509_STORE_add_cert");
  purposes_[{der.begin(), der.end()}] = purpose;
}

void Anchors::own(BytesView der) {
  trust(der, Purpose::capf);
  own_.assign(der.begin(), der.end());
}

Anchors::Path Anchors::path_of(X509& certificate, Up up, Time now,
                               std::span<X509* const> below) const {
  const Borrowed untrusted(ensure(sk_X509_new_null(), "sk_X509_new_null"));
  for (X509* one : below) ensure(sk_X509_push(untrusted.get(), one) > 0, "sk_X509_push");
  const StoreContext context(ensure(X509_STORE_CTX_new(), "X509_STORE_CTX_new"));
  ensure(X509_STORE_CTX_init(context.get(), verified_.get(), &certificate, untrusted.get()) == 1,
         "X509_STORE_CTX_init");
  X509_VERIFY_PARAM* how = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(how, static_cast<std::time_t>(to_seconds(now)));
  X509_VERIFY_PARAM_set_purpose(how, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_depth(how, kMostCas);
  if (up == Up::to_any) X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_PARTIAL_CHAIN);
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  Path path;
  if (!good) {
    const int error = X509_STORE_CTX_get_error(context.get());
    path.error = error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
    X509* const at = X509_STORE_CTX_get_current_cert(context.get());
    if (at != nullptr) path.at = share(at);
    return path;
  }
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 1; i < sk_X509_num(chain); ++i)
    path.issuers.push_back(share(sk_X509_value(chain, i)));
  return path;
}

std::vector<X509Cert> Anchors::chain_of(const X509& certificate, Up up, Time now,
                                        std::span<const X509Cert> below) const {
  std::vector<X509*> further;
  for (const X509Cert& one : below) further.push_back(one.get());
  Path path = path_of(const_cast<X509&>(certificate), up, now, further);  // OpenSSL caches in it
  if (path.error != X509_V_OK) throw Error(Code::refused, why_not(path));
  return std::move(path.issuers);
}

std::string Anchors::why_not(const Path& path) const {
  const X509* at = path.at.get();
  const std::string which = at == nullptr ? "a certificate" : subject_of(*at);
  switch (path.error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      if (at == nullptr) break;
      return fmt::format(
          "the certificate of the issuer {} is not in {}; import it first with 'set cert import "
          "trust {}'",
          issuer_of(*at), store_, store_.substr(0, store_.rfind("-trust")));
    case X509_V_ERR_CERT_HAS_EXPIRED:
      if (at != nullptr) return fmt::format("{} expired at {}", which, to_iso(not_after_of(*at)));
      break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      if (at != nullptr)
        return fmt::format("{} is not valid before {}", which, to_iso(not_before_of(*at)));
      break;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return fmt::format(
          "the signature on {} is not that of the issuer in {} with the same name; a CA that was "
          "renewed with a new key has to be imported anew",
          which, store_);
    case X509_V_ERR_INVALID_CA:
      return fmt::format("{} is no CA, so what it issued is worth nothing", which);
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return fmt::format("the path length of {} does not allow the CAs below it", which);
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return fmt::format("more than {} CAs stand above it", kMostCas);
    case X509_V_ERR_INVALID_PURPOSE:
      return fmt::format("the extended key usage of {} does not allow TLS clients", which);
    default: break;
  }
  return fmt::format("{}: {}", which, X509_verify_cert_error_string(path.error));
}

std::optional<Anchors::Issuer> Anchors::issuer_in(const Path& path) const {
  for (const X509Cert& one : path.issuers) {
    const Bytes der = to_der(*one);
    const auto entry = purposes_.find(der);
    if (entry != purposes_.end()) return Issuer{entry->second, der == own_, subject_of(*one)};
  }
  return std::nullopt;
}

}  // namespace ringfence::core
