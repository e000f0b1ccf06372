#include "services/admin/trust_keeper.h"

#include <sys/stat.h>

#include <algorithm>

#include <boost/json.hpp>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/certificates/issue.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/net/rpc.h"
#include "core/trust/facts.h"
#include "core/trust/itl.h"
#include "core/trust/trust_list.h"

namespace ringfence::services::admin {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Digest;
using core::Error;
using core::Level;
using core::log;
using core::Unit;
using core::X509Cert;

namespace {

constexpr std::size_t kMaxListBytes = 1 << 20;
constexpr auto kReloadWithin = std::chrono::seconds(5);

std::filesystem::path list_path(const core::Config& config, core::ListKind kind) {
  return config.tftp_folder() / (kind == core::ListKind::itl ? "ITLFile.tlv" : "CTLFile.tlv");
}

/// Certificates are the node's own ones, parsed and with their keys' names.
struct Certificates {
  std::vector<core::OwnCertificate> own;
  std::vector<X509Cert> parsed;

  explicit Certificates(const core::CertificateStore& store) : own(store.all_own()) {
    for (const core::OwnCertificate& one : own) parsed.push_back(core::parse_certificate(one.der));
  }

  std::size_t index(Unit unit) const {
    for (std::size_t i = 0; i < own.size(); ++i)
      if (own[i].unit == unit) return i;
    throw Error(Code::not_found, "this node has no certificate for " + std::string(name(unit)));
  }

  const X509* of(Unit unit) const { return parsed[index(unit)].get(); }

  core::NodeCertificates node() const {
    return {of(Unit::itl_recovery), of(Unit::call_manager), of(Unit::call_manager_ecdsa),
            of(Unit::capf), of(Unit::tvs)};
  }
};

core::CertificateFacts facts_of_der(const Bytes& der) {
  return core::certificate_facts_of(*core::parse_certificate(der));
}

/// trust_changes returns the entries of trust stores that a unit's new certificate brings.
std::vector<core::TrustedCertificate> trust_changes(const core::CertificateStore& store,
                                                    const core::OwnCertificate& fresh,
                                                    const std::optional<core::OwnCertificate>& old,
                                                    core::Time now) {
  core::StoreContents contents;
  for (const core::TrustedCertificate& one : store.trusted())
    if (const auto named = core::trust_store_named(one.store))
      contents[*named].push_back(facts_of_der(one.der));
  std::optional<core::CertificateFacts> old_facts;
  if (old) old_facts = facts_of_der(old->der);

  std::vector<core::TrustedCertificate> trusted;
  for (const core::StoreChange& change :
       core::changes_on_regeneration(fresh.unit, old_facts, facts_of_der(fresh.der), contents)) {
    const X509Cert certificate = core::parse_certificate(change.added.der);
    trusted.push_back({std::string(name(change.store)), core::common_name_of(*certificate) + ".pem",
                       change.added.der, now, "Trust Certificate"});
  }
  return trusted;
}

Unit unit_of(core::ItlSigner signer) {
  return signer == core::ItlSigner::call_manager ? Unit::call_manager : Unit::itl_recovery;
}

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

/// own_certificate_named finds the unit's certificate that a file's header names as its signer: a
/// list that somebody else signed is not verified, however sound it is in itself.
std::optional<Bytes> own_certificate_named(const core::CertificateStore& store,
                                           const core::SignerName& wanted) {
  for (const core::OwnCertificate& one : store.all_own())
    if (core::signer_name_of(*core::parse_certificate(one.der)) == wanted) return one.der;
  return std::nullopt;
}

core::Time modified_at(const std::filesystem::path& path) {
  struct stat status {};

  if (::stat(path.c_str(), &status) != 0) return {};
  return core::from_seconds(status.st_mtime);
}

std::string detail_of(Unit unit, const std::string& more_name, const std::string& more) {
  return boost::json::serialize(
      boost::json::object{{"unit", std::string(name(unit))}, {more_name, more}});
}

}  // namespace

void tell_reload(const core::Config& config, const Service& service) {
  try {
    core::rpc_call(config.control_socket(std::string(service.daemon)), "reload", {}, kReloadWithin);
  } catch (const Error& error) {
    log(Level::info, "SERVICE_NOT_TOLD",
        {{"service", std::string(service.name)}, {"why", error.what()}});
  }
}

void TrustKeeper::ensure_certificates() {
  const std::lock_guard lock(house_.trust_mutex);
  for (const Unit unit : core::kUnits) {
    if (house_.certificates.own(unit)) continue;
    issue(unit, "Self-signed certificate generated by system");
    house_.record_act("ringfence-admin", "CERTIFICATE_CREATE_DONE",
                      detail_of(unit, "reason", "first start"));
  }
}

void TrustKeeper::issue(Unit unit, const std::string& description) {
  const std::optional<core::OwnCertificate> old = house_.certificates.own(unit);
  const core::KeyRef ref = house_.token.generate(std::string(name(unit)), key_spec_of(unit));
  try {
    const core::EvpPkey key = house_.token.key(ref);
    const core::Time now = house_.clock.now();
    const X509Cert certificate =
        core::issue_self_signed(unit, house_.config.node(), *key, house_.token.context(), now);
    core::OwnCertificate own{unit, core::to_der(*certificate), ref, now, description};
    const auto trusted = trust_changes(house_.certificates, own, old, now);
    house_.certificates.replace(own, trusted);
  } catch (...) {
    house_.token.destroy(ref);
    throw;
  }
}

void TrustKeeper::ensure_itl(const std::string& reason) {
  const std::lock_guard lock(house_.trust_mutex);
  const Certificates certificates(house_.certificates);
  const Unit signer = unit_of(core::normal_signer_of(house_.config.release()));
  try {
    const Bytes file =
        core::read_file(list_path(house_.config, core::ListKind::itl), kMaxListBytes);
    const core::TrustList served = core::parse_trust_list(file);
    const Bytes signer_der = certificates.own[certificates.index(signer)].der;
    const core::SignerName wanted = core::signer_name_of(*certificates.of(signer));
    if (served.header.signer == wanted &&
        same_records(served, core::itl_records(certificates.node(), house_.config.node().host))) {
      core::verify_file(file, [&](const core::SignerName&) { return std::optional(signer_der); });
      return;
    }
  } catch (const Error& error) {
    if (error.code() != Code::not_found) log(Level::error, "ITL_REBUILT", {{"why", error.what()}});
  }
  publish_itl(Signer::normal, reason);
}

std::string TrustKeeper::publish_itl(Signer which, const std::string& reason) {
  const Certificates certificates(house_.certificates);
  const core::ItlSigner chosen = which == Signer::normal
                                     ? core::normal_signer_of(house_.config.release())
                                     : core::recovery_signer_of(house_.config.release());
  const core::OwnCertificate& own = certificates.own[certificates.index(unit_of(chosen))];
  const core::EvpPkey key = house_.token.key(own.key);
  const core::FileSigner signer{certificates.of(own.unit), key.get(), house_.token.context()};
  const core::Time now = house_.clock.now();
  const Bytes file = core::build_trust_list(
      core::ListKind::itl, core::itl_records(certificates.node(), house_.config.node().host),
      signer, Digest::sha1, now);
  core::verify_file(file, [&](const core::SignerName&) { return std::optional(own.der); });

  const std::string sha1 = core::to_hex(core::digest(Digest::sha1, file));
  house_.lists.add({0, "ITL", std::string(name(own.unit)), sha1, reason, file, now});
  const std::filesystem::path path = list_path(house_.config, core::ListKind::itl);
  core::write_atomically(path.string() + ".good", file);
  core::write_atomically(path, file);
  log(Level::notice, "ITL_PUBLISHED",
      {{"signer", std::string(name(own.unit))}, {"sha1", sha1}, {"reason", reason}});
  for (const Service& service : kServices) tell_reload(house_.config, service);
  return sha1;
}

std::string TrustKeeper::regenerate(Unit unit, const std::string& who) {
  const std::lock_guard lock(house_.trust_mutex);
  house_.record_act(who, "CERTIFICATE_REGENERATE_INTENT", detail_of(unit, "by", who));
  try {
    const auto before = house_.certificates.own(unit);
    issue(unit, "Self-signed certificate generated by system");
    const auto after = house_.certificates.own(unit);
    const std::string sha1 =
        publish_itl(Signer::normal, "regeneration of " + std::string(name(unit)));
    const X509Cert certificate = core::parse_certificate(after->der);
    house_.record_act(
        who, "CERTIFICATE_REGENERATE_DONE",
        detail_of(unit, "serial", core::to_hex(core::serial_of(*certificate), core::Case::upper)));
    retire_keys_before(unit, before ? before->key.version : 0);
    return sha1;
  } catch (const std::exception& error) {
    house_.record_act(who, "CERTIFICATE_REGENERATE_FAILED", detail_of(unit, "why", error.what()));
    throw;
  }
}

void TrustKeeper::retire_keys_before(Unit unit, std::uint32_t version) {
  for (const core::KeyRef& key : house_.token.keys()) {
    if (key.label == name(unit) && key.version < version) house_.token.destroy(key);
  }
}

core::admin::TrustListReset TrustKeeper::reset_localkey(const std::string& who) {
  const std::lock_guard lock(house_.trust_mutex);
  house_.record_act(who, "ITL_RESET_LOCALKEY_INTENT", "{}");
  try {
    const std::string sha1 = publish_itl(Signer::recovery, "reset localkey");
    house_.record_act(who, "ITL_RESET_LOCALKEY_DONE",
                      boost::json::serialize(boost::json::object{{"sha1", sha1}}));
  } catch (const std::exception& error) {
    house_.record_act(who, "ITL_RESET_LOCALKEY_FAILED",
                      boost::json::serialize(boost::json::object{{"why", error.what()}}));
    throw;
  }
  const core::admin::TrustListShow now = show(core::ListKind::itl);
  return {now.signer, now.md5, now.sha1, {house_.config.node().host}};
}

core::admin::TrustListShow TrustKeeper::show(core::ListKind kind) {
  const std::filesystem::path path = list_path(house_.config, kind);
  Bytes file;
  try {
    file = core::read_file(path, kMaxListBytes);
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
  }
  const core::TrustListFacts facts =
      core::facts_of(kind, file, modified_at(path), [&](const core::SignerName& wanted) {
        return own_certificate_named(house_.certificates, wanted);
      });
  core::admin::TrustListShow show;
  show.file = path.filename();
  show.length = static_cast<std::int64_t>(file.size());
  show.state = facts.state;
  show.error = facts.problem;
  if (!file.empty()) {
    show.md5 = facts.md5;
    show.sha1 = facts.sha1;
    show.sha256 = core::to_hex(core::digest(Digest::sha256, file));
    show.modified = core::to_iso(modified_at(path));
  }
  if (facts.header) show.signer = facts.header->signer.text;
  int number = 0;
  for (const core::TrustListFacts::Record& record : facts.records) {
    core::admin::TrustListRecord row;
    row.number = ++number;
    row.length = static_cast<int>(record.length);
    if (record.dns_name) row.dns_name = record.dns_name->text;
    if (record.subject) row.subject = record.subject->text;
    row.function = record.function;
    if (record.issuer) row.issuer = record.issuer->text;
    row.serial = record.serial;
    row.full_certificate = record.certificate_bytes > 0;
    row.certificate_sha1 = row.full_certificate ? record.certificate_sha1 : record.hash;
    row.signer = record.signed_the_file.value_or(false);
    show.records.push_back(std::move(row));
  }
  show.text = core::render_trust_list(facts);
  return show;
}

std::string TrustKeeper::served_itl_sha1() {
  const auto last = house_.lists.last("ITL");
  return last ? last->sha1 : "";
}

}  // namespace ringfence::services::admin
