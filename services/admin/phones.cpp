#include "services/admin/phones.h"

#include <poll.h>

#include <chrono>
#include <map>
#include <set>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/phones/phone_csv.h"
#include "services/admin/reset_request.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Phone;
using core::admin::PhoneFacts;
using core::admin::PhoneFields;

namespace {

constexpr std::chrono::hours kDefaultCompletesAfter{24 * 7};
constexpr std::chrono::seconds kAnswersWithin{12};  // the registrar gives up after ten
constexpr int kLookEveryMilliseconds = 50;

void apply(const PhoneFields& fields, Phone& phone, core::Time now) {
  core::CapfSettings& capf = phone.capf;
  phone.model = fields.model.value_or(phone.model);
  phone.description = fields.description.value_or(phone.description);
  phone.device_pool = fields.device_pool.value_or(phone.device_pool);
  if (fields.auth_mode) capf.auth_mode = core::auth_mode_from(*fields.auth_mode);
  capf.auth_string = fields.auth_string.value_or(capf.auth_string);
  if (fields.key_order) capf.key_order = core::key_order_from(*fields.key_order);
  if (fields.rsa_bits) capf.rsa_bits = static_cast<int>(*fields.rsa_bits);
  if (fields.ec_bits) capf.ec_bits = static_cast<int>(*fields.ec_bits);
  if (fields.operation) {
    capf.operation = core::operation_from(*fields.operation);
    capf.completes_by = now + kDefaultCompletesAfter;
  }
  if (fields.completes_by && !fields.completes_by->empty())
    capf.completes_by = core::completes_by_from(*fields.completes_by);
  if (capf.operation == core::Operation::none) capf.completes_by.reset();
}

core::PhoneStore::Ask ask_of(const PhoneFields& fields) {
  return fields.operation ? core::PhoneStore::Ask::again : core::PhoneStore::Ask::changed_only;
}

}  // namespace

core::admin::PhoneImported Phones::import(const core::admin::PhoneImportRequest& request) {
  const std::lock_guard lock(change_mutex_);
  core::admin::PhoneImported counts;
  const std::vector<Phone> phones =
      core::parse_phone_csv(request.csv, house_.clock.now(), [&](std::string_view name) {
        std::optional<Phone> found = house_.phones.find(name);
        ++(found ? counts.updated : counts.added);
        return found;
      });
  house_.phones.save(phones, core::PhoneStore::Ask::changed_only);
  return counts;
}

Phone Phones::known(const std::string& name) const {
  std::optional<Phone> phone = house_.phones.find(name);
  if (!phone) throw Error(Code::not_found, "there is no phone '" + name + "'");
  return std::move(*phone);
}

PhoneFacts Phones::add(const PhoneFields& fields) {
  const std::lock_guard lock(change_mutex_);
  core::check_device_name(fields.name);
  if (house_.phones.find(fields.name))
    throw Error(Code::conflict, "phone " + fields.name + " exists already");
  Phone phone;
  phone.name = fields.name;
  apply(fields, phone, house_.clock.now());
  house_.phones.save({phone}, ask_of(fields));
  return show(fields.name);
}

PhoneFacts Phones::update(const PhoneFields& fields) {
  const std::lock_guard lock(change_mutex_);
  Phone phone = known(fields.name);
  apply(fields, phone, house_.clock.now());
  house_.phones.save({phone}, ask_of(fields));
  return show(fields.name);
}

core::admin::PhoneList Phones::list() {
  return {describe(house_.phones.list())};
}

PhoneFacts Phones::show(const std::string& name) {
  return describe({known(name)}).front();
}

core::admin::Nothing Phones::remove(const std::string& name) {
  if (!house_.phones.remove(name)) throw Error(Code::not_found, "there is no phone '" + name + "'");
  return {};
}

std::vector<PhoneFacts> Phones::describe(const std::vector<Phone>& phones) {
  std::map<std::string, core::Registration> registrations;
  for (core::Registration& one : house_.registrations()) registrations[one.device] = std::move(one);
  std::map<std::string, std::string> itls;
  for (core::Fetch& one : house_.last_itls()) itls[one.device] = std::move(one.sha1);
  std::map<std::string, core::Outcome> outcomes;
  for (core::Outcome& one : house_.last_outcomes()) outcomes[one.phone] = std::move(one);
  std::map<std::string, core::IssuedCertificate> held;
  for (core::IssuedCertificate& one : house_.held_certificates()) held[one.phone] = std::move(one);
  const std::string served = keeper_.served_itl_sha1();
  const core::Time now = house_.clock.now();

  std::vector<PhoneFacts> rows;
  rows.reserve(phones.size());
  for (const Phone& phone : phones) {
    PhoneFacts row;
    row.name = phone.name;
    row.model = phone.model;
    row.description = phone.description;
    row.device_pool = phone.device_pool;
    const core::CapfSettings& capf = phone.capf;
    row.auth_mode = word(capf.auth_mode);
    row.auth_string_set = !capf.auth_string.empty();
    row.key_order = word(capf.key_order);
    row.rsa_bits = capf.rsa_bits;
    row.ec_bits = capf.ec_bits;
    if (capf.completes_by) row.completes_by = core::completes_by_text(*capf.completes_by);

    const auto outcome = outcomes.find(phone.name);
    const bool answered = outcome != outcomes.end() && outcome->second.request == capf.request;
    const core::OperationStatus status =
        core::status_of(phone, answered ? std::optional(outcome->second) : std::nullopt, now);
    row.operation_status =
        core::describe(answered ? outcome->second.operation : capf.operation, status);
    row.operation =
        word(status == core::OperationStatus::success ? core::Operation::none : capf.operation);

    const auto registration = registrations.find(phone.name);
    row.registered = registration != registrations.end();
    if (row.registered) {
      row.address = registration->second.peer;
      row.registered_at = core::to_iso(registration->second.registered_at);
    }
    const auto itl = itls.find(phone.name);
    row.itl = itl == itls.end() ? "unknown" : itl->second == served ? "match" : "mismatch";

    const auto certificate = held.find(phone.name);
    row.lsc = certificate == held.end() ? "none" : "installed";
    if (certificate != held.end()) {
      const core::IssuedCertificate& lsc = certificate->second;
      row.lsc_subject = lsc.subject;
      row.lsc_issuer = lsc.issuer;
      row.lsc_serial = core::to_hex(lsc.serial, core::Case::upper);
      row.lsc_key = lsc.key;
      row.lsc_expires = core::to_iso(lsc.not_after);
      if (lsc.confirmed_at) row.lsc_confirmed = core::to_iso(*lsc.confirmed_at);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

core::admin::PhoneReset Phones::reset(const core::admin::PhoneResetRequest& request) {
  if (request.kind != "reset" && request.kind != "restart" && request.kind != "apply-config")
    throw Error(Code::malformed, "kind must be reset, restart or apply-config");
  std::set<std::string> registered;
  for (const core::Registration& one : house_.registrations()) registered.insert(one.device);
  core::admin::PhoneReset result;
  std::vector<std::string> devices;
  if (request.phones.empty()) devices.assign(registered.begin(), registered.end());
  for (const std::string& device : request.phones) {
    known(device);
    (registered.contains(device) ? devices : result.not_registered).push_back(device);
  }
  if (devices.empty()) return result;
  const std::int64_t id = house_.next_reset_number();
  const auto unknown = request_reset(house_.config, id, request.kind, devices);
  result.asked = static_cast<std::int64_t>(devices.size() - unknown.size());
  result.not_registered.insert(result.not_registered.end(), unknown.begin(), unknown.end());
  if (!request.phones.empty()) result.refused = refusals(id, devices.size() - unknown.size());
  return result;
}

std::vector<core::admin::PhoneRefusal> Phones::refusals(std::int64_t id, std::size_t asked) {
  const auto deadline = std::chrono::steady_clock::now() + kAnswersWithin;
  std::vector<core::ResetRow> rows;
  do {
    rows = house_.resets(id);
    std::erase_if(rows, [](const core::ResetRow& row) { return !row.answered_at; });
    if (rows.size() >= asked) break;
    ::poll(nullptr, 0, kLookEveryMilliseconds);  // another process's database tells of no event
  } while (std::chrono::steady_clock::now() < deadline);
  std::vector<core::admin::PhoneRefusal> refused;
  for (const core::ResetRow& row : rows)
    if (row.status >= 300) refused.push_back({row.device, row.status});
  return refused;
}

core::admin::CapfReport Phones::report() {
  core::admin::CapfReport report;
  report.phones = list().phones;
  for (const PhoneFacts& phone : report.phones) {
    if (phone.lsc == "installed") ++report.with_lsc;
    if (phone.operation_status == "Operation Pending") ++report.pending;
    if (phone.operation_status.find("Failed") != std::string::npos) ++report.failed;
  }
  report.stale = static_cast<std::int64_t>(house_.stale_certificates().size());
  return report;
}

}  // namespace ringfence::services::admin
