#include "services/capf/offline.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "core/base/device_name.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/certificates/verify.h"
#include "core/crypto/x509.h"
#include "services/capf/public_key.h"

namespace ringfence::services::capf {

using core::Bytes;
using core::Code;
using core::Error;
using core::Level;
using core::log;
namespace json = boost::json;

namespace {

/// As many requests the signer's pool takes at once of one client with profit.
constexpr std::size_t kThreads = 32;

/// for_each runs `work(i)` for every i below `count` on several threads. `work` must not throw.
template <typename Work>
void for_each(std::size_t count, const Work& work) {
  std::atomic<std::size_t> next = 0;
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(count, kThreads); ++i) threads.emplace_back(run);
  run();
}

const json::array& list_of(const json::object& params, const char* name) {
  const json::value* list = params.if_contains(name);
  if (list == nullptr || !list->is_array() || list->as_array().size() > Offline::kMostAtOnce)
    throw Error(Code::malformed,
                fmt::format("'{}' must be a list of at most {}", name, Offline::kMostAtOnce));
  return list->as_array();
}

std::string text_of(const json::value& value) {
  if (!value.is_string()) throw Error(Code::malformed, "a text was expected");
  return std::string(value.as_string());
}

std::vector<std::string> phones_of(const json::object& params) {
  std::vector<std::string> phones;
  for (const json::value& one : list_of(params, "phones")) phones.push_back(text_of(one));
  return phones;
}

/// guarded returns what `work` throws, as the reason of a refusal; "" when it throws nothing.
template <typename Work>
std::string guarded(const Work& work) {
  try {
    work();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// Offered is a certificate of an import, and what became of it.
struct Offered {
  std::string file;
  Bytes der;
  std::string device;
  std::string reason;
};

/// proof_of is a CSR's; whoever brought one of which it was not noted has shown nothing.
std::string proof_of(const core::PendingCsr& csr) {
  return csr.proof.empty() ? std::string(word(core::AuthMode::null_string)) : csr.proof;
}

core::IssuedCertificate journal_entry(const X509& certificate, const Bytes& der,
                                      const core::PendingCsr& csr, core::Time now) {
  core::IssuedCertificate issued;
  issued.phone = csr.phone;
  issued.request = csr.request;
  issued.serial = core::serial_of(certificate);
  issued.subject = core::subject_of(certificate);
  issued.issuer = core::issuer_of(certificate);
  issued.der = der;
  issued.key = csr.key;
  issued.key_hash = read_public_key(csr.spki).hash;
  issued.peer = csr.peer;
  issued.proof = proof_of(csr);
  issued.not_after = core::not_after_of(certificate);
  issued.issued_at = now;
  return issued;
}

/// wanted_phone returns the phone of a CSR; throws when it would not come for the certificate.
core::Phone wanted_phone(const core::PhoneStore& phones, const core::PendingCsr& csr) {
  std::optional<core::Phone> phone = phones.find(csr.phone);
  if (!phone) throw Error(Code::not_found, fmt::format("there is no phone {} any more", csr.phone));
  if (phone->capf.request != csr.request)
    throw Error(Code::conflict,
                fmt::format("{} was asked for another operation since it made this key; it makes a "
                            "new one when it is asked to install again",
                            csr.phone));
  return std::move(*phone);
}

}  // namespace

/// Csrs finds the CSR that a certificate was made of: by the name in its subject, which is quick,
/// and else by its key among all.
class Offline::Csrs {
 public:
  explicit Csrs(const core::EnrolmentStore& journal) : journal_(journal) {}

  /// find throws Error{not_found} that says what the certificate's name and key tell.
  core::PendingCsr find(const X509& certificate) {
    const Bytes key = core::spki_of(certificate);
    const std::string name = core::common_name_of(certificate);
    const std::string device(core::device_of(name));
    const std::optional<core::PendingCsr> named = journal_.csr(device);
    if (named && named->spki == key) return *named;
    std::call_once(read_, [this] {
      for (core::PendingCsr& csr : journal_.csrs()) by_key_[csr.spki] = std::move(csr);
    });
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) return found->second;
    if (named)
      throw Error(Code::not_found,
                  fmt::format("it is for another key than that of {}'s CSR: the phone made a new "
                              "one, or the CA signed something else; dump the CSRs anew",
                              device));
    throw Error(Code::not_found,
                "no CSR has its key; see 'utils capf csr list' for those that wait");
  }

 private:
  const core::EnrolmentStore& journal_;
  std::once_flag read_;
  std::map<Bytes, core::PendingCsr> by_key_;
};

std::optional<json::object> Offline::answer(std::string_view method, const json::object& params) {
  if (method == "offline.import") return import(params);
  if (method == "offline.issue") return issue(params);
  if (method == "offline.remove") return remove(params);
  if (method == "stale.clear") return clear(params);
  return std::nullopt;
}

json::object Offline::import(const json::object& params) {
  std::vector<Offered> offered;
  for (const json::value& one : list_of(params, "certificates")) {
    const json::object& fields = one.as_object();
    offered.push_back(
        {text_of(fields.at("file")), core::from_hex(text_of(fields.at("der"))), "", ""});
  }
  std::vector<Bytes> trusted;
  for (core::TrustedCertificate& one : certificates_.trusted("CAPF-trust"))
    trusted.push_back(std::move(one.der));
  const core::Anchors trust("CAPF-trust", trusted);
  Csrs csrs(journal_);
  const core::Time now = clock_.now();

  for_each(offered.size(), [&](std::size_t i) {
    Offered& one = offered[i];
    one.reason = guarded([&] {
      const core::X509Cert certificate = core::parse_certificate(one.der);
      const core::PendingCsr csr = csrs.find(*certificate);
      one.device = csr.phone;
      if (csr.serial && *csr.serial == core::serial_of(*certificate))
        throw Error(Code::conflict, fmt::format("it was imported for {} already", one.device));
      wanted_phone(phones_, csr);
      core::check_offline_lsc(*certificate, one.device, csr.spki, trust, now, csr.model);
      const core::IssuedCertificate issued = journal_entry(*certificate, one.der, csr, now);
      if (const auto before = journal_.certificate(issued.serial))
        throw Error(Code::conflict,
                    fmt::format("the serial {} was issued already, to {}; every certificate needs "
                                "its own",
                                core::to_hex(issued.serial, core::Case::upper), before->phone));
      journal_.imported(issued, csr.spki);
      log(Level::notice, "CAPF_IMPORTED",
          {{"device", one.device},
           {"serial", core::to_hex(issued.serial)},
           {"issuer", issued.issuer}});
    });
  });
  json::array results;
  for (const Offered& one : offered)
    results.push_back(
        json::object{{"file", one.file}, {"device", one.device}, {"reason", one.reason}});
  return {{"results", std::move(results)}};
}

json::object Offline::issue(const json::object& params) {
  const std::vector<std::string> phones = phones_of(params);
  const std::shared_ptr<const Identity> identity = authority_.current();
  const std::chrono::days validity(policies_.load().validity_days);
  const core::Time now = clock_.now();
  std::vector<std::string> reasons(phones.size());
  for_each(phones.size(), [&](std::size_t i) {
    reasons[i] = guarded([&] {
      const auto csr = journal_.csr(phones[i]);
      if (!csr) throw Error(Code::not_found, "there is no CSR of it");
      if (csr->serial) throw Error(Code::conflict, "a certificate for its CSR is here already");
      core::Phone phone = wanted_phone(phones_, *csr);
      phone.model = csr->model;
      core::IssuedCertificate issued = identity->issuer->issue(phone, csr->spki, validity, now);
      issued.peer = csr->peer;
      issued.proof = proof_of(*csr);
      journal_.imported(issued, csr->spki);
      log(Level::notice, "CAPF_ISSUED",
          {{"device", phones[i]},
           {"serial", core::to_hex(issued.serial)},
           {"key", issued.key},
           {"issuer", issued.issuer},
           {"by", "utils capf csr issue"}});
    });
  });
  json::array results;
  for (std::size_t i = 0; i < phones.size(); ++i)
    results.push_back(json::object{{"device", phones[i]}, {"reason", reasons[i]}});
  return {{"results", std::move(results)}};
}

json::object Offline::remove(const json::object& params) {
  const std::vector<std::string> phones = phones_of(params);
  std::atomic<std::int64_t> removed = 0;
  std::vector<std::string> failures(phones.size());
  for_each(phones.size(), [&](std::size_t i) {
    failures[i] = guarded([&] {
      if (journal_.remove_csr(phones[i])) ++removed;
    });
  });
  for (const std::string& failure : failures)
    if (!failure.empty()) throw Error(Code::io, failure);
  return {{"removed", removed.load()}};
}

json::object Offline::clear(const json::object& params) {
  std::optional<std::string> phone;
  if (const json::value* named = params.if_contains("phone"); named && !named->is_null())
    phone = text_of(*named);
  const std::size_t cleared = journal_.clear_stale(phone, clock_.now());
  log(Level::notice, "CAPF_STALE_CLEARED",
      {{"device", phone.value_or("all")}, {"count", std::to_string(cleared)}});
  return {{"cleared", static_cast<std::int64_t>(cleared)}};
}

}  // namespace ringfence::services::capf
