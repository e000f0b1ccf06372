#include "core/phones/model_series.h"

#include <cstddef>

#include "core/base/text.h"

namespace ringfence::core {

std::string_view model_number_of(std::string_view model) noexcept {
  constexpr std::size_t kDigits = 4;
  for (std::size_t at = 0; at < model.size();) {
    std::size_t end = at;
    while (end < model.size() && is_digit(model[end])) ++end;
    if (end - at == kDigits) return model.substr(at, kDigits);
    at = end + 1;
  }
  return {};
}

bool is_of_series(std::string_view model, std::string_view series) noexcept {
  return model_number_of(model).starts_with(series);
}

}  // namespace ringfence::core
