// A length of time as it is typed: 90, 90s, 10m, 2h.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "shell/grammar.h"

namespace ringfence::shell {

/// duration_from reads a whole number and s, m or h, or a number of seconds alone: 1 s to 1000 h.
/// Nothing for another text.
std::optional<std::chrono::seconds> duration_from(std::string_view text) noexcept;

/// timeout_parameter is the option `timeout`, for commands that watch a job; timeout_of reads it.
/// Throws Error{malformed} for a value that cannot be: call it before anything is begun.
Parameter timeout_parameter();
std::optional<std::chrono::seconds> timeout_of(const Arguments& arguments);

}  // namespace ringfence::shell
