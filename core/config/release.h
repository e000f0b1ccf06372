// Whose habits a node has where CUCM's releases differ.
#pragma once

#include <optional>
#include <string_view>

namespace ringfence::core {

/// Release decides who signs the trust lists (cucm-behaviour 2.4).
enum class Release {
  r11_5,  ///< CallManager signs the ITL, ITLRecovery recovers
  r12,    ///< ITLRecovery signs, CallManager recovers
};

/// release_named accepts the setting's words, "11.5" and "12".
constexpr std::optional<Release> release_named(std::string_view word) noexcept {
  if (word == "11.5") return Release::r11_5;
  if (word == "12") return Release::r12;
  return std::nullopt;
}

}  // namespace ringfence::core
