// CAPF's service parameters: what an administrator set for all phones. admin.db.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/phones/phone.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// LscIssuer is CUCM's "Certificate Issuer to Endpoint".
enum class LscIssuer { capf, offline_ca };
std::string_view word(LscIssuer issuer) noexcept;  ///< "capf", "offline-ca"
LscIssuer lsc_issuer_from(std::string_view word);  ///< throws Error{malformed}

/// CapfPolicy holds them, with CUCM's defaults (cucm-behaviour 5.4, 5.5).
struct CapfPolicy {
  LscIssuer issuer = LscIssuer::capf;
  int validity_days = 1825;        ///< of a new LSC, 1 to 1825; never beyond CAPF's own end
  int keep_alive_minutes = 15;     ///< of an idle connection to a phone, 5 to 60
  int min_rsa_bits = 2048;         ///< 512, 1024, 2048, 3072, 4096
  int min_ec_bits = 256;           ///< 256, 384, 521
  int min_auth_string_digits = 6;  ///< of a new authentication string, 4 to 10
  int notify_days = 30;            ///< how long before its end an LSC is reported, 0 (never) to 365
  std::vector<std::string> notify_to;  ///< mail addresses, at most 20

  bool operator==(const CapfPolicy&) const = default;
};

/// check_capf_policy throws Error{malformed} naming the value that cannot be, and what could.
void check_capf_policy(const CapfPolicy& policy);

/// check_minimum_sizes throws Error{malformed} when `capf` may ask for a smaller key than `policy`
/// allows, in a sentence that says how to lower the minimum. Only the kinds of key that its key
/// order names count.
void check_minimum_sizes(const CapfSettings& capf, const CapfPolicy& policy);

/// check_auth_string throws Error{malformed} when an authentication string has fewer digits than
/// `policy` allows, in a sentence that says how many. "" is none, and right.
void check_auth_string(std::string_view auth_string, const CapfPolicy& policy);

/// CapfPolicyStore keeps the policy. Safe from several threads. Errors: `io`, `malformed`.
class CapfPolicyStore {
 public:
  /// `database` is admin.db; `load` works read-only too.
  explicit CapfPolicyStore(Database& database) : database_(database) {}

  CapfPolicy load() const;  ///< what was never set has its default
  void save(const CapfPolicy& policy);

 private:
  Database& database_;
};

}  // namespace ringfence::core
