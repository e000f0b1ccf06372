// The number in a model's name, and the series that it tells.
#pragma once

#include <string_view>

namespace ringfence::core {

/// model_number_of returns the first four digits in a row that no fifth follows: "7975" of
/// "CP-7975G", "8861" of "Cisco 8861"; nothing when there are none.
std::string_view model_number_of(std::string_view model) noexcept;

/// is_of_series tells whether the number begins with `series`: "79" for the 7900 series.
bool is_of_series(std::string_view model, std::string_view series) noexcept;

}  // namespace ringfence::core
