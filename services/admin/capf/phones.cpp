#include "services/admin/capf/phones.h"

#include <chrono>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/phones/device_name.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/model_name.h"
#include "core/phones/phone_csv.h"
#include "services/admin/capf/phone_warnings.h"
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
constexpr std::size_t kMostWarnings = 20;  // of an import

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

}  // namespace

core::admin::PhoneImported Phones::import(const core::admin::PhoneImportRequest& request) {
  const std::lock_guard lock(parts_.phone_mutex);
  core::admin::PhoneImported counts;
  std::unordered_map<std::string, std::string> strings;  // that phones had before
  std::set<std::string> done;                            // phones whose operation has succeeded
  core::PhoneCsv csv =
      core::parse_phone_csv(request.csv, parts_.clock.now(), [&](std::string_view name) {
        std::optional<Phone> found = parts_.phones.find(name);
        ++(found ? counts.updated : counts.added);
        if (!found) return found;
        strings.emplace(found->name, found->capf.auth_string);
        const bool asked = found->capf.operation != core::Operation::none;
        Phone now = settled(std::move(*found));
        if (asked && now.capf.operation == core::Operation::none) done.insert(now.name);
        return std::optional(std::move(now));
      });
  const core::CapfPolicy policy = core::CapfPolicyStore(parts_.admin).load();
  for (const Phone& phone : csv.phones) {
    check_sizes(phone, policy);
    const auto before = strings.find(phone.name);
    if (before == strings.end() || before->second != phone.capf.auth_string)
      check_string(phone, policy);
  }
  for (core::CsvNote& note : csv.notes)
    counts.normalised.push_back({std::move(note.kind), static_cast<std::int64_t>(note.count),
                                 std::move(note.examples), std::move(note.text)});
  parts_.phones.save(csv.phones, core::PhoneStore::Ask::changed_only);
  if (auto warning = asked_again(csv.phones, done)) counts.warnings.push_back(std::move(*warning));
  for (const Phone& phone : csv.phones) {
    for (std::string& one : warnings_of(phone, policy, parts_.clock.now()))
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
  std::optional<Phone> phone = parts_.phones.find(core::device_name_from(name));
  if (!phone) throw Error(Code::not_found, "there is no phone '" + name + "'");
  return std::move(*phone);
}

PhoneFacts Phones::add(const PhoneFields& fields) {
  const std::lock_guard lock(parts_.phone_mutex);
  Phone phone;
  phone.name = core::device_name_from(fields.name, fields.model.value_or(""));
  core::check_device_name(phone.name);
  if (parts_.phones.find(phone.name))
    throw Error(Code::conflict, "phone " + phone.name + " exists already");
  const core::Time now = parts_.clock.now();
  apply(fields, phone, now);
  const core::CapfPolicy policy = core::CapfPolicyStore(parts_.admin).load();
  check_sizes(phone, policy);
  check_string(phone, policy);
  parts_.phones.save({phone}, ask_of(fields, phone, now));
  return with_read(fields, show(phone.name));
}

Phone Phones::settled(Phone phone) {
  core::Database* capf = parts_.neighbours.capf();
  if (capf == nullptr || phone.capf.operation == core::Operation::none) return phone;
  const auto outcome = core::EnrolmentStore(*capf).outcome(phone.name, phone.capf.request);
  if (!outcome || outcome->status != core::OperationStatus::success) return phone;
  phone.capf.operation = core::Operation::none;
  phone.capf.completes_by.reset();
  return phone;
}

PhoneFacts Phones::update(const PhoneFields& fields) {
  const std::lock_guard lock(parts_.phone_mutex);
  Phone phone = settled(known(fields.name));
  const core::Time now = parts_.clock.now();
  apply(fields, phone, now);
  const core::CapfPolicy policy = core::CapfPolicyStore(parts_.admin).load();
  // A phone whose keys were small enough once may still get another description.
  if (touches_capf(fields)) check_sizes(phone, policy);
  if (fields.auth_string) check_string(phone, policy);
  parts_.phones.save({phone}, ask_of(fields, phone, now));
  return with_read(fields, show(phone.name));
}

core::admin::Nothing Phones::remove(const std::string& name) {
  const std::lock_guard lock(parts_.phone_mutex);
  const std::string device = core::device_name_from(name);
  if (!parts_.phones.remove(device))
    throw Error(Code::not_found, "there is no phone '" + name + "'");
  parts_.trust.forget(device);
  return {};
}

}  // namespace ringfence::services::admin
