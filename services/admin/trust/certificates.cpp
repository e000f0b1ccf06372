#include "services/admin/trust/certificates.h"

#include <strings.h>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/certificates/capf_trust.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::admin::CertificateFacts;

namespace {

/// Entry is one certificate under the name that lists print.
struct Entry {
  std::string unit;
  std::string file;
  std::string description;
  core::Bytes der;
  std::string purpose = {};  ///< as it is kept
};

std::vector<Entry> entries(const core::CertificateStore& certificates, const std::string& type) {
  std::vector<Entry> found;
  if (type == "own") {
    for (core::OwnCertificate& one : certificates.all_own()) {
      const std::string unit(name(one.unit));
      found.push_back({unit, unit + ".pem", one.description, std::move(one.der)});
    }
  } else if (type == "trust") {
    for (core::TrustedCertificate& one : certificates.trusted())
      found.push_back({one.store, one.file, one.description, std::move(one.der), one.purpose});
  } else {
    throw Error(Code::malformed, "the type is own or trust, not '" + type + "'");
  }
  return found;
}

CertificateFacts describe(const Entry& entry, const X509& certificate) {
  CertificateFacts facts;
  facts.unit = entry.unit;
  facts.file = entry.file;
  facts.description = entry.description;
  facts.subject = core::subject_of(certificate);
  facts.issuer = core::issuer_of(certificate);
  facts.serial = core::to_hex(core::serial_of(certificate), core::Case::upper);
  facts.not_before = core::to_iso(core::not_before_of(certificate));
  facts.not_after = core::to_iso(core::not_after_of(certificate));
  facts.sha1 = core::to_hex(core::digest(core::Digest::sha1, entry.der));
  facts.sha256 = core::to_hex(core::digest(core::Digest::sha256, entry.der));
  if (entry.unit == name(core::TrustStore::capf))
    facts.purpose = word(core::purpose_of(entry.purpose, certificate));
  return facts;
}

bool is_called(const Entry& entry, const std::string& name) {
  const auto same = [&name](const std::string& other) {
    return name.size() == other.size() &&
           ::strncasecmp(name.data(), other.data(), name.size()) == 0;
  };
  return same(entry.unit + "/" + entry.file) || same(entry.file) || same(entry.unit);
}

}  // namespace

core::Unit unit_or_refuse(const std::string& word) {
  if (const auto unit = core::unit_named(word)) return *unit;
  std::vector<std::string_view> names;
  for (const core::Unit unit : core::kUnits) names.push_back(name(unit));
  throw Error(Code::not_found, fmt::format("there is no certificate unit '{}'; the units are {}",
                                           word, fmt::join(names, ", ")));
}

core::admin::CertificateList list_certificates(const core::CertificateStore& certificates,
                                               const std::string& type) {
  core::admin::CertificateList list;
  for (const Entry& entry : entries(certificates, type))
    list.certificates.push_back(describe(entry, *core::parse_certificate(entry.der)));
  return list;
}

core::admin::CertificateShow show_certificate(const core::CertificateStore& certificates,
                                              const std::string& type, const std::string& name) {
  std::vector<Entry> all = entries(certificates, type);
  std::erase_if(all, [&](const Entry& entry) { return !is_called(entry, name); });
  if (all.empty())
    throw Error(Code::not_found,
                fmt::format("there is no {} certificate '{}'; 'show cert list {}' prints the names",
                            type, name, type));
  if (all.size() > 1)
    throw Error(Code::conflict,
                fmt::format("'{}' names {} certificates; write <unit>/<file>.pem as 'show cert "
                            "list {}' does",
                            name, all.size(), type));
  const core::X509Cert certificate = core::parse_certificate(all.front().der);
  core::admin::CertificateShow show;
  show.certificate = describe(all.front(), *certificate);
  show.pem = core::to_pem(*certificate);
  show.text = core::describe_certificate(*certificate);
  if (!show.certificate.purpose.empty())
    show.text += fmt::format("Purpose in CAPF-trust: {}\n", show.certificate.purpose);
  show.text += show.pem;
  return show;
}

}  // namespace ringfence::services::admin
