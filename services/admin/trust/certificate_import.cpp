#include "services/admin/trust/certificate_import.h"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/base/error.h"
#include "core/base/secret.h"
#include "core/base/utf8.h"
#include "core/certificates/issue.h"
#include "core/certificates/request.h"
#include "core/certificates/verify.h"
#include "core/crypto/certificate_file.h"
#include "core/crypto/x509.h"
#include "services/admin/trust/certificates.h"
#include "services/admin/trust/csr.h"

namespace ringfence::services::admin {

using core::Bytes;
using core::Code;
using core::Error;
using core::TrustStore;
using core::Unit;
using core::X509Cert;
using core::admin::CertificateImportPlan;
using core::admin::CertificateImportRequest;

namespace {

constexpr std::size_t kMostCertificates = 32;
constexpr std::chrono::days kLongestLsc{1825};

/// read_given reads text, or a file's bytes in base64, and wipes its copy: it may hold a key.
core::CertificateFile read_given(const std::string& text,
                                 const std::optional<std::string>& content) {
  core::Secret bytes(text);
  if (content) {
    try {
      bytes = core::Secret(core::from_base64(*content));
    } catch (const Error&) {
      throw Error(Code::malformed, "the parameter 'content' is not base64 (RFC 4648)");
    }
  }
  return core::read_certificate_file(bytes.reveal(), kMostCertificates);
}

/// store_or_refuse takes "CAPF" for CAPF-trust, as CUCM does.
TrustStore store_or_refuse(const std::string& word) {
  for (const std::string& name : {word, word + "-trust"})
    if (const auto store = core::trust_store_named(name)) return *store;
  std::vector<std::string_view> names;
  for (const TrustStore store : core::kTrustStores) names.push_back(name(store));
  throw Error(Code::not_found, fmt::format("there is no trust store of '{}'; the stores are {}",
                                           word, fmt::join(names, ", ")));
}

/// A probe for check_issues: the certificate of a phone that does not exist.
Bytes public_key_of_nobody() {
  const core::EvpPkey key(core::ensure(EVP_EC_gen("P-256"), "EVP_EC_gen"));
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key.get(), &der);
  core::ensure(length > 0, "i2d_PUBKEY");
  Bytes spki(der, der + length);
  OPENSSL_free(der);
  return spki;
}

/// check_names refuses names that no honest CA gives: they would fill every list and log line, and
/// every copy of the ITL.
void check_names(const X509& certificate) {
  constexpr std::size_t kMostNameBytes = 1024;
  for (const std::string& text : {core::subject_of(certificate), core::issuer_of(certificate)})
    if (text.size() > kMostNameBytes)
      throw Error(Code::refused,
                  fmt::format("the certificate has a name of {} bytes; one has at "
                              "most {}: {}",
                              text.size(), kMostNameBytes, core::in_one_line(text, 80)));
}

std::vector<Bytes> store_certificates(const core::CertificateStore& certificates,
                                      TrustStore store) {
  std::vector<Bytes> found;
  for (core::TrustedCertificate& one : certificates.trusted(name(store)))
    found.push_back(std::move(one.der));
  return found;
}

/// use_of says what CAPF believes because of an entry of CAPF-trust, and unless that was chosen how
/// it is chosen.
std::string use_of(const core::admin::TrustImport& entry, bool chosen) {
  std::string_view use =
      "a CA: it stands above CAPF or signs LSCs elsewhere, and no MIC that it "
      "signed is believed";
  if (entry.purpose == word(core::CapfTrustPurpose::mic))
    use = "a manufacturer's CA: phones prove themselves with MICs that it signed";
  if (entry.purpose == word(core::CapfTrustPurpose::capf))
    use = "a CAPF: phones prove themselves with LSCs that it signed";
  return fmt::format(
      "{} is taken for {}.{}", entry.file, use,
      chosen ? "" : " 'set cert import trust CAPF purpose mic|capf|ca' changes that.");
}

/// weaknesses_of says what speaks against believing a CA.
std::vector<std::string> weaknesses_of(const X509Cert& ca, core::Time now) {
  constexpr int kLeastRsaBits = 2048;
  constexpr std::chrono::days kSoon(30);
  std::vector<std::string> found;
  const EVP_PKEY* key = X509_get0_pubkey(ca.get());
  if (key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
      EVP_PKEY_get_bits(key) < kLeastRsaBits)
    found.push_back(fmt::format(
        "The key of {} is RSA with {} bits. Whoever breaks it makes certificates that are believed "
        "here; a CA has at least {} bits.",
        core::subject_of(*ca), EVP_PKEY_get_bits(key), kLeastRsaBits));
  if (const core::Time end = core::not_after_of(*ca); end - now < kSoon)
    found.push_back(fmt::format(
        "The certificate of {} ends at {}, within a month. What it signed is not believed after "
        "that: import its successor by then.",
        core::subject_of(*ca), core::to_iso(end)));
  return found;
}

}  // namespace

/// Of a chain the certificate of the pending request counts. The others are passed over: whom this
/// node trusts is said with `set cert import trust`, never by what a CA puts into a file.
CertificateImport::Given CertificateImport::given(const CertificateImportRequest& request) {
  const auto pending = core::CsrStore(parts_.admin).find(requestable_or_refuse(request.unit));
  core::CertificateFile file = read_given(request.pem, request.content);
  std::size_t chosen = 0;
  if (pending) {
    const Bytes spki = core::spki_of(*core::parse_request(pending->der));
    const auto fits = [&](const X509Cert& one) { return core::spki_of(*one) == spki; };
    const auto found = std::ranges::find_if(file.certificates, fits);
    if (found != file.certificates.end())
      chosen = static_cast<std::size_t>(found - file.certificates.begin());
  }
  Given given{core::to_der(*file.certificates[chosen]), std::move(file.found),
              std::move(file.notes), std::move(file.warnings)};
  if (file.certificates.size() > 1)
    given.notes.push_back(
        fmt::format("Of the certificates given that of the request counts; the others are not "
                    "imported with it. CAs are trusted with 'set cert import trust {}'.",
                    request.unit));
  return given;
}

TrustKeeper::Adopted CertificateImport::judge(const CertificateImportRequest& request,
                                              const Bytes& der) {
  const Unit unit = requestable_or_refuse(request.unit);
  const auto pending = core::CsrStore(parts_.admin).find(unit);
  if (!pending)
    throw Error(Code::not_found,
                fmt::format("there is no pending request of {0}; make one with 'set csr gen {0}' "
                            "and have it signed",
                            name(unit)));
  const X509Cert certificate = core::parse_certificate(der);
  check_names(*certificate);
  const core::Anchors trust("CAPF-trust", store_certificates(certificates_, TrustStore::capf));
  const core::Time now = parts_.clock.now();
  const std::vector<X509Cert> issuers = core::check_issuing_certificate(
      *certificate, core::spki_of(*core::parse_request(pending->der)), trust, now);
  if (request.ca_cert && !issuers.empty()) check_ca_cert(*request.ca_cert, *issuers.front());
  check_subject_is_free(*certificate);
  TrustKeeper::Adopted adopted;
  adopted.certificate = {
      unit, core::to_der(*certificate), pending->key, now,
      "Certificate Signed by " +
          (issuers.empty() ? "" : core::in_one_line(core::common_name_of(*issuers.front()), 80))};
  for (const X509Cert& issuer : issuers) adopted.issuers.push_back(core::to_der(*issuer));
  check_issues(adopted);
  return adopted;
}

void CertificateImport::check_ca_cert(const std::string& wanted, const X509& issuer) {
  const auto shown = show_certificate(certificates_, "trust", wanted);
  if (shown.certificate.subject == core::subject_of(issuer)) return;
  throw Error(Code::refused,
              fmt::format("the certificate was issued by {}, not by {}, whose "
                          "subject is {}",
                          core::subject_of(issuer), wanted, shown.certificate.subject));
}

/// A store holds one certificate a subject: the LSCs of the other would no longer verify.
void CertificateImport::check_subject_is_free(const X509& certificate) {
  const core::CertificateFacts facts = core::certificate_facts_of(certificate);
  for (const core::TrustedCertificate& one : certificates_.trusted()) {
    if (one.store != "CAPF-trust" && one.store != "CallManager-trust") continue;
    if (one.der == facts.der) continue;
    if (core::subject_of(*core::parse_certificate(one.der)) != facts.subject) continue;
    throw Error(Code::refused,
                fmt::format("{}/{} is another certificate with the subject {}, and a store holds "
                            "one a subject; have the CA keep the subject of the request, which is "
                            "new each time",
                            one.store, one.file, facts.subject));
  }
}

/// check_issues signs an LSC for nobody and verifies it as others will: whatever the checks before
/// did not think of shows here, and so does a key that the token has lost.
void CertificateImport::check_issues(const TrustKeeper::Adopted& adopted) {
  const core::EvpPkey key = parts_.token.key(adopted.certificate.key);
  std::vector<X509Cert> below;
  below.push_back(core::parse_certificate(adopted.certificate.der));
  const core::Time now = parts_.clock.now();
  const X509Cert lsc = core::issue_lsc({"SEP000000000000", "", public_key_of_nobody()},
                                       *below.front(), *key, parts_.token.context(), now);
  try {
    core::Anchors("CAPF-trust", adopted.issuers)
        .chain_of(*lsc, core::Anchors::Up::to_root, now, below);
  } catch (const Error& error) {
    throw Error(Code::refused,
                fmt::format("an LSC that it issues would be refused, because {}", error.what()));
  }
}

CertificateImportPlan CertificateImport::plan(const CertificateImportRequest& request) {
  Given file = given(request);
  const TrustKeeper::Adopted adopted = judge(request, file.der);
  const X509Cert certificate = core::parse_certificate(adopted.certificate.der);
  CertificateImportPlan plan;
  plan.found = std::move(file.found);
  plan.unit = name(adopted.certificate.unit);
  plan.subject = core::subject_of(*certificate);
  plan.serial = core::to_hex(core::serial_of(*certificate), core::Case::upper);
  plan.not_after = core::to_iso(core::not_after_of(*certificate));
  for (const Bytes& issuer : adopted.issuers)
    plan.issuers.push_back(core::subject_of(*core::parse_certificate(issuer)));
  core::admin::RegeneratePlan regenerate =
      parts_.regenerating.plan(adopted.certificate.unit, request.force);
  plan.phones = regenerate.phones;
  plan.phones_reset = regenerate.phones_reset;
  plan.notes = std::move(file.notes);
  plan.warnings = std::move(file.warnings);
  plan.notes.insert(plan.notes.end(), regenerate.notes.begin(), regenerate.notes.end());
  plan.guards = std::move(regenerate.guards);
  plan.stranded = regenerate.stranded;
  plan.refusal = std::move(regenerate.refusal);
  const auto lasts =
      std::chrono::floor<std::chrono::days>(core::not_after_of(*certificate) - parts_.clock.now());
  if (lasts < kLongestLsc)
    plan.notes.push_back(
        fmt::format("An LSC never outlives the CAPF certificate, and this one ends in {} day{}.",
                    lasts.count(), lasts.count() == 1 ? "" : "s"));
  return plan;
}

core::admin::JobStarted CertificateImport::start(const CertificateImportRequest& request,
                                                 const std::string& who) {
  const Bytes der = given(request).der;
  CertificateImportRequest kept;  // without the bytes that were given, which may hold a key
  kept.unit = request.unit;
  kept.ca_cert = request.ca_cert;
  kept.force = request.force;
  const Unit unit = judge(kept, der).certificate.unit;
  return {parts_.regenerating.start(
      unit, who,
      [this, kept, der, unit](const std::string& by) {
        return parts_.keeper.adopt(
            unit, by, [&] { return judge(kept, der); }, kept.force);
      },
      kept.force)};
}

core::admin::TrustImported CertificateImport::trust(const core::admin::TrustImportRequest& request,
                                                    const std::string& who) {
  const TrustStore store = store_or_refuse(request.unit);
  core::CertificateFile file = read_given(request.pem, request.content);
  const std::vector<X509Cert>& certificates = file.certificates;
  std::optional<core::CapfTrustPurpose> purpose;
  if (request.purpose) {
    purpose = core::capf_trust_purpose_from(*request.purpose);
    if (store != TrustStore::capf)
      throw Error(Code::malformed, "only certificates of CAPF-trust have a purpose");
  }
  const core::Time now = parts_.clock.now();
  for (const X509Cert& one : certificates) {
    check_names(*one);
    if (now > core::not_after_of(*one))
      throw Error(Code::refused,
                  fmt::format("the certificate of {} expired at {}", core::subject_of(*one),
                              core::to_iso(core::not_after_of(*one))));
    const bool ca = core::certificate_facts_of(*one).kind == core::CertificateKind::authority;
    if (store == TrustStore::capf && !ca)
      throw Error(Code::refused,
                  fmt::format("the certificate of {} is not a CA's; CAPF-trust holds the CAs that "
                              "sign CAPF, LSCs and MICs",
                              core::subject_of(*one)));
  }
  core::admin::TrustImported imported;
  imported.found = std::move(file.found);
  imported.notes = std::move(file.notes);
  imported.warnings = std::move(file.warnings);
  imported.certificates = parts_.keeper.trust(store, certificates, who, purpose);
  if (store != TrustStore::capf) return imported;
  for (const X509Cert& one : certificates)
    for (std::string& weakness : weaknesses_of(one, now))
      imported.warnings.push_back(std::move(weakness));
  for (const core::admin::TrustImport& one : imported.certificates)
    imported.notes.push_back(use_of(one, purpose.has_value()));
  const std::vector<Bytes> callers = store_certificates(certificates_, TrustStore::call_manager);
  for (const X509Cert& one : certificates) {
    if (std::ranges::count(callers, core::to_der(*one)) > 0) continue;
    imported.notes.emplace_back(
        "A CA that signs LSCs itself (Offline CA) belongs into CallManager-trust as well, where "
        "phones' certificates are verified: 'set cert import trust CallManager'. Those above CAPF "
        "are put there by 'set cert import own CAPF'.");
    break;
  }
  return imported;
}

}  // namespace ringfence::services::admin
