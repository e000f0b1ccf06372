// The certificate units of a node: what CUCM calls "purposes".
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "core/crypto/token.h"

namespace ringfence::core {

/// Unit is one identity certificate of this node (cucm-behaviour 1.1).
enum class Unit { call_manager, call_manager_ecdsa, capf, tvs, itl_recovery };

inline constexpr std::array kUnits = {Unit::itl_recovery, Unit::call_manager_ecdsa,
                                      Unit::call_manager, Unit::capf, Unit::tvs};

/// name returns the word administrators type: "CallManager", "CallManager-ECDSA", "CAPF", "TVS",
/// "ITLRecovery". It is the key's label in the token as well.
std::string_view name(Unit unit) noexcept;

/// unit_named accepts the exact word, with or without "/<unit>.pem" behind it.
std::optional<Unit> unit_named(std::string_view word) noexcept;

/// key_spec_of says which key a unit has: RSA 2048, or P-384 for CallManager-ECDSA.
KeySpec key_spec_of(Unit unit) noexcept;

}  // namespace ringfence::core
