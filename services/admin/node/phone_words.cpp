#include "services/admin/node/phone_words.h"

#include <algorithm>

#include <fmt/format.h>

namespace ringfence::services::admin {

std::string phones_text(std::int64_t count) {
  return count == 1 ? "1 phone" : fmt::format("{} phones", count);
}

std::string names_text(const std::vector<std::string>& names, std::size_t most) {
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
    list += (i == 0 ? "" : ", ") + names[i];
  return names.size() > most ? list + fmt::format(" and {} more", names.size() - most) : list;
}

}  // namespace ringfence::services::admin
