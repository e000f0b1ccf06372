// The certificate units' names and keys.
#include "core/certificates/unit.h"

namespace ringfence::core {

std::string_view name(Unit unit) noexcept {
  switch (unit) {
    case Unit::call_manager: return "CallManager";
    case Unit::call_manager_ecdsa: return "CallManager-ECDSA";
    case Unit::capf: return "CAPF";
    case Unit::tvs: return "TVS";
    case Unit::itl_recovery: return "ITLRecovery";
  }
  return "";
}

std::optional<Unit> unit_named(std::string_view word) noexcept {
  for (const Unit unit : kUnits) {
    const std::string_view known = name(unit);
    if (!word.starts_with(known)) continue;
    const std::string_view file = word.substr(known.size());
    if (file.empty()) return unit;
    constexpr std::string_view extension = ".pem";
    if (file.starts_with('/') && file.ends_with(extension) &&
        file.substr(1, file.size() - 1 - extension.size()) == known)
      return unit;
  }
  return std::nullopt;
}

KeySpec key_spec_of(Unit unit) noexcept {
  if (unit == Unit::call_manager_ecdsa) return {KeyAlgorithm::ec, 384};
  return {KeyAlgorithm::rsa, 2048};
}

}  // namespace ringfence::core
