// Which role may do what with which key: the one place that says so.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "hsm/wire.h"

namespace ringfence::hsm {

enum class Manages { nothing, keys };

/// Role is a caller's right: one unix socket each, <state>/run/signer/<name>.sock.
struct Role {
  std::string_view name;
  std::array<std::string_view, 5> labels;  ///< the keys it may see and sign with
  Manages manages = Manages::nothing;      ///< whether it may generate and destroy these
};

/// kRoles follows DESIGN section 3.
inline constexpr std::array kRoles = {
    // clang-format off
    Role{"admin", {"ITLRecovery", "CallManager", "CallManager-ECDSA", "CAPF", "TVS"}, Manages::keys},
    Role{"capf", {"CAPF"}},
    Role{"tvs", {"TVS"}},
    Role{"tftp", {"CallManager", "CallManager-ECDSA"}},
    Role{"callmanager", {"CallManager", "CallManager-ECDSA"}},
    // clang-format on
};

const Role* role_named(std::string_view name) noexcept;

/// may_see says whether the role's keys include `label`.
bool may_see(const Role& role, std::string_view label) noexcept;

/// may says whether the role may ask for the operation. list is for all, and shows only the keys
/// that may_see; status is for all.
bool may(const Role& role, const wire::Operation& operation) noexcept;

/// describe returns "sign CAPF/2" and the like, for the audit line.
std::string describe(const wire::Operation& operation);

}  // namespace ringfence::hsm
