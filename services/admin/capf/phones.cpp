#include "services/admin/capf/phones.h"

#include <chrono>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/phones/capf_inventory.h"
#include "core/phones/device_name.h"
#include "core/phones/model_name.h"
#include "core/phones/phone_csv.h"
#include "services/admin/capf/report.h"
#include "services/admin/node/phone_words.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Phone;
using core::admin::PhoneFacts;
using core::admin::PhoneFields;

namespace {

constexpr std::chrono::hours kDefaultCompletesAfter{24 * 7};
constexpr std::size_t kMostWarnings = 20;   // of an import
constexpr std::size_t kPhonesAPage = 2000;  // far below what a call may return

void apply(const PhoneFields& fields, Phone& phone, core::Time now) {
  core::CapfSettings& capf = phone.capf;
  if (fields.model) phone.model = core::model_name_from(*fields.model);
  phone.description = fields.description.value_or(phone.description);
  phone.device_pool = fields.device_pool.value_or(phone.device_pool);
  if (fields.security_profile)
    phone.security_profile = *fields.security_profile == "-" ? "" : *fields.security_profile;
  if (fields.auth_mode) capf.auth_mode = core::auth_mode_from(*fields.auth_mode);
  capf.auth_string = fields.auth_string.value_or(capf.auth_string);
  if (fields.key_order) capf.key_order = core::key_order_from(*fields.key_order);
  if (fields.rsa_bits) capf.rsa_bits = static_cast<int>(*fields.rsa_bits);
  if (fields.ec_bits) capf.ec_bits = static_cast<int>(*fields.ec_bits);
  if (fields.operation) {
    capf.operation = core::operation_from(*fields.operation);
    capf.completes_by = now + kDefaultCompletesAfter;
  }
  if (fields.completes_by && !fields.completes_by->empty()) {
    capf.completes_by = core::completes_by_from(*fields.completes_by);
    core::check_completes_by(*capf.completes_by, now);
  }
  if (capf.operation == core::Operation::none) capf.completes_by.reset();
}

bool touches_capf(const PhoneFields& fields) {
  return fields.operation || fields.auth_mode || fields.key_order || fields.rsa_bits ||
         fields.ec_bits;
}

/// ask_of: an operation is asked for by its name; one that is under way begins anew when its terms
/// change; one whose time is over does not, unless it gets more time.
core::PhoneStore::Ask ask_of(const PhoneFields& fields, const Phone& phone, core::Time now) {
  if (fields.operation) return core::PhoneStore::Ask::again;
  const auto& completes_by = phone.capf.completes_by;
  return completes_by && *completes_by <= now ? core::PhoneStore::Ask::never
                                              : core::PhoneStore::Ask::changed_only;
}

/// warnings_of says what keeps an operation from completing, as far as the record shows it.
std::vector<std::string> warnings_of(const Phone& phone, const core::CapfPolicy& policy,
                                     core::Time now) {
  constexpr std::chrono::hours kHardlyTime(1);
  const core::CapfSettings& capf = phone.capf;
  std::vector<std::string> warnings;
  if (!capf.auth_string.empty() &&
      capf.auth_string.size() < static_cast<std::size_t>(policy.min_auth_string_digits))
    warnings.push_back(fmt::format(
        "The authentication string of {} has {} digits, this node's least is {}: set a longer one.",
        phone.name, capf.auth_string.size(), policy.min_auth_string_digits));
  if (core::contradicts_profile(phone))
    warnings.push_back(fmt::format(
        "{} has the authentication mode {}, and its security profile fixes {}: CAPF refuses the "
        "phone until they agree.",
        phone.name, word(capf.auth_mode), word(*phone.profile_mode)));
  if (capf.operation == core::Operation::none || !capf.completes_by) return warnings;
  const auto left = *capf.completes_by - now;
  if (left > std::chrono::seconds(0) && left < kHardlyTime)
    warnings.push_back(
        fmt::format("The operation of {} has to complete by {}, in {} min: phones may need longer.",
                    phone.name, core::completes_by_text(*capf.completes_by),
                    std::chrono::floor<std::chrono::minutes>(left).count()));
  return warnings;
}

/// asked_again says which of the phones in `done` a file asks for an operation once more.
std::optional<std::string> asked_again(const std::vector<Phone>& phones,
                                       const std::set<std::string>& done) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> names;
  std::size_t count = 0;
  for (const Phone& phone : phones) {
    if (phone.capf.operation == core::Operation::none || !done.contains(phone.name)) continue;
    if (++count <= kNamed) names.push_back(phone.name);
  }
  if (count == 0) return std::nullopt;
  return fmt::format(
      "{} had done what was asked and {} asked anew, because the file names an operation: {}{}. "
      "Leave that field empty for phones that are to stay as they are.",
      phones_text(static_cast<std::int64_t>(count)), count == 1 ? "is" : "are",
      fmt::join(names, ", "), count > kNamed ? " …" : "");
}

void check_string(const Phone& phone, const core::CapfPolicy& policy) {
  try {
    core::check_auth_string(phone.capf.auth_string, policy);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("phone {}: {}", phone.name, error.what()));
  }
}

/// with_read adds what of the fields is kept in another spelling.
PhoneFacts with_read(const PhoneFields& fields, PhoneFacts facts) {
  if (fields.model && *fields.model != facts.model)
    facts.notes.push_back(
        fmt::format("The model \"{}\" is kept as {}.", *fields.model, facts.model));
  if (fields.model && !core::is_model_name(facts.model))
    facts.notes.push_back(
        fmt::format("\"{}\" is no model that Ringfence knows; it is kept as written. Write it as "
                    "CP-8861, as it stands on the phone.",
                    facts.model));
  return facts;
}

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

core::admin::PhoneImported Phones::import(const core::admin::PhoneImportRequest& request) {
  const std::lock_guard lock(change_mutex_);
  core::admin::PhoneImported counts;
  std::unordered_map<std::string, std::string> strings;  // that phones had before
  std::set<std::string> done;                            // phones whose operation has succeeded
  core::PhoneCsv csv =
      core::parse_phone_csv(request.csv, house_.clock.now(), [&](std::string_view name) {
        std::optional<Phone> found = house_.phones.find(name);
        ++(found ? counts.updated : counts.added);
        if (!found) return found;
        strings.emplace(found->name, found->capf.auth_string);
        const bool asked = found->capf.operation != core::Operation::none;
        Phone now = settled(std::move(*found));
        if (asked && now.capf.operation == core::Operation::none) done.insert(now.name);
        return std::optional(std::move(now));
      });
  const core::CapfPolicy policy = core::CapfPolicyStore(house_.database).load();
  for (const Phone& phone : csv.phones) {
    check_sizes(phone, policy);
    const auto before = strings.find(phone.name);
    if (before == strings.end() || before->second != phone.capf.auth_string)
      check_string(phone, policy);
  }
  for (core::CsvNote& note : csv.notes)
    counts.normalised.push_back({std::move(note.kind), static_cast<std::int64_t>(note.count),
                                 std::move(note.examples), std::move(note.text)});
  house_.phones.save(csv.phones, core::PhoneStore::Ask::changed_only);
  if (auto warning = asked_again(csv.phones, done)) counts.warnings.push_back(std::move(*warning));
  for (const Phone& phone : csv.phones) {
    for (std::string& one : warnings_of(phone, policy, house_.clock.now()))
      if (counts.warnings.size() < kMostWarnings) counts.warnings.push_back(std::move(one));
  }
  return counts;
}

void Phones::check_sizes(const Phone& phone, const core::CapfPolicy& policy) const {
  try {
    core::check_minimum_sizes(phone.capf, policy);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("phone {}: {}", phone.name, error.what()));
  }
}

Phone Phones::known(const std::string& name) const {
  std::optional<Phone> phone = house_.phones.find(core::device_name_from(name));
  if (!phone) throw Error(Code::not_found, "there is no phone '" + name + "'");
  return std::move(*phone);
}

PhoneFacts Phones::add(const PhoneFields& fields) {
  const std::lock_guard lock(change_mutex_);
  Phone phone;
  phone.name = core::device_name_from(fields.name, fields.model.value_or(""));
  core::check_device_name(phone.name);
  if (house_.phones.find(phone.name))
    throw Error(Code::conflict, "phone " + phone.name + " exists already");
  const core::Time now = house_.clock.now();
  apply(fields, phone, now);
  const core::CapfPolicy policy = core::CapfPolicyStore(house_.database).load();
  check_sizes(phone, policy);
  check_string(phone, policy);
  house_.phones.save({phone}, ask_of(fields, phone, now));
  return with_read(fields, show(phone.name));
}

Phone Phones::settled(Phone phone) {
  core::Database* capf = house_.capf_db();
  if (capf == nullptr || phone.capf.operation == core::Operation::none) return phone;
  const auto outcome = core::EnrolmentStore(*capf).outcome(phone.name, phone.capf.request);
  if (!outcome || outcome->status != core::OperationStatus::success) return phone;
  phone.capf.operation = core::Operation::none;
  phone.capf.completes_by.reset();
  return phone;
}

PhoneFacts Phones::update(const PhoneFields& fields) {
  const std::lock_guard lock(change_mutex_);
  Phone phone = settled(known(fields.name));
  const core::Time now = house_.clock.now();
  apply(fields, phone, now);
  const core::CapfPolicy policy = core::CapfPolicyStore(house_.database).load();
  // A phone whose keys were small enough once may still get another description.
  if (touches_capf(fields)) check_sizes(phone, policy);
  if (fields.auth_string) check_string(phone, policy);
  house_.phones.save({phone}, ask_of(fields, phone, now));
  return with_read(fields, show(phone.name));
}

core::admin::PhoneList Phones::list(const core::admin::PhoneListRequest& request) {
  core::admin::PhoneList list;
  const std::vector<Phone> phones = house_.phones.page(request.after, kPhonesAPage);
  if (phones.empty()) return list;
  if (phones.size() == kPhonesAPage) list.next = phones.back().name;
  Known known = known_between(request.after, phones.back().name);
  std::vector<std::string> names;
  for (const Phone& phone : phones) names.push_back(phone.name);
  known.trust = house_.trust().of(names, {});
  const core::Time now = house_.clock.now();
  list.phones.reserve(phones.size());
  for (const Phone& phone : phones) list.phones.push_back(describe(phone, known, now));
  return list;
}

PhoneFacts Phones::show(const std::string& name) {
  const Phone phone = known(name);
  PhoneFacts facts = describe(phone, known_of(phone.name), house_.clock.now());
  facts.itl_signs.emplace();
  for (const core::TrustSign& sign : house_.trust().signs(phone.name))
    facts.itl_signs->push_back({core::to_iso(std::chrono::floor<std::chrono::seconds>(sign.at)),
                                std::string(word(sign.kind)), sign.peer, sign.subject,
                                sign.detail});
  const auto fetched = [&](std::string_view kind) -> std::optional<std::string> {
    const std::filesystem::path file = fetched_certificate_file(house_.config, phone.name, kind);
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return std::nullopt;
    return file.string();
  };
  facts.warnings =
      warnings_of(phone, core::CapfPolicyStore(house_.database).load(), house_.clock.now());
  facts.fetched_lsc = fetched("lsc");
  facts.fetched_mic = fetched("mic");
  return facts;
}

core::admin::Nothing Phones::remove(const std::string& name) {
  const std::lock_guard lock(change_mutex_);
  const std::string device = core::device_name_from(name);
  if (!house_.phones.remove(device))
    throw Error(Code::not_found, "there is no phone '" + name + "'");
  house_.trust().forget(device);
  return {};
}

Phones::Known Phones::known_between(const std::string& after, const std::string& last) {
  Known known;
  known.registrar = house_.registrar();
  if (core::Database* registrar = house_.callmanager_db()) {
    known.note(core::RegistrationStore(*registrar).list_of(after, last));
    for (core::PhoneReport& one : core::PhoneReportStore(*registrar).list_of(after, last))
      known.reports.emplace(one.device, one);
  }
  if (core::Database* capf = house_.capf_db())
    known.states = core::CapfInventory(*capf).between(after, last);
  return known;
}

Phones::Known Phones::known_of(const std::string& name) {
  Known known;
  known.trust.emplace(name, house_.trust().of(name));
  known.registrar = house_.registrar();
  if (core::Database* registrar = house_.callmanager_db()) {
    known.note(core::RegistrationStore(*registrar).find(name));
    if (const auto report = core::PhoneReportStore(*registrar).find(name))
      known.reports.emplace(name, *report);
  }
  if (core::Database* capf = house_.capf_db())
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
  const bool answered = state.last && state.last->request == capf.request;
  const core::OperationStatus status =
      core::status_of(phone, answered ? state.last : std::nullopt, now);
  row.operation_status = core::describe(answered ? state.last->operation : capf.operation, status);
  if (status == core::OperationStatus::unproven)
    row.operation_status += fmt::format(" ({})", core::address_text(state.last->peer));
  row.operation =
      word(status == core::OperationStatus::success ? core::Operation::none : capf.operation);
  if (capf.completes_by && status != core::OperationStatus::success)
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
