#include "services/admin/trust/trust_stores.h"

#include <algorithm>

#include "core/certificates/file_name.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"

namespace ringfence::services::admin {

using core::Bytes;
using core::Digest;

namespace {

core::CertificateFacts facts_of_der(const Bytes& der) {
  return core::certificate_facts_of(*core::parse_certificate(der));
}

}  // namespace

TrustStores::TrustStores(const core::CertificateStore& store) : rows_(store.trusted()) {
  for (const core::TrustedCertificate& one : rows_)
    if (const auto named = core::trust_store_named(one.store))
      contents_[*named].push_back(facts_of_der(one.der));
}

std::vector<core::CertificateFacts> TrustStores::of(core::TrustStore store) const {
  const auto found = contents_.find(store);
  return found == contents_.end() ? std::vector<core::CertificateFacts>() : found->second;
}

void TrustStores::apply(const core::StoreChange& change, core::Time now) {
  core::apply({change}, contents_);
  const std::string store(name(change.store));
  if (change.replaced)
    for (const core::TrustedCertificate& one : rows_)
      if (one.store == store && one.der == change.replaced->der) displaced_.push_back(one);
  added_.push_back({store, file_for(store, change), change.added.der, now, "Trust Certificate"});
  std::erase_if(rows_, [&](const core::TrustedCertificate& one) {
    return change.replaced && one.store == store && one.der == change.replaced->der;
  });
  rows_.push_back(added_.back());
}

void TrustStores::note_issuers(const std::vector<Bytes>& issuers, core::Time now) {
  for (const Bytes& der : issuers) {
    const core::CertificateFacts facts = facts_of_der(der);
    const auto& there = contents_[core::TrustStore::call_manager];
    const core::Admission admission = core::admit(there, facts);
    if (admission == core::Admission::known || admission == core::Admission::refuse) continue;
    const auto same = std::ranges::find(there, facts.subject, &core::CertificateFacts::subject);
    apply({core::TrustStore::call_manager, facts,
           same == there.end() ? std::nullopt : std::optional(*same)},
          now);
  }
}

std::string TrustStores::set_purpose(const Bytes& der, const X509& certificate,
                                     std::optional<core::CapfTrustPurpose> named) {
  const auto is_entry = [&der](const core::TrustedCertificate& one) {
    return one.store == name(core::TrustStore::capf) && one.der == der;
  };
  const auto row = std::ranges::find_if(rows_, is_entry);
  if (row == rows_.end()) return "";
  const auto fresh = std::ranges::find_if(added_, is_entry);
  const core::CapfTrustPurpose now = named.value_or(core::purpose_of(row->purpose, certificate));
  row->purpose = word(now);
  if (fresh != added_.end())
    fresh->purpose = row->purpose;
  else if (named)
    added_.push_back(*row);
  return row->purpose;
}

std::string TrustStores::file_of(core::TrustStore store, const Bytes& der) const {
  for (const core::TrustedCertificate& one : rows_)
    if (one.store == name(store) && one.der == der) return one.file;
  return "";
}

std::string TrustStores::file_for(const std::string& store, const core::StoreChange& change) const {
  std::string common =
      core::file_stem_of(core::common_name_of(*core::parse_certificate(change.added.der)));
  const std::string hash = core::to_hex(core::digest(Digest::sha256, change.added.der));
  if (common.empty()) common = hash.substr(0, 16);
  std::string file = common + ".pem";
  for (const core::TrustedCertificate& one : rows_)
    if (one.store == store && one.file == file &&
        facts_of_der(one.der).subject != change.added.subject)
      return common + "-" + hash.substr(0, 8) + ".pem";
  return file;
}

}  // namespace ringfence::services::admin
