#include "services/admin/node_certificates.h"

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Unit;

namespace {

/// same_records tells whether a served file lists just the records that would be built now.
bool same_records(const core::TrustList& served, const std::vector<core::RecordRequest>& wanted) {
  if (served.records.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (served.records[i].function != wanted[i].function) return false;
    if (served.records[i].dns_name.value_or("") != wanted[i].dns_name) return false;
    if (!served.records[i].matches(core::to_der(*wanted[i].certificate))) return false;
  }
  return true;
}

}  // namespace

Unit unit_of(core::ItlSigner signer) noexcept {
  return signer == core::ItlSigner::call_manager ? Unit::call_manager : Unit::itl_recovery;
}

NodeCertificates::NodeCertificates(std::vector<core::OwnCertificate> own) : own_(std::move(own)) {
  for (const core::OwnCertificate& one : own_) parsed_.push_back(core::parse_certificate(one.der));
  for (const Unit unit : core::kUnits) index(unit);
}

NodeCertificates NodeCertificates::with(const core::OwnCertificate& fresh) const {
  std::vector<core::OwnCertificate> own = own_;
  own[index(fresh.unit)] = fresh;
  return NodeCertificates(std::move(own));
}

std::size_t NodeCertificates::index(Unit unit) const {
  for (std::size_t i = 0; i < own_.size(); ++i)
    if (own_[i].unit == unit) return i;
  throw Error(Code::not_found, "this node has no certificate for " + std::string(name(unit)));
}

const core::OwnCertificate& NodeCertificates::own(Unit unit) const {
  return own_[index(unit)];
}

const X509& NodeCertificates::of(Unit unit) const {
  return *parsed_[index(unit)];
}

std::vector<core::RecordRequest> NodeCertificates::records(const core::Config& config) const {
  return core::itl_records({&of(Unit::itl_recovery), &of(Unit::call_manager),
                            &of(Unit::call_manager_ecdsa), &of(Unit::capf), &of(Unit::tvs)},
                           config.node().host);
}

SignedList NodeCertificates::build_itl(core::ItlSigner signer, const core::Config& config,
                                       const core::Token& token, core::Time now) const {
  const Unit unit = unit_of(signer);
  const core::EvpPkey key = token.key(own(unit).key);
  const core::FileSigner file_signer{&of(unit), key.get(), token.context()};
  SignedList list;
  list.signer = unit;
  list.file = core::build_trust_list(core::ListKind::itl, records(config), file_signer,
                                     core::Digest::sha1, now);
  core::verify_file(list.file,
                    [&](const core::SignerName&) { return std::optional(own(unit).der); });
  list.sha1 = core::to_hex(core::digest(core::Digest::sha1, list.file));
  return list;
}

std::optional<std::string> NodeCertificates::difference(core::BytesView file,
                                                        core::ItlSigner signer,
                                                        const core::Config& config) const {
  const Unit unit = unit_of(signer);
  try {
    const core::TrustList served = core::parse_trust_list(file);
    if (!(served.header.signer == core::signer_name_of(of(unit))))
      return "it is signed by " + served.header.signer.subject;
    if (!same_records(served, records(config)))
      return "its records are not the node's certificates";
    core::verify_file(file, [&](const core::SignerName&) { return std::optional(own(unit).der); });
    return std::nullopt;
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace ringfence::services::admin
