#include "services/admin/trust/node_certificates.h"

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

NodeCertificates::NodeCertificates(std::vector<core::OwnCertificate> own, core::Cluster cluster)
    : own_(std::move(own)), cluster_(std::move(cluster)) {
  for (core::ClusterNode& node : cluster_.nodes) {
    if (node.id != core::kThisNode) continue;
    node.certificates.clear();
    for (const core::OwnCertificate& one : own_)
      node.certificates[one.unit] = core::shared_certificate(one.der);
  }
  for (const Unit unit : core::kUnits) index(unit);
}

NodeCertificates NodeCertificates::with(const core::OwnCertificate& fresh) const {
  std::vector<core::OwnCertificate> own = own_;
  own[index(fresh.unit)] = fresh;
  return {std::move(own), cluster_};
}

NodeCertificates NodeCertificates::with(core::Cluster cluster) const {
  return {own_, std::move(cluster)};
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
  return *self().certificate(unit);
}

SignedList NodeCertificates::build(core::ListKind kind, Unit signer, const core::Token& token,
                                   core::Time now) const {
  const core::EvpPkey key = token.key(own(signer).key);
  const core::FileSigner file_signer{&of(signer), key.get(), token.context()};
  SignedList list;
  list.signer = signer;
  list.file = core::build_trust_list(kind, core::list_records(kind, cluster_, self()), file_signer,
                                     cluster_.digest, now);
  core::verify_file(list.file,
                    [&](const core::SignerName&) { return std::optional(own(signer).der); });
  list.sha1 = core::to_hex(core::digest(core::Digest::sha1, list.file));
  return list;
}

std::optional<std::string> NodeCertificates::difference(core::ListKind kind, core::BytesView file,
                                                        Unit signer) const {
  try {
    const core::TrustList served = core::parse_trust_list(file);
    const core::SignerName expected = core::signer_name_of(of(signer));
    if (!(served.header.signer == expected))
      return served.header.signer.subject == expected.subject
                 ? "it is signed with another certificate of that name than this node's " +
                       std::string(name(signer)) + ": " + expected.subject
                 : "it is signed by " + served.header.signer.subject;
    if (!same_records(served, core::list_records(kind, cluster_, self())))
      return "its records are not the node's certificates";
    core::verify_file(file,
                      [&](const core::SignerName&) { return std::optional(own(signer).der); });
    return std::nullopt;
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace ringfence::services::admin
