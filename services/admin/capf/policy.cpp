#include "services/admin/capf/policy.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "services/admin/capf/report.h"

namespace ringfence::services::admin {

using core::CapfPolicy;
using core::Code;
using core::Error;

namespace {

struct Number {
  std::string_view name;
  int CapfPolicy::*member;
};

constexpr std::array kNumbers = {
    Number{"validity_days", &CapfPolicy::validity_days},
    Number{"keep_alive_minutes", &CapfPolicy::keep_alive_minutes},
    Number{"min_rsa_bits", &CapfPolicy::min_rsa_bits},
    Number{"min_ec_bits", &CapfPolicy::min_ec_bits},
    Number{"min_auth_string_digits", &CapfPolicy::min_auth_string_digits},
    Number{"notify_days", &CapfPolicy::notify_days}};

int number_from(const std::string& name, const std::string& text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end)
    throw Error(Code::malformed, name + " must be a number");
  return value;
}

std::vector<std::string> addresses_from(std::string_view text) {
  std::vector<std::string> addresses;
  if (text == "none") return addresses;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    std::string_view one = text.substr(0, end);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    addresses.emplace_back(one);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return addresses;
}

}  // namespace

CapfPolicy policy_with(CapfPolicy policy, const core::admin::CapfPolicySet& request) {
  const auto number = std::ranges::find(kNumbers, request.name, &Number::name);
  if (number != kNumbers.end()) {
    policy.*number->member = number_from(request.name, request.value);
  } else if (request.name == "issuer") {
    policy.issuer = core::lsc_issuer_from(request.value);
  } else if (request.name == "notify_to") {
    policy.notify_to = addresses_from(request.value);
  } else {
    throw Error(Code::malformed,
                "the policy must be one of issuer, validity_days, keep_alive_minutes, "
                "min_rsa_bits, min_ec_bits, min_auth_string_digits, notify_days, notify_to");
  }
  core::check_capf_policy(policy);
  return policy;
}

core::admin::CapfPolicyShow show_policy(const PolicyParts& parts) {
  const CapfPolicy policy = core::CapfPolicyStore(parts.admin).load();
  core::admin::CapfPolicyShow shown;
  shown.issuer = word(policy.issuer);
  shown.validity_days = policy.validity_days;
  shown.keep_alive_minutes = policy.keep_alive_minutes;
  shown.min_rsa_bits = policy.min_rsa_bits;
  shown.min_ec_bits = policy.min_ec_bits;
  shown.min_auth_string_digits = policy.min_auth_string_digits;
  shown.notify_days = policy.notify_days;
  shown.notify_to = policy.notify_to;
  shown.mail_command = fmt::format("{}", fmt::join(parts.config.mail_command(), " "));
  if (const auto own = parts.certificates.own(core::Unit::capf))
    shown.capf_expires = core::to_iso(core::not_after_of(*core::parse_certificate(own->der)));
  shown.monitor = parts.monitor.last();
  shown.warnings = capf_warnings(parts.certificates, policy, parts.clock.now());
  return shown;
}

core::admin::CapfPolicyShow set_policy(const PolicyParts& parts,
                                       const core::admin::CapfPolicySet& request) {
  core::Database::Transaction transaction(parts.admin);  // between reading and saving
  core::CapfPolicyStore store(parts.admin);
  store.save(policy_with(store.load(), request));
  transaction.commit();
  return show_policy(parts);
}

}  // namespace ringfence::services::admin
