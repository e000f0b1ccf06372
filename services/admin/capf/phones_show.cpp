// Phones as they are shown: their records, and what the daemons know of them.
#include <filesystem>
#include <map>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "core/phones/capf_inventory.h"
#include "services/admin/capf/operation_now.h"
#include "services/admin/capf/phone_warnings.h"
#include "services/admin/capf/phones.h"
#include "services/admin/capf/report.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

using core::Phone;
using core::admin::PhoneFacts;

namespace {

constexpr std::size_t kPhonesAPage = 2000;  // far below what a call may return

/// note_of says what the phone showed that the journal did not know.
std::optional<std::string> note_of(const core::CapfState& state) {
  if (!state.shown) return std::nullopt;
  const std::string when = core::to_iso(state.shown->at);
  if (state.shown->serial.empty())
    return fmt::format("at {} the phone showed that it has none", when);
  return fmt::format(
      "at {} the phone showed one that is not on record here: {}, serial {}, issued "
      "by {}",
      when, state.shown->subject, core::to_hex(state.shown->serial, core::Case::upper),
      state.shown->issuer);
}

}  // namespace

struct Phones::Known {
  std::map<std::string, PhoneTrust> trust;
  RegistrarTruth registrar;
  std::unordered_map<std::string, std::vector<core::Registration>> contacts;
  std::unordered_map<std::string, core::PhoneReport> reports;
  std::unordered_map<std::string, core::CapfState> states;

  void note(std::vector<core::Registration> all) {
    for (core::Registration& one : all) contacts[one.device].push_back(std::move(one));
  }
};

core::admin::PhoneList Phones::list(const core::admin::PhoneListRequest& request) {
  core::admin::PhoneList list;
  const std::vector<Phone> phones = parts_.phones.page(request.after, kPhonesAPage);
  if (phones.empty()) return list;
  if (phones.size() == kPhonesAPage) list.next = phones.back().name;
  Known known = known_between(request.after, phones.back().name);
  std::vector<std::string> names;
  for (const Phone& phone : phones) names.push_back(phone.name);
  known.trust = parts_.trust.of(names, {});
  const core::Time now = parts_.clock.now();
  list.phones.reserve(phones.size());
  for (const Phone& phone : phones) list.phones.push_back(describe(phone, known, now));
  return list;
}

PhoneFacts Phones::show(const std::string& name) {
  const Phone phone = known(name);
  PhoneFacts facts = describe(phone, known_of(phone.name), parts_.clock.now());
  facts.itl_signs.emplace();
  for (const core::TrustSign& sign : parts_.trust.signs(phone.name))
    facts.itl_signs->push_back({core::to_iso(std::chrono::floor<std::chrono::seconds>(sign.at)),
                                std::string(word(sign.kind)), sign.peer, sign.subject,
                                sign.detail});
  const auto fetched = [&](std::string_view kind) -> std::optional<std::string> {
    const std::filesystem::path file = fetched_certificate_file(parts_.config, phone.name, kind);
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return std::nullopt;
    return file.string();
  };
  facts.warnings =
      warnings_of(phone, core::CapfPolicyStore(parts_.admin).load(), parts_.clock.now());
  facts.fetched_lsc = fetched("lsc");
  facts.fetched_mic = fetched("mic");
  return facts;
}

Phones::Known Phones::known_between(const std::string& after, const std::string& last) {
  Known known;
  known.registrar = parts_.neighbours.registrar();
  if (core::Database* registrar = parts_.neighbours.callmanager()) {
    known.note(core::RegistrationStore(*registrar).list_of(after, last));
    for (core::PhoneReport& one : core::PhoneReportStore(*registrar).list_of(after, last))
      known.reports.emplace(one.device, one);
  }
  if (core::Database* capf = parts_.neighbours.capf())
    known.states = core::CapfInventory(*capf).between(after, last);
  return known;
}

Phones::Known Phones::known_of(const std::string& name) {
  Known known;
  known.trust.emplace(name, parts_.trust.of(name));
  known.registrar = parts_.neighbours.registrar();
  if (core::Database* registrar = parts_.neighbours.callmanager()) {
    known.note(core::RegistrationStore(*registrar).find(name));
    if (const auto report = core::PhoneReportStore(*registrar).find(name))
      known.reports.emplace(name, *report);
  }
  if (core::Database* capf = parts_.neighbours.capf())
    known.states[name] = core::CapfInventory(*capf).of(name);
  return known;
}

void Phones::describe(const PhoneTrust& trust, PhoneFacts& row) {
  const std::string address = core::address_text(row.address);
  row.itl = word(trust.judgement.acceptance);
  row.itl_evidence = trust.judgement.evidence;
  row.itl_list_sha1 = trust.judgement.holds;
  const bool known = trust.proof != core::AddressProof::none;
  row.itl_address = known ? trust.home : "";
  row.itl_other_address = trust.elsewhere.empty() && !known ? trust.home : trust.elsewhere;
  if (known && !trust.home.empty() && trust.elsewhere.empty() && row.registered &&
      address != trust.home) {
    row.itl_other_address = address;
    row.itl_evidence += fmt::format(
        "; it is registered from {}, and was known at {}: what comes from there counts only when "
        "it "
        "has proven itself to CAPF from there",
        address, trust.home);
  }
}

PhoneFacts Phones::describe(const Phone& phone, const Known& known, core::Time now) const {
  PhoneFacts row;
  row.name = phone.name;
  row.model = phone.model;
  row.description = phone.description;
  row.device_pool = phone.device_pool;
  row.security_profile = phone.security_profile;
  const core::CapfSettings& capf = phone.capf;
  row.auth_mode = word(capf.auth_mode);
  row.auth_string_set = !capf.auth_string.empty();
  row.key_order = word(capf.key_order);
  row.rsa_bits = capf.rsa_bits;
  row.ec_bits = capf.ec_bits;

  static const core::CapfState kNothing;
  const auto found = known.states.find(phone.name);
  const core::CapfState& state = found == known.states.end() ? kNothing : found->second;
  OperationNow operation = operation_now(phone, state, now);
  row.operation_status = std::move(operation.status);
  row.operation = std::move(operation.operation);
  if (capf.completes_by && !operation.succeeded)
    row.completes_by = core::completes_by_text(*capf.completes_by);

  const auto contacts = known.contacts.find(phone.name);
  const Registered registration = registered(
      contacts == known.contacts.end() ? std::vector<core::Registration>() : contacts->second,
      known.registrar, now);
  row.registered = registration.now;
  row.registration = registration.words;
  if (registration.row) {
    row.address = registration.row->peer;
    row.registered_at = core::to_iso(registration.row->registered_at);
  }
  describe(known.trust.at(phone.name), row);
  if (const auto report = known.reports.find(phone.name); report != known.reports.end())
    say(report->second, row);

  row.lsc = state.held ? "installed" : "none";
  row.lsc_note = note_of(state);
  row.lsc_stale = static_cast<std::int64_t>(state.stale(now));
  if (state.held) {
    const core::IssuedCertificate& lsc = *state.held;
    row.lsc_subject = lsc.subject;
    row.lsc_issuer = lsc.issuer;
    row.lsc_serial = core::to_hex(lsc.serial, core::Case::upper);
    row.lsc_key = lsc.key;
    row.lsc_expires = core::to_iso(lsc.not_after);
    if (lsc.confirmed_at) row.lsc_confirmed = core::to_iso(*lsc.confirmed_at);
    row.lsc_enrolled_from = core::enrolled_from(lsc);
  }
  return row;
}

void Phones::say(const core::PhoneReport& report, PhoneFacts& row) {
  const auto unless_empty = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  };
  row.last_out_of_service = last_words(report);
  row.active_load = unless_empty(report.active_load);
  row.inactive_load = unless_empty(report.inactive_load);
  if (!report.previous_address.empty() && report.moved_at)
    row.address_before =
        fmt::format("{} until {}", report.previous_address, core::to_iso(*report.moved_at));
}

}  // namespace ringfence::services::admin
