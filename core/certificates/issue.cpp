// Making certificates with OpenSSL, for keys that may live in the token.
#include "core/certificates/issue.h"

#include <openssl/err.h>

#include "core/base/error.h"
#include "core/certificates/lsc_maker.h"
#include "core/certificates/profile.h"
#include "core/certificates/serial.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

using EvpMd = Handle<EVP_MD, EVP_MD_free>;
using Integer = Handle<ASN1_INTEGER, ASN1_INTEGER_free>;

/// The five years of CUCM's own certificates: 1825 days, notAfter inclusive (cucm-behaviour 1.1).
constexpr std::chrono::days kValidity{1825};

void add(X509& certificate, const Extension& extension) {
  ensure(X509_add_ext(&certificate, extension.get(), -1) == 1, "X509_add_ext");
}

void set_serial(X509& certificate) {
  const Bytes bytes = new_serial();
  const Integer serial(ensure(ASN1_INTEGER_new(), "ASN1_INTEGER_new"));
  ensure(ASN1_STRING_set(serial.get(), bytes.data(), static_cast<int>(bytes.size())) == 1,
         "ASN1_STRING_set");
  ensure(X509_set_serialNumber(&certificate, serial.get()) == 1, "X509_set_serialNumber");
}

void set_validity(X509& certificate, Time not_before, Time not_after) {
  ensure(ASN1_TIME_set(X509_getm_notBefore(&certificate), to_seconds(not_before)) != nullptr &&
             ASN1_TIME_set(X509_getm_notAfter(&certificate), to_seconds(not_after)) != nullptr,
         "ASN1_TIME_set");
}

X509Cert new_certificate(OSSL_LIB_CTX* context) {
  X509Cert certificate(ensure(X509_new_ex(context, nullptr), "X509_new_ex"));
  ensure(X509_set_version(certificate.get(), X509_VERSION_3) == 1, "X509_set_version");
  set_serial(*certificate);
  return certificate;
}

/// self_signed signs `certificate`, and returns it free of the token's library context, after
/// checking the signature with its own key: a wrong key or a faulty token must not put a bad
/// certificate into the world.
X509Cert self_signed(X509& certificate, EVP_PKEY& key, OSSL_LIB_CTX* context) {
  const EvpMd md(ensure(EVP_MD_fetch(context, digest_for(key), nullptr), "EVP_MD_fetch"));
  ensure(X509_sign(&certificate, &key, md.get()) > 0, "X509_sign");
  X509Cert made = parse_certificate(to_der(certificate));
  EVP_PKEY* issuer_key = X509_get0_pubkey(made.get());
  if (issuer_key == nullptr || X509_verify(made.get(), issuer_key) != 1) {
    ERR_clear_error();
    throw Error(Code::internal, "the signing key does not belong to the issuer's certificate");
  }
  return made;
}

}  // namespace

X509Cert issue_self_signed(Unit unit, const Node& node, EVP_PKEY& key, OSSL_LIB_CTX* context,
                           Time now) {
  if (node.host.empty()) throw Error(Code::malformed, "a node's certificate needs a host name");
  const X509Cert certificate = new_certificate(context);
  const X509NameHandle name = unit_name(unit, node);
  ensure(X509_set_subject_name(certificate.get(), name.get()) == 1, "X509_set_subject_name");
  ensure(X509_set_issuer_name(certificate.get(), name.get()) == 1, "X509_set_issuer_name");
  set_validity(*certificate, now, now + kValidity - std::chrono::seconds(1));
  ensure(X509_set_pubkey(certificate.get(), &key) == 1, "X509_set_pubkey");

  for (const Extension& extension : unit_extensions(unit)) add(*certificate, extension);
  add(*certificate, key_id_extension(*certificate));
  if (names_host(unit)) add(*certificate, dns_name_extension(node.host));
  return self_signed(*certificate, key, context);
}

X509Cert issue_lsc(const LscRequest& request, const X509& capf_certificate, EVP_PKEY& capf_key,
                   OSSL_LIB_CTX* context, Time now) {
  return parse_certificate(LscMaker(capf_certificate, capf_key, context).make(request, now).der);
}

}  // namespace ringfence::core
