#include "core/certificates/verify.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "core/base/device_name.h"
#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

using StoreContext = Handle<X509_STORE_CTX, X509_STORE_CTX_free>;

void free_borrowed(STACK_OF(X509) * certificates) {
  sk_X509_free(certificates);
}

using Borrowed = Handle<STACK_OF(X509), free_borrowed>;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Code::refused, what);
}

bool has_usage(const X509& certificate, std::uint32_t usage) {
  // The getters cache what they parse in the certificate, hence want it mutable. An absent key
  // usage allows everything, and reads as all ones.
  return (X509_get_key_usage(const_cast<X509*>(&certificate)) & usage) != 0;
}

bool states_usage(const X509& certificate) {
  return X509_get_ext_by_NID(&certificate, NID_key_usage, -1) >= 0;
}

void check_dates(const X509& certificate, Time now) {
  if (now < not_before_of(certificate))
    refuse(
        fmt::format("the certificate is not valid before {}, and it is {} now; compare the "
                    "clocks of this node and of the CA",
                    to_iso(not_before_of(certificate)), to_iso(now)));
  if (now > not_after_of(certificate))
    refuse(fmt::format("the certificate expired at {}", to_iso(not_after_of(certificate))));
}

/// missing_issuer is the sentence for a chain that ends too early, at `last`.
std::string missing_issuer(const X509& last, const std::string& store) {
  return fmt::format(
      "the certificate of the issuer {} is not in {}; import it first with 'set cert import trust "
      "{}'",
      issuer_of(last), store, store.substr(0, store.rfind("-trust")));
}

std::string why_not(int error, const X509* at, const std::string& store) {
  const std::string which = at == nullptr ? "a certificate" : subject_of(*at);
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      if (at != nullptr) return missing_issuer(*at, store);
      break;
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
          which, store);
    case X509_V_ERR_INVALID_CA:
      return fmt::format("{} is no CA, so what it issued is worth nothing", which);
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return fmt::format("the path length of {} does not allow the CAs below it", which);
    case X509_V_ERR_INVALID_PURPOSE:
      return fmt::format("the extended key usage of {} does not allow TLS clients", which);
    default: break;
  }
  return fmt::format("{}: {}", which, X509_verify_cert_error_string(error));
}

/// check_path_lengths counts the CAs between each issuer and an LSC: CAPF, and those above it.
void check_path_lengths(const std::vector<X509Cert>& issuers) {
  long below = 1;
  for (const X509Cert& issuer : issuers) {
    const long most = X509_get_pathlen(issuer.get());
    if (most >= 0 && most < below)
      refuse(
          fmt::format("the path length of {} is {}, but {} below it up to a phone's "
                      "certificate; LSCs would be refused",
                      subject_of(*issuer), most,
                      below == 1 ? "CAPF stands" : fmt::format("{} CAs with CAPF stand", below)));
    if ((X509_get_extension_flags(issuer.get()) & EXFLAG_SI) == 0) ++below;
  }
}

}  // namespace

void Anchors::FreeStore::operator()(X509_STORE* store) const noexcept {
  X509_STORE_free(store);
}

Anchors::Anchors(std::string store, std::span<const Bytes> certificates)
    : name_(std::move(store)), store_(ensure(X509_STORE_new(), "X509_STORE_new")) {
  for (const Bytes& der : certificates)
    ensure(X509_STORE_add_cert(store_.get(), parse_certificate(der).get()) == 1,
           "X509_STORE_add_cert");
}

std::vector<X509Cert> Anchors::chain_of(const X509& certificate, Up up, Time now,
                                        std::span<const X509Cert> below) const {
  const Borrowed untrusted(ensure(sk_X509_new_null(), "sk_X509_new_null"));
  for (const X509Cert& one : below)
    ensure(sk_X509_push(untrusted.get(), one.get()) > 0, "sk_X509_push");
  const StoreContext context(ensure(X509_STORE_CTX_new(), "X509_STORE_CTX_new"));
  ensure(X509_STORE_CTX_init(context.get(), store_.get(), const_cast<X509*>(&certificate),
                             untrusted.get()) == 1,
         "X509_STORE_CTX_init");
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, static_cast<std::time_t>(to_seconds(now)));
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
  if (up == Up::to_any) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!good)
    refuse(why_not(X509_STORE_CTX_get_error(context.get()),
                   X509_STORE_CTX_get_current_cert(context.get()), name_));
  std::vector<X509Cert> issuers;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 1; i < sk_X509_num(chain); ++i) issuers.push_back(share(sk_X509_value(chain, i)));
  return issuers;
}

std::vector<X509Cert> check_issuing_certificate(const X509& certificate, BytesView spki,
                                                const Anchors& trust, Time now) {
  if (const Bytes key = spki_of(certificate); !std::ranges::equal(key, spki))
    refuse(
        "the certificate is for another key than that of the pending request; have the CA sign "
        "what 'show csr own CAPF/CAPF.csr' prints");
  if (X509_check_ca(const_cast<X509*>(&certificate)) != 1)
    refuse(
        "the certificate is not a CA's (basicConstraints CA:TRUE), so nobody would accept the "
        "LSCs that it issues; ask for a subordinate CA certificate");
  if (!has_usage(certificate, KU_KEY_CERT_SIGN))
    refuse(
        "the certificate's key usage lacks keyCertSign, so nobody would accept the LSCs that it "
        "issues; ask for a subordinate CA certificate with the usages of the request");
  if (!has_usage(certificate, KU_DIGITAL_SIGNATURE))
    refuse(
        "the certificate's key usage lacks digitalSignature, so phones could not reach CAPF over "
        "TLS; ask for a certificate with the usages of the request");
  if (!subject_of(certificate).starts_with("CN=CAPF-"))
    refuse(
        fmt::format("the certificate's subject is {}, and CAPF's common name must begin with "
                    "CAPF-, by which it is known; ask for the subject of the request",
                    subject_of(certificate)));
  check_dates(certificate, now);
  std::vector<X509Cert> issuers = trust.chain_of(certificate, Anchors::Up::to_root, now);
  check_path_lengths(issuers);
  return issuers;
}

void check_offline_lsc(const X509& certificate, std::string_view device, BytesView spki,
                       const Anchors& trust, Time now, std::string_view model) {
  if (const Bytes key = spki_of(certificate); !std::ranges::equal(key, spki))
    refuse(fmt::format("the certificate is for another key than that of {}'s CSR", device));
  if (!names_device(common_name_of(certificate), device, model))
    refuse(
        fmt::format("its key is that of {}, but its subject is {}; the common name must be {}, "
                    "or the phone's model and it, as CP-8861-{}",
                    device, subject_of(certificate), device, device));
  if (X509_check_ca(const_cast<X509*>(&certificate)) != 0)
    refuse("it is a CA certificate; a phone's must have basicConstraints CA:FALSE");
  if (!states_usage(certificate) || !has_usage(certificate, KU_DIGITAL_SIGNATURE) ||
      !has_usage(certificate, KU_KEY_ENCIPHERMENT))
    refuse(
        "its key usage must have digitalSignature and keyEncipherment, without which a phone "
        "cannot register securely");
  check_dates(certificate, now);
  trust.chain_of(certificate, Anchors::Up::to_any, now);
}

}  // namespace ringfence::core
