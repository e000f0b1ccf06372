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

void TrustKeeper::ensure_certificates() {
  const std::lock_guard lock(house_.trust_mutex);
  for (const Unit unit : core::kUnits)
    if (!house_.certificates.own(unit)) create(unit);
}

void TrustKeeper::create(Unit unit) {
  store({make_certificate(unit), {}}, std::nullopt);
  std::vector<std::string> logged;
  audit_done("ringfence-admin", "CERTIFICATE_CREATE_DONE",
             detail_of(unit, "reason", "first start"), logged);
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

bool TrustKeeper::named(const core::KeyRef& key) {
  house_.database.settle();
  for (const core::OwnCertificate& own : house_.certificates.all_own())
    if (own.key == key) return true;
  for (const core::PendingRequest& pending : core::CsrStore(house_.database).all())
    if (pending.key == key) return true;
  return false;
}

void TrustKeeper::discard(const core::KeyRef& key) noexcept {
  const auto left = [&](const std::string& why) {
    log(Level::warning, "KEY_LEFT_IN_TOKEN",
        {{"key", key.label + "/" + std::to_string(key.version)}, {"why", why}});
  };
  try {
    if (named(key)) return left("a certificate or a request names it");
    house_.token.destroy(key);
  } catch (const std::exception& error) {
    left(error.what());
  }
}

void TrustKeeper::audit_done(const std::string& who, const std::string& event,
                             const std::string& detail,
                             std::vector<std::string>& warnings) noexcept {
  try {
    house_.record_act(who, event, detail);
  } catch (const std::exception& error) {
    log(Level::error, "AUDIT_NOT_WRITTEN",
        {{"event", event}, {"detail", detail}, {"why", error.what()}});
    warnings.push_back("The audit log could not be written (" + std::string(error.what()) +
                       "); the daemon's log has what it lacks.");
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
  publisher_.ensure(current(), reason);
}

void TrustKeeper::end_recovery(const std::string& reason) {
  const std::lock_guard lock(house_.trust_mutex);
  if (publisher_.recovering()) publisher_.end_recovery(current(), reason);
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

Published TrustKeeper::regenerate(Unit unit, const std::string& who, Forced forced) {
  const std::lock_guard lock(house_.trust_mutex);
  return change({unit, who, "CERTIFICATE_REGENERATE", "regeneration of " + std::string(name(unit)),
                 OnFailure::discard_key, forced},
                [&] {
                  return Adopted{make_certificate(unit), {}};
                });
}

Published TrustKeeper::adopt(Unit unit, const std::string& who,
                             const std::function<Adopted()>& judge, Forced forced) {
  const std::lock_guard lock(house_.trust_mutex);
  return change({unit, who, "CERTIFICATE_IMPORT",
                 "import of a certificate for " + std::string(name(unit)), OnFailure::keep_key,
                 forced},
                judge);
}

void TrustKeeper::decide(const Adopted& fresh, const core::OwnCertificate& old,
                         const SignedList& list, const std::string& reason) {
  try {
    core::Database::Transaction transaction(house_.database);
    store(fresh, old);
    publisher_.record(list, reason);
    transaction.commit();
  } catch (const std::exception&) {
    house_.database.settle();
    const auto own = house_.certificates.own(fresh.certificate.unit);
    if (!own || own->der != fresh.certificate.der) throw;
    log(Level::warning, "COMMIT_WAS_KEPT", {{"unit", std::string(name(own->unit))}});
  }
}

Published TrustKeeper::change(const Act& act, const std::function<Adopted()>& make) {
  const Unit unit = act.unit;
  const auto detail = [&](boost::json::object facts) {
    facts["unit"] = std::string(name(unit));
    if (act.forced) facts["forced_over_phones"] = *act.forced;
    return boost::json::serialize(facts);
  };
  house_.record_act(act.who, act.event + "_INTENT", detail({{"by", act.who}}));
  std::string in_force = "the earlier certificate and ITL";
  try {
    const NodeCertificates before = current();
    const core::OwnCertificate old = before.own(unit);
    const Adopted fresh = make();
    SignedList list;
    try {
      list = before.with(fresh.certificate)
                 .build_itl(publisher_.signer(), house_.config, house_.token, house_.clock.now());
      publisher_.prepare(list);
      decide(fresh, old, list, act.reason);
    } catch (...) {
      if (act.on_failure == OnFailure::discard_key) discard(fresh.certificate.key);
      throw;
    }
    Published published;
    try {
      published = publisher_.publish(list, act.reason);
    } catch (const std::exception& error) {
      in_force = "the new certificate and the earlier ITL";
      throw Error(Code::io, "the new certificate of " + std::string(name(unit)) +
                                " is in use, but the ITL that lists it could not be published: " +
                                error.what() +
                                "; mend that, then run 'utils service restart Cisco Tftp'");
    }
    const X509Cert certificate = core::parse_certificate(fresh.certificate.der);
    boost::json::object done{
        {"serial", core::to_hex(core::serial_of(*certificate), core::Case::upper)},
        {"itl_sha1", published.sha1}};
    if (!published.warnings.empty()) done["warnings"] = boost::json::value_from(published.warnings);
    audit_done(act.who, act.event + "_DONE", detail(std::move(done)), published.warnings);
    retire_keys(unit, old.key);
    return published;
  } catch (const std::exception& error) {
    std::vector<std::string> logged;
    audit_done(act.who, act.event + "_FAILED",
               detail({{"why", error.what()}, {"in_force", in_force}}), logged);
    throw;
  }
}

void TrustKeeper::retire_keys(Unit unit, const core::KeyRef& previous) noexcept {
  try {
    for (const core::KeyRef& key : house_.token.keys())
      if (key.label == name(unit) && key != previous && !named(key)) discard(key);
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
    std::vector<std::string> logged;
    audit_done(who, "CERTIFICATE_REQUEST_DONE",
               detail_of(unit, "subject", core::subject_of(*request)), logged);
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
  std::vector<std::string> logged;
  for (const core::admin::TrustImport& result : results)
    audit_done(who, "TRUST_IMPORT_DONE",
               boost::json::serialize(boost::json::object{
                   {"store", store_name},
                   {"subject", result.subject},
                   {"result", result.result},
                   {"purpose", result.purpose}}),
               logged);
  for (const Service& service : kServices) tell_reload(house_.config, service);
  return results;
}

core::admin::TrustListReset TrustKeeper::reset_localkey() {
  Published published;
  {
    const std::lock_guard lock(house_.trust_mutex);
    published = publisher_.begin_recovery(current());
  }
  const core::admin::TrustListShow now = show(core::ListKind::itl);
  return {now.signer, now.md5, now.sha1, {house_.config.node().host}, published.warnings};
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
  return publisher_.served_sha1();
}

}  // namespace ringfence::services::admin
