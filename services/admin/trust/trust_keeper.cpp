#include "services/admin/trust/trust_keeper.h"

#include <sys/stat.h>

#include <algorithm>

#include <boost/json.hpp>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/certificates/issue.h"
#include "core/certificates/request.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/x509.h"
#include "core/trust/facts.h"
#include "core/trust/itl.h"
#include "core/trust/trust_list.h"
#include "services/admin/trust/list_show.h"
#include "services/admin/trust/trust_stores.h"

namespace ringfence::services::admin {

using core::Bytes;
using core::Code;
using core::Error;
using core::Level;
using core::log;
using core::Unit;
using core::X509Cert;

namespace {

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
  const std::lock_guard lock(parts_.mutex);
  for (const Unit unit : core::kUnits)
    if (!certificates_.own(unit)) create(unit);
}

void TrustKeeper::create(Unit unit) {
  store({parts_.keys.make_certificate(unit), {}}, std::nullopt);
  std::vector<std::string> logged;
  parts_.acts.record_done("ringfence-admin", "CERTIFICATE_CREATE_DONE",
                          detail_of(unit, "reason", "first start"), logged);
}

bool TrustKeeper::settled() noexcept {
  try {
    parts_.admin.settle();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void TrustKeeper::store(const Adopted& fresh, const std::optional<core::OwnCertificate>& old) {
  const core::OwnCertificate& own = fresh.certificate;
  TrustStores stores(certificates_);
  std::optional<core::CertificateFacts> old_facts;
  if (old) old_facts = core::certificate_facts_of(*core::parse_certificate(old->der));
  for (const core::StoreChange& change : core::changes_on_regeneration(
           own.unit, old_facts, core::certificate_facts_of(*core::parse_certificate(own.der)),
           stores.contents()))
    stores.apply(change, own.created);
  stores.note_issuers(fresh.issuers, own.created);
  core::Database::Transaction transaction(parts_.admin);
  certificates_.replace(own, {});
  certificates_.trust(stores.added(), stores.displaced());
  core::CsrStore requests(parts_.admin);
  const auto pending = requests.find(own.unit);
  if (pending && pending->key == own.key) requests.remove(own.unit);
  transaction.commit();
}

std::optional<Ensured> TrustKeeper::ensure_itl(const std::string& reason) {
  const std::lock_guard lock(parts_.mutex);
  std::optional<Ensured> ensured = parts_.publisher.ensure(current(), reason);
  if (ensured && !ensured->first)
    parts_.acts.record_done(
        "ringfence-admin",
        ensured->by == Ensured::By::last_good ? "ITL_RESTORE_DONE" : "ITL_REBUILD_DONE",
        boost::json::serialize(boost::json::object{
            {"why", ensured->why}, {"itl_sha1", ensured->sha1}, {"reason", reason}}),
        ensured->warnings);
  return ensured;
}

void TrustKeeper::end_recovery(const std::string& reason) {
  const std::lock_guard lock(parts_.mutex);
  if (parts_.publisher.recovering()) parts_.publisher.end_recovery(current(), reason);
}

std::optional<Ensured> TrustKeeper::refresh_itl(const std::string& reason) {
  try {
    return ensure_itl(reason);
  } catch (const Error& error) {
    const std::string state = show(core::ListKind::itl).state;
    log(Level::error, "ITL_NOT_REBUILT", {{"why", error.what()}, {"state", state}});
    if (state == "missing" || state == "corrupt") throw;
    return std::nullopt;
  }
}

Published TrustKeeper::regenerate(Unit unit, const std::string& who, Forced forced) {
  const std::lock_guard lock(parts_.mutex);
  return change({unit, who, "CERTIFICATE_REGENERATE", "regeneration of " + std::string(name(unit)),
                 OnFailure::discard_key, forced},
                [&] {
                  return Adopted{parts_.keys.make_certificate(unit), {}};
                });
}

Published TrustKeeper::adopt(Unit unit, const std::string& who,
                             const std::function<Adopted()>& judge, Forced forced) {
  const std::lock_guard lock(parts_.mutex);
  return change(
      {unit, who, "CERTIFICATE_IMPORT", "import of a certificate for " + std::string(name(unit)),
       OnFailure::keep_key, forced},
      judge);
}

void TrustKeeper::decide(const Adopted& fresh, const core::OwnCertificate& old,
                         const SignedList& list, const std::string& reason) {
  try {
    core::Database::Transaction transaction(parts_.admin);
    store(fresh, old);
    parts_.publisher.record(list, reason);
    transaction.commit();
  } catch (const std::exception&) {
    parts_.admin.settle();
    const auto own = certificates_.own(fresh.certificate.unit);
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
  parts_.acts.write_owed();
  parts_.acts.record(act.who, act.event + "_INTENT", detail({{"by", act.who}}));
  std::string in_force = "the earlier certificate and ITL";
  try {
    const NodeCertificates before = current();
    const core::OwnCertificate& old = before.own(unit);
    const Adopted fresh = make();
    SignedList list;
    try {
      list = parts_.publisher.build(before.with(fresh.certificate));
      parts_.publisher.prepare(list);
      decide(fresh, old, list, act.reason);
    } catch (...) {
      if (act.on_failure == OnFailure::discard_key) parts_.keys.discard(fresh.certificate.key);
      if (!settled()) in_force += ", unless the next start finds that the new one was kept";
      throw;
    }
    Published published;
    try {
      published = parts_.publisher.publish(list, act.reason);
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
    parts_.acts.record_done(act.who, act.event + "_DONE", detail(std::move(done)),
                            published.warnings);
    parts_.keys.retire(unit, old.key);
    return published;
  } catch (const std::exception& error) {
    std::vector<std::string> logged;
    parts_.acts.record_done(act.who, act.event + "_FAILED",
                            detail({{"why", error.what()}, {"in_force", in_force}}), logged);
    throw;
  }
}

core::PendingRequest TrustKeeper::request(Unit unit, const std::string& who) {
  const std::lock_guard lock(parts_.mutex);
  core::CsrStore requests(parts_.admin);
  const auto before = requests.find(unit);
  core::PendingRequest fresh = parts_.keys.make_request(unit);
  try {
    requests.save(fresh);
  } catch (...) {
    parts_.keys.discard(fresh.key);
    throw;
  }
  std::vector<std::string> logged;
  parts_.acts.record_done(
      who, "CERTIFICATE_REQUEST_DONE",
      detail_of(unit, "subject", core::subject_of(*core::parse_request(fresh.der))), logged);
  if (before) parts_.keys.discard(before->key);
  return fresh;
}

std::vector<core::admin::TrustImport> TrustKeeper::trust(
    core::TrustStore store, const std::vector<X509Cert>& certificates, const std::string& who,
    std::optional<core::CapfTrustPurpose> purpose) {
  const std::lock_guard lock(parts_.mutex);
  const std::string store_name(name(store));
  std::vector<core::admin::TrustImport> results;
  TrustStores stores(certificates_);
  for (const X509Cert& certificate : certificates) {
    const core::CertificateFacts facts = core::certificate_facts_of(*certificate);
    const std::vector<core::CertificateFacts> there = stores.of(store);
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
        stores.apply({store, facts, present}, parts_.clock.now());
        result.result = present ? "replaced" : "added";
        break;
    }
    if (store == core::TrustStore::capf)
      result.purpose = stores.set_purpose(facts.der, *certificate, purpose);
    result.file = stores.file_of(store, facts.der);
    results.push_back(result);
  }
  certificates_.trust(stores.added(), stores.displaced());
  std::vector<std::string> logged;
  for (const core::admin::TrustImport& result : results)
    parts_.acts.record_done(
        who, "TRUST_IMPORT_DONE",
        boost::json::serialize(boost::json::object{{"store", store_name},
                                                   {"subject", result.subject},
                                                   {"result", result.result},
                                                   {"purpose", result.purpose}}),
        logged);
  for (const Service& service : kServices) tell_reload(parts_.config, service);
  return results;
}

core::admin::TrustListReset TrustKeeper::reset_localkey() {
  Published published;
  {
    const std::lock_guard lock(parts_.mutex);
    published = parts_.publisher.begin_recovery(current());
  }
  const core::admin::TrustListShow now = show(core::ListKind::itl);
  core::admin::TrustListReset reset{now.signer, now.md5, now.sha1, {}, published.warnings};
  (now.served ? reset.not_serving : reset.nodes).push_back(parts_.config.node().host);
  if (now.served) {  // not this list, or nothing: said once, with what mends it
    std::erase_if(reset.warnings, [](const std::string& warning) {
      return warning.find("Cisco Tftp was not told") != warning.npos;
    });
    for (const std::string& warning : now.warnings)
      reset.warnings.push_back(
          warning +
          " That keeps the recovery list, and phones that are reset before get no files.");
  }
  return reset;
}

core::admin::TrustListShow TrustKeeper::show(core::ListKind kind) {
  const std::filesystem::path path = list_path(parts_.config, kind);
  std::optional<Bytes> file;
  try {
    file = core::read_file(path, kMaxListBytes);
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
  }
  const core::TrustListFacts facts =
      file && file->empty() ? core::facts_of_empty(kind)
                            : core::facts_of(kind, file.value_or(Bytes()), modified_at(path),
                                             [&](const core::SignerName& wanted) {
                                               return own_certificate_named(certificates_, wanted);
                                             });
  core::admin::TrustListShow show = show_of(facts, modified_at(path));
  show.file = path.filename();
  const bool absent_by_choice = kind == core::ListKind::ctl && facts.state == "missing";
  if (facts.state == "verified") {
    warn_unless_served(parts_.config, kind, show);
  } else if (!absent_by_choice) {
    note_served(parts_.config, kind, show);
  }
  return show;
}

std::string TrustKeeper::served_itl_sha1() {
  return parts_.publisher.served_sha1();
}

}  // namespace ringfence::services::admin
