#include "core/certificates/verify.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "core/base/device_name.h"
#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

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

/// shown_in_tls tells whether OpenSSL shows a certificate at security level 1: its signature has 80
/// bits of security, which one with SHA-1 has not.
bool shown_in_tls(const X509& certificate) {
  constexpr int kLeastBits = 80;
  int bits = 0;
  return X509_get_signature_info(const_cast<X509*>(&certificate), nullptr, nullptr, &bits,
                                 nullptr) == 1 &&
         bits >= kLeastBits;
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
  if (!shown_in_tls(certificate))
    refuse(
        "the certificate is signed with SHA-1 or weaker, and TLS shows none that is, so phones "
        "could not reach CAPF; have the CA sign it with SHA-256");
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
