#include "services/admin/jobs/bulk_plan.h"

#include <array>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/glob.h"
#include "core/phones/device_name.h"
#include "core/phones/model_name.h"
#include "core/phones/model_series.h"

namespace ringfence::services::admin {

using core::AuthMode;
using core::CapfSettings;
using core::Code;
using core::Error;
using core::KeyOrder;
using core::Operation;
using core::OperationStatus;
using core::Phone;
using core::SecurityProfile;
using core::Time;
using core::admin::BulkPreview;
using core::admin::BulkRequest;

namespace {

constexpr std::chrono::hours kShortTime{1};  // less is too little for phones (cucm-behaviour 5.1)

/// lacks_ec tells whether a model's TLS 1.0 knows no elliptic curves (cucm-behaviour 5.6). Of
/// others than the 7900 series it is not known.
bool lacks_ec(std::string_view model) {
  return core::is_of_series(model, "79");
}

bool uses_rsa(const CapfSettings& capf) {
  return capf.key_order != KeyOrder::ec_only;
}

bool uses_ec(const CapfSettings& capf) {
  return capf.key_order != KeyOrder::rsa_only;
}

LscState lsc_state_from(const std::string& word) {
  if (word == "none") return LscState::none;
  if (word == "installed") return LscState::installed;
  if (word == "expired") return LscState::expired;
  if (word == "stale") return LscState::stale;
  throw Error(Code::malformed, "lsc must be one of none, installed, expired, stale");
}

const SecurityProfile* profile_of(const Phone& phone, const BulkFacts& facts) {
  const auto found = facts.profiles.find(phone.security_profile);
  return found == facts.profiles.end() ? nullptr : &found->second;
}

const LscFacts* lsc_of(const Phone& phone, const BulkFacts& facts) {
  const auto found = facts.lscs.find(phone.name);
  return found == facts.lscs.end() ? nullptr : &found->second;
}

std::string day_of(Time time) {
  return core::to_iso(time).substr(0, 10);
}

/// against_profile says which settings of a profile `capf` contradicts.
std::optional<Exclusion> against_profile(const SecurityProfile& profile, const CapfSettings& capf) {
  if (const auto why = core::mode_mismatch(profile, capf.auth_mode))
    return Exclusion{"mode_mismatch", *why};
  const bool same = profile.key_order == capf.key_order &&
                    (!uses_rsa(capf) || profile.rsa_bits == capf.rsa_bits) &&
                    (!uses_ec(capf) || profile.ec_bits == capf.ec_bits);
  if (same) return std::nullopt;
  return Exclusion{
      "profile_mismatch",
      fmt::format("its security profile \"{}\" fixes {} with RSA {} and EC {}; leave key_order, "
                  "rsa_bits and ec_bits out, or change the profile",
                  profile.name, word(profile.key_order), profile.rsa_bits, profile.ec_bits)};
}

std::optional<Exclusion> against_certificates(const Phone& phone, const CapfSettings& capf,
                                              const LscFacts* lsc, Time now) {
  if (capf.operation == Operation::remove && lsc == nullptr)
    return Exclusion{"nothing_to_delete", "by our records it has no LSC to delete"};
  if (capf.auth_mode == AuthMode::mic && core::is_soft_client(phone.name))
    return Exclusion{"no_certificate",
                     "the mode is by existing certificate (precedence to MIC), and a soft client "
                     "has no MIC; use another auth_mode"};
  if (capf.auth_mode != AuthMode::lsc) return std::nullopt;
  if (lsc == nullptr && core::is_soft_client(phone.name))
    return Exclusion{"no_certificate",
                     "the mode is by existing certificate (precedence to LSC), and by our records "
                     "it has no LSC; a soft client has no MIC either; use another auth_mode"};
  if (lsc != nullptr && lsc->not_after <= now)
    return Exclusion{"no_certificate",
                     fmt::format("the mode is by existing certificate (precedence to LSC), and its "
                                 "LSC expired on {}; use another auth_mode",
                                 day_of(lsc->not_after))};
  return std::nullopt;
}

std::optional<Exclusion> against_key(const Phone& phone, const CapfSettings& capf,
                                     const core::CapfPolicy& policy) {
  if (capf.operation != Operation::install) return std::nullopt;
  const auto small = [](std::string_view kind, int bits, int least, std::string_view setting) {
    return Exclusion{"key_too_small",
                     fmt::format("{} {} is below this node's minimum of {}; ask for a larger key, "
                                 "or 'set capf policy {} {}' lowers it",
                                 kind, bits, least, setting, bits)};
  };
  if (uses_rsa(capf) && capf.rsa_bits < policy.min_rsa_bits)
    return small("RSA", capf.rsa_bits, policy.min_rsa_bits, "min_rsa_bits");
  if (uses_ec(capf) && capf.ec_bits < policy.min_ec_bits)
    return small("EC", capf.ec_bits, policy.min_ec_bits, "min_ec_bits");
  if (capf.key_order == KeyOrder::ec_only && lacks_ec(phone.model))
    return Exclusion{"ec_unsupported",
                     fmt::format("a {} cannot make EC keys; use key_order rsa-only or ec-preferred",
                                 phone.model)};
  return std::nullopt;
}

}  // namespace

bool matches_text(std::string_view pattern, std::string_view text, Extent extent) {
  const bool is_wild = pattern.find_first_of("*?") != std::string_view::npos;
  if (is_wild || extent == Extent::whole) return core::glob_matches(pattern, text);
  return core::glob_matches("*" + std::string(pattern) + "*", text);
}

bool BulkFilter::matches(const Phone& phone, const BulkFacts& facts, Time now) const {
  const auto text = [](const std::optional<std::string>& pattern, const std::string& value,
                       Extent extent) { return !pattern || matches_text(*pattern, value, extent); };
  if (!text(name, phone.name, Extent::whole) || !text(model, phone.model, Extent::whole) ||
      !text(device_pool, phone.device_pool, Extent::whole) ||
      !text(security_profile, phone.security_profile, Extent::whole) ||
      !text(description, phone.description, Extent::part))
    return false;
  const LscFacts* const held = lsc_of(phone, facts);
  if (issuer && (held == nullptr || !matches_text(*issuer, held->issuer, Extent::part)))
    return false;
  if (expires_before && (held == nullptr || held->not_after >= *expires_before)) return false;
  if (!lsc) return true;
  switch (*lsc) {
    case LscState::none: return held == nullptr;
    case LscState::installed: return held != nullptr && held->not_after > now;
    case LscState::expired: return held != nullptr && held->not_after <= now;
    case LscState::stale: return facts.stale.contains(phone.name);
  }
  return false;
}

BulkFilter bulk_filter(const BulkRequest& request, Time now) {
  BulkFilter filter;
  filter.name = request.name;
  if (request.model) filter.model = core::model_name_from(*request.model);
  filter.device_pool = request.device_pool;
  filter.description = request.description;
  filter.security_profile = request.security_profile;
  filter.issuer = request.issuer;
  if (request.lsc) filter.lsc = lsc_state_from(*request.lsc);
  if (request.expires_before)
    filter.expires_before = core::completes_by_from(*request.expires_before);
  if (request.expires_within) {
    if (request.expires_before)
      throw Error(Code::malformed, "give expires_before or expires_within, not both");
    if (*request.expires_within < 0 || *request.expires_within > 36'500)
      throw Error(Code::malformed, "expires_within is a number of days, 0 to 36500");
    filter.expires_before = now + std::chrono::days(*request.expires_within);
  }
  const bool some = filter.name || filter.model || filter.device_pool || filter.description ||
                    filter.security_profile || filter.issuer || filter.lsc || filter.expires_before;
  if (some == request.all)
    throw Error(Code::malformed,
                "say which phones: all, or by name, model, device_pool, description, "
                "security_profile, lsc, issuer, expires_before or expires_within");
  return filter;
}

CapfSettings settings_of(const Phone& phone, const BulkTerms& terms,
                         const SecurityProfile* profile) {
  CapfSettings capf = phone.capf;
  capf.operation = terms.operation;
  capf.completes_by = terms.completes_by;
  capf.auth_mode = terms.auth_mode.value_or(capf.auth_mode);
  if (profile != nullptr) {
    capf.key_order = profile->key_order;
    capf.rsa_bits = profile->rsa_bits;
    capf.ec_bits = profile->ec_bits;
  }
  capf.key_order = terms.key_order.value_or(capf.key_order);
  capf.rsa_bits = terms.rsa_bits.value_or(capf.rsa_bits);
  capf.ec_bits = terms.ec_bits.value_or(capf.ec_bits);
  return capf;
}

std::optional<Exclusion> settings_exclusion(const Phone& phone, const BulkTerms& terms,
                                            const SecurityProfile* profile,
                                            const core::CapfPolicy& policy) {
  const CapfSettings capf = settings_of(phone, terms, profile);
  if (profile != nullptr) {
    if (auto found = against_profile(*profile, capf)) return found;
  }
  if (capf.auth_mode == AuthMode::auth_string && terms.string_digits == 0 &&
      capf.auth_string.empty())
    return Exclusion{"no_auth_string",
                     "the mode is by authentication string and it has none; give one to each phone "
                     "by unique_strings"};
  return against_key(phone, capf, policy);
}

std::optional<Exclusion> exclusion_of(const Phone& phone, const BulkTerms& terms,
                                      const BulkFacts& facts, Time now) {
  const SecurityProfile* const profile = profile_of(phone, facts);
  if (auto found = settings_exclusion(phone, terms, profile, facts.policy)) return found;
  const auto other = facts.busy.find(phone.name);
  if (other != facts.busy.end())
    return Exclusion{"other_job",
                     fmt::format("job {0} still waits for it; see 'show job {0}'", other->second)};
  const auto outcome = facts.outcomes.find(phone.name);
  const OperationStatus status = core::status_of(
      phone, outcome == facts.outcomes.end() ? std::nullopt : std::optional(outcome->second), now);
  if (status == OperationStatus::pending)
    return Exclusion{
        "pending",
        fmt::format("an operation ({}) is pending until {} UTC; let it end, or 'set phone capf {} "
                    "operation none' takes it back",
                    word(phone.capf.operation),
                    core::completes_by_text(phone.capf.completes_by.value_or(now)), phone.name)};
  return against_certificates(phone, settings_of(phone, terms, profile), lsc_of(phone, facts), now);
}

BulkPreview plan_bulk(const BulkFilter& filter, const BulkTerms& terms,
                      const std::vector<Phone>& phones, const BulkFacts& facts, Time now) {
  BulkPreview plan;
  plan.operation = word(terms.operation);
  plan.completes_by = core::completes_by_text(terms.completes_by);
  std::map<std::string, std::int64_t> reasons;
  std::int64_t by_mic = 0;
  for (const Phone& phone : phones) {
    if (!filter.matches(phone, facts, now)) continue;
    ++plan.matched;
    if (auto exclusion = exclusion_of(phone, terms, facts, now)) {
      ++reasons[exclusion->reason];
      plan.excluded.push_back({phone.name, exclusion->reason, std::move(exclusion->why)});
      continue;
    }
    ++plan.chosen;
    if (!facts.registered.contains(phone.name)) ++plan.not_registered;
    if (settings_of(phone, terms, nullptr).auth_mode == AuthMode::lsc &&
        lsc_of(phone, facts) == nullptr)
      ++by_mic;
    plan.phones.push_back(phone.name);
  }
  for (const auto& [reason, count] : reasons) plan.reasons.push_back({reason, count});
  if (terms.completes_by - now < kShortTime)
    plan.notes.emplace_back(
        "The operation completes by a time that is less than an hour ahead. Phones may take half "
        "an hour for a key alone, and one that comes later fails with \"User Initiated Request "
        "Late/Timedout\".");
  if (!facts.no_registrar.empty() && plan.chosen > 0)
    plan.notes.push_back(fmt::format(
        "{}, so nobody knows which of these phones are registered. They wait, with their old "
        "settings, until it runs again.",
        facts.no_registrar));
  else if (plan.not_registered > 0)
    plan.notes.push_back(
        fmt::format("{}. The new settings are written all the same, and {} when {}, until {} UTC.",
                    plan.not_registered == 1
                        ? "1 of these phones is not registered"
                        : fmt::format("{} of these phones are not registered", plan.not_registered),
                    plan.not_registered == 1 ? "it enrols" : "they enrol",
                    plan.not_registered == 1 ? "it starts" : "they start", plan.completes_by));
  if (facts.policy.issuer == core::LscIssuer::offline_ca && terms.operation == Operation::install)
    plan.notes.push_back(
        fmt::format("The issuer is an offline CA: phones hand in their keys and stay pending until "
                    "their certificates are imported ('utils capf cert import'), which must be "
                    "before {} UTC.",
                    plan.completes_by));
  if (by_mic > 0)
    plan.notes.push_back(fmt::format(
        "{} no LSC by our records, so that the precedence to the LSC falls back to {} "
        "MIC. The manufacturer's CA must be in CAPF-trust.",
        by_mic == 1 ? "1 of these phones has" : fmt::format("{} of these phones have", by_mic),
        by_mic == 1 ? "its" : "their"));
  return plan;
}

}  // namespace ringfence::services::admin
