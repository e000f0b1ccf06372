// CAPF's service parameters as rows of `setting`.
#include "core/phones/capf_policy.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/storage/setting_store.h"

namespace ringfence::core {
namespace {

constexpr std::array kRsaSizes = {512, 1024, 2048, 3072, 4096};
constexpr std::array kEcSizes = {256, 384, 521};
constexpr std::size_t kMostAddresses = 20;
constexpr std::size_t kMostAddressBytes = 254;  // RFC 5321

/// Number is one setting that is a number.
struct Number {
  std::string_view name;
  int CapfPolicy::*member;
};

constexpr std::array kNumbers = {
    Number{"capf.validity_days", &CapfPolicy::validity_days},
    Number{"capf.keep_alive_minutes", &CapfPolicy::keep_alive_minutes},
    Number{"capf.min_rsa_bits", &CapfPolicy::min_rsa_bits},
    Number{"capf.min_ec_bits", &CapfPolicy::min_ec_bits},
    Number{"capf.min_auth_string_digits", &CapfPolicy::min_auth_string_digits},
    Number{"capf.notify_days", &CapfPolicy::notify_days}};
constexpr std::string_view kIssuer = "capf.issuer";
constexpr std::string_view kNotifyTo = "capf.notify_to";  // joined by ';', as CUCM's page has it

void check_range(std::string_view what, int value, int least, int most) {
  if (value < least || value > most) {
    throw Error(Code::malformed, fmt::format("{} must be {} to {}", what, least, most));
  }
}

template <std::size_t kCount>
void check_size(std::string_view what, int value, const std::array<int, kCount>& sizes) {
  if (std::ranges::find(sizes, value) == sizes.end()) {
    throw Error(Code::malformed, fmt::format("{} must be one of {}", what, fmt::join(sizes, ", ")));
  }
}

/// It becomes a line of a mail's header: one address, no more.
void check_address(const std::string& address) {
  const bool printable = std::ranges::all_of(
      address, [](char c) { return c > ' ' && c < 0x7f && c != ';' && c != ',' && c != '<'; });
  if (!printable || address.size() > kMostAddressBytes || address.front() == '-' ||
      address.find('@') == std::string::npos) {
    throw Error(Code::malformed, "a mail address must be like anna@example.com");
  }
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace

std::string_view word(LscIssuer issuer) noexcept {
  return issuer == LscIssuer::capf ? "capf" : "offline-ca";
}

LscIssuer lsc_issuer_from(std::string_view word) {
  for (const LscIssuer issuer : {LscIssuer::capf, LscIssuer::offline_ca}) {
    if (core::word(issuer) == word) return issuer;
  }
  throw Error(Code::malformed, "the issuer must be one of capf, offline-ca");
}

void check_capf_policy(const CapfPolicy& policy) {
  check_range("the validity of LSCs in days", policy.validity_days, 1, 1825);
  check_range("the keep-alive time in minutes", policy.keep_alive_minutes, 5, 60);
  check_range("the days before expiry", policy.notify_days, 0, 365);
  check_size("the smallest RSA key", policy.min_rsa_bits, kRsaSizes);
  check_size("the smallest EC key", policy.min_ec_bits, kEcSizes);
  check_range("the least digits of an authentication string", policy.min_auth_string_digits, 4, 10);
  if (policy.notify_to.size() > kMostAddresses) {
    throw Error(Code::malformed, fmt::format("at most {} mail addresses", kMostAddresses));
  }
  for (const std::string& address : policy.notify_to) {
    if (address.empty()) throw Error(Code::malformed, "a mail address is empty");
    check_address(address);
  }
}

void check_minimum_sizes(const CapfSettings& capf, const CapfPolicy& policy) {
  const auto check = [](std::string_view kind, int bits, int least, std::string_view setting) {
    if (bits >= least) return;
    throw Error(Code::malformed,
                fmt::format("{} {} is below this node's minimum of {}; 'set capf policy {} {}' "
                            "lowers it",
                            kind, bits, least, setting, bits));
  };
  if (capf.key_order != KeyOrder::ec_only)
    check("RSA", capf.rsa_bits, policy.min_rsa_bits, "min_rsa_bits");
  if (capf.key_order != KeyOrder::rsa_only)
    check("EC", capf.ec_bits, policy.min_ec_bits, "min_ec_bits");
}

void check_auth_string(std::string_view auth_string, const CapfPolicy& policy) {
  const auto least = static_cast<std::size_t>(policy.min_auth_string_digits);
  if (auth_string.empty() || auth_string.size() >= least) return;
  throw Error(Code::malformed,
              fmt::format("the authentication string must have {} to 10 digits; 'set capf policy "
                          "min_auth_string_digits N' allows shorter ones, down to 4",
                          least));
}

CapfPolicy CapfPolicyStore::load() const {
  const SettingStore settings(database_);
  CapfPolicy policy;
  for (const Number& number : kNumbers) {
    const auto text = settings.find(number.name);
    if (!text) continue;
    const char* const end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, policy.*number.member);
    if (read.ec != std::errc() || read.ptr != end) {
      throw Error(Code::malformed, fmt::format("the setting {} is not a number", number.name));
    }
  }
  if (const auto text = settings.find(kIssuer)) policy.issuer = lsc_issuer_from(*text);
  if (const auto text = settings.find(kNotifyTo)) policy.notify_to = split(*text);
  check_capf_policy(policy);
  return policy;
}

void CapfPolicyStore::save(const CapfPolicy& policy) {
  check_capf_policy(policy);
  Database::Transaction transaction(database_);
  SettingStore settings(database_);
  for (const Number& number : kNumbers) {
    settings.save(number.name, std::to_string(policy.*number.member));
  }
  settings.save(kIssuer, std::string(word(policy.issuer)));
  settings.save(kNotifyTo, fmt::format("{}", fmt::join(policy.notify_to, ";")));
  transaction.commit();
}

}  // namespace ringfence::core
