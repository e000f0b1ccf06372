#include "services/admin/trust_keeper.h"

#include <sys/stat.h>

#include <algorithm>

#include <boost/json.hpp>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/certificates/file_name.h"
#include "core/certificates/issue.h"
#include "core/certificates/request.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/net/rpc.h"
#include "core/trust/facts.h"
#include "core/trust/itl.h"
#include "core/trust/trust_list.h"
#include "services/admin/list_show.h"

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

std::filesystem::path next_path(const core::Config& config) {
  return list_path(config, core::ListKind::itl).string() + ".next";
}

core::CertificateFacts facts_of_der(const Bytes& der) {
  return core::certificate_facts_of(*core::parse_certificate(der));
}

/// Stores is what the trust stores hold, as facts and as rows.
class Stores {
 public:
  explicit Stores(const core::CertificateStore& store) : rows_(store.trusted()) {
    for (const core::TrustedCertificate& one : rows_)
      if (const auto named = core::trust_store_named(one.store))
        contents[*named].push_back(facts_of_der(one.der));
  }

  /// apply notes a change, here and for the database.
  void apply(const core::StoreChange& change, core::Time now) {
    core::apply({change}, contents);
    const std::string store(name(change.store));
    if (change.replaced)
      for (const core::TrustedCertificate& one : rows_)
        if (one.store == store && one.der == change.replaced->der) displaced.push_back(one);
    added.push_back({store, file_for(store, change), change.added.der, now, "Trust Certificate"});
    std::erase_if(rows_, [&](const core::TrustedCertificate& one) {
      return change.replaced && one.store == store && one.der == change.replaced->der;
    });
    rows_.push_back(added.back());
  }

  /// file_of returns the name under which a certificate is in a store.
  std::string file_of(core::TrustStore store, const Bytes& der) const {
    for (const core::TrustedCertificate& one : rows_)
      if (one.store == name(store) && one.der == der) return one.file;
    return "";
  }

  /// set_purpose gives an entry of CAPF-trust the purpose that was named. Without one a new entry
  /// gets its natural purpose, and one that was there keeps its own. Returns the word.
  std::string set_purpose(const Bytes& der, const X509& certificate,
                          std::optional<core::CapfTrustPurpose> named) {
    const auto is_entry = [&der](const core::TrustedCertificate& one) {
      return one.store == name(core::TrustStore::capf) && one.der == der;
    };
    const auto row = std::ranges::find_if(rows_, is_entry);
    if (row == rows_.end()) return "";
    const auto fresh = std::ranges::find_if(added, is_entry);
    const core::CapfTrustPurpose now =
        named.value_or(core::purpose_of(row->purpose, certificate));
    row->purpose = word(now);
    if (fresh != added.end())
      fresh->purpose = row->purpose;
    else if (named)
      added.push_back(*row);
    return row->purpose;
  }

  core::StoreContents contents;
  std::vector<core::TrustedCertificate> added;
  std::vector<core::TrustedCertificate> displaced;

 private:
  /// file_for names an entry after its CN; two subjects may share one.
  std::string file_for(const std::string& store, const core::StoreChange& change) const {
    std::string common =
        core::file_stem_of(core::common_name_of(*core::parse_certificate(change.added.der)));
    const std::string hash = core::to_hex(core::digest(Digest::sha256, change.added.der));
    if (common.empty()) common = hash.substr(0, 16);
    const std::string file = common + ".pem";
    for (const core::TrustedCertificate& one : rows_)
      if (one.store == store && one.file == file &&
          facts_of_der(one.der).subject != change.added.subject)
        return common + "-" + hash.substr(0, 8) + ".pem";
    return file;
  }

  std::vector<core::TrustedCertificate> rows_;
};

/// note_issuers has CallManager-trust know who signed CAPF, so that its LSCs are verified up to a
/// root there. One that is older than what is there is not needed.
void note_issuers(const std::vector<Bytes>& issuers, Stores& stores, core::Time now) {
  for (const Bytes& der : issuers) {
    const core::CertificateFacts facts = facts_of_der(der);
    const auto& there = stores.contents[core::TrustStore::call_manager];
    const core::Admission admission = core::admit(there, facts);
    if (admission == core::Admission::known || admission == core::Admission::refuse) continue;
    const auto same = std::ranges::find(there, facts.subject, &core::CertificateFacts::subject);
    stores.apply({core::TrustStore::call_manager, facts,
                  same == there.end() ? std::nullopt : std::optional(*same)},
                 now);
  }
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
  for (const Unit unit : core::kUnits)
    if (!house_.certificates.own(unit)) create(unit);
}

void TrustKeeper::create(Unit unit) {
  store({make_certificate(unit), {}}, std::nullopt);
  house_.record_act("ringfence-admin", "CERTIFICATE_CREATE_DONE",
                    detail_of(unit, "reason", "first start"));
}

core::OwnCertificate TrustKeeper::make_certificate(Unit unit) {
  const core::KeyRef ref = house_.token.generate(std::string(name(unit)), key_spec_of(unit));
  try {
    const core::EvpPkey key = house_.token.key(ref);
    const core::Time now = house_.clock.now();
    const X509Cert certificate =
        core::issue_self_signed(unit, house_.config.node(), *key, house_.token.context(), now);
    return {unit, core::to_der(*certificate), ref, now,
            "Self-signed certificate generated by system"};
  } catch (...) {
    discard(ref);
    throw;
  }
}

void TrustKeeper::discard(const core::KeyRef& key) noexcept {
  try {
    house_.token.destroy(key);
  } catch (const std::exception& error) {
    log(Level::warning, "KEY_LEFT_IN_TOKEN",
        {{"key", key.label + "/" + std::to_string(key.version)}, {"why", error.what()}});
  }
}

void TrustKeeper::store(const Adopted& fresh, const std::optional<core::OwnCertificate>& old) {
  const core::OwnCertificate& own = fresh.certificate;
  Stores stores(house_.certificates);
  std::optional<core::CertificateFacts> old_facts;
  if (old) old_facts = facts_of_der(old->der);
  for (const core::StoreChange& change :
       core::changes_on_regeneration(own.unit, old_facts, facts_of_der(own.der), stores.contents))
    stores.apply(change, own.created);
  note_issuers(fresh.issuers, stores, own.created);
  core::Database::Transaction transaction(house_.database);
  house_.certificates.replace(own, {});
  house_.certificates.trust(stores.added, stores.displaced);
  core::CsrStore requests(house_.database);
  const auto pending = requests.find(own.unit);
  if (pending && pending->key == own.key) requests.remove(own.unit);
  transaction.commit();
}

void TrustKeeper::ensure_itl(const std::string& reason) {
  const std::lock_guard lock(house_.trust_mutex);
  const NodeCertificates certificates = current();
  const core::ItlSigner signer = core::normal_signer_of(house_.config.release());
  std::optional<std::string> difference;
  try {
    difference = certificates.difference(
        core::read_file(list_path(house_.config, core::ListKind::itl), kMaxListBytes), signer,
        house_.config);
    if (!difference) return;
  } catch (const Error& error) {
    difference = error.what();
  }
  log(Level::notice, "ITL_REBUILT", {{"why", *difference}});
  const SignedList list =
      certificates.build_itl(signer, house_.config, house_.token, house_.clock.now());
  prepare(list);
  record(list, reason);
  publish(list, reason);
}

void TrustKeeper::refresh_itl(const std::string& reason) {
  try {
    ensure_itl(reason);
  } catch (const Error& error) {
    const std::string state = show(core::ListKind::itl).state;
    log(Level::error, "ITL_NOT_REBUILT", {{"why", error.what()}, {"state", state}});
    if (state == "missing" || state == "corrupt") throw;
  }
}

void TrustKeeper::prepare(const SignedList& list) {
  core::write_atomically(next_path(house_.config), list.file);
}

void TrustKeeper::record(const SignedList& list, const std::string& reason) {
  house_.lists.add(
      {0, "ITL", std::string(name(list.signer)), list.sha1, reason, list.file, house_.clock.now()});
}

void TrustKeeper::publish(const SignedList& list, const std::string& reason) {
  const std::filesystem::path path = list_path(house_.config, core::ListKind::itl);
  core::rename_durably(next_path(house_.config), path);
  core::write_atomically(path.string() + ".good", list.file);
  log(Level::notice, "ITL_PUBLISHED",
      {{"signer", std::string(name(list.signer))}, {"sha1", list.sha1}, {"reason", reason}});
  for (const Service& service : kServices) tell_reload(house_.config, service);
}

std::string TrustKeeper::regenerate(Unit unit, const std::string& who) {
  const std::lock_guard lock(house_.trust_mutex);
  return change(unit, who, "CERTIFICATE_REGENERATE", "regeneration of " + std::string(name(unit)),
                OnFailure::discard_key, [&] {
                  return Adopted{make_certificate(unit), {}};
                });
}

std::string TrustKeeper::adopt(Unit unit, const std::string& who,
                               const std::function<Adopted()>& judge) {
  const std::lock_guard lock(house_.trust_mutex);
  return change(unit, who, "CERTIFICATE_IMPORT",
                "import of a certificate for " + std::string(name(unit)), OnFailure::keep_key,
                judge);
}

std::string TrustKeeper::change(Unit unit, const std::string& who, const std::string& event,
                                const std::string& reason, OnFailure on_failure,
                                const std::function<Adopted()>& make) {
  house_.record_act(who, event + "_INTENT", detail_of(unit, "by", who));
  try {
    const NodeCertificates before = current();
    const core::OwnCertificate old = before.own(unit);
    const Adopted fresh = make();
    SignedList list;
    try {
      list = before.with(fresh.certificate)
                 .build_itl(core::normal_signer_of(house_.config.release()), house_.config,
                            house_.token, house_.clock.now());
      prepare(list);
      core::Database::Transaction transaction(house_.database);
      store(fresh, old);
      record(list, reason);
      transaction.commit();
    } catch (...) {
      if (on_failure == OnFailure::discard_key) discard(fresh.certificate.key);
      throw;
    }
    try {
      publish(list, reason);
    } catch (const std::exception& error) {
      throw Error(Code::io, "the new certificate of " + std::string(name(unit)) +
                                " is in use, but the ITL that lists it could not be published: " +
                                error.what() +
                                "; mend that, then run 'utils service restart Cisco Tftp'");
    }
    const X509Cert certificate = core::parse_certificate(fresh.certificate.der);
    house_.record_act(
        who, event + "_DONE",
        detail_of(unit, "serial", core::to_hex(core::serial_of(*certificate), core::Case::upper)));
    retire_keys(unit, old.key);
    return list.sha1;
  } catch (const std::exception& error) {
    house_.record_act(who, event + "_FAILED", detail_of(unit, "why", error.what()));
    throw;
  }
}

void TrustKeeper::retire_keys(Unit unit, const core::KeyRef& previous) noexcept {
  try {
    const auto own = house_.certificates.own(unit);
    const auto pending = core::CsrStore(house_.database).find(unit);
    for (const core::KeyRef& key : house_.token.keys()) {
      if (key.label != name(unit) || key == previous) continue;
      if ((own && key == own->key) || (pending && key == pending->key)) continue;
      discard(key);
    }
  } catch (const std::exception& error) {
    log(Level::warning, "KEYS_NOT_LISTED", {{"why", error.what()}});
  }
}

core::PendingRequest TrustKeeper::request(Unit unit, const std::string& who) {
  const std::lock_guard lock(house_.trust_mutex);
  core::CsrStore requests(house_.database);
  const auto before = requests.find(unit);
  const core::KeyRef ref = house_.token.generate(std::string(name(unit)), key_spec_of(unit));
  core::PendingRequest fresh;
  try {
    const core::EvpPkey key = house_.token.key(ref);
    const core::X509Request request =
        core::make_unit_request(unit, house_.config.node(), *key, house_.token.context());
    fresh = {unit, core::to_der(*request), ref, house_.clock.now()};
    requests.save(fresh);
    house_.record_act(who, "CERTIFICATE_REQUEST_DONE",
                      detail_of(unit, "subject", core::subject_of(*request)));
  } catch (...) {
    discard(ref);
    throw;
  }
  if (before) discard(before->key);
  return fresh;
}

std::vector<core::admin::TrustImport> TrustKeeper::trust(core::TrustStore store,
                                                         const std::vector<X509Cert>& certificates,
                                                         const std::string& who,
                                                         std::optional<core::CapfTrustPurpose> purpose) {
  const std::lock_guard lock(house_.trust_mutex);
  const std::string store_name(name(store));
  std::vector<core::admin::TrustImport> results;
  Stores stores(house_.certificates);
  for (const X509Cert& certificate : certificates) {
    const core::CertificateFacts facts = core::certificate_facts_of(*certificate);
    const auto& there = stores.contents[store];
    const auto same = std::ranges::find(there, facts.subject, &core::CertificateFacts::subject);
    const std::optional<core::CertificateFacts> present =
        same == there.end() ? std::nullopt : std::optional(*same);
    core::admin::TrustImport result{store_name, "", facts.subject, "known"};
    switch (core::admit(there, facts)) {
      case core::Admission::known: break;
      case core::Admission::refuse:
        throw Error(Code::refused,
                    "a certificate of " + facts.subject + " that is valid from " +
                        core::to_iso(present->not_before) + " is in " + store_name +
                        "; a store holds one certificate a subject, and this one is not newer");
      case core::Admission::add:
      case core::Admission::replace:
        stores.apply({store, facts, present}, house_.clock.now());
        result.result = present ? "replaced" : "added";
        break;
    }
    if (store == core::TrustStore::capf)
      result.purpose = stores.set_purpose(facts.der, *certificate, purpose);
    result.file = stores.file_of(store, facts.der);
    results.push_back(result);
  }
  house_.certificates.trust(stores.added, stores.displaced);
  for (core::admin::TrustImport& result : results)
    house_.record_act(
        who, "TRUST_IMPORT_DONE",
        boost::json::serialize(boost::json::object{
            {"store", store_name},
            {"subject", result.subject},
            {"result", result.result},
            {"purpose", result.purpose}}));
  for (const Service& service : kServices) tell_reload(house_.config, service);
  return results;
}

core::admin::TrustListReset TrustKeeper::reset_localkey() {
  {
    const std::lock_guard lock(house_.trust_mutex);
    const SignedList list = current().build_itl(core::recovery_signer_of(house_.config.release()),
                                                house_.config, house_.token, house_.clock.now());
    prepare(list);
    record(list, "reset localkey");
    publish(list, "reset localkey");
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
  core::admin::TrustListShow show = show_of(facts, modified_at(path));
  show.file = path.filename();
  const bool absent_by_choice = kind == core::ListKind::ctl && facts.state == "missing";
  if (facts.state != "verified" && !absent_by_choice) note_served(house_.config, kind, show);
  return show;
}

std::string TrustKeeper::served_itl_sha1() {
  const auto last = house_.lists.last("ITL");
  return last ? last->sha1 : "";
}

}  // namespace ringfence::services::admin
