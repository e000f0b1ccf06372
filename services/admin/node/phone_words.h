// Phones in sentences.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringfence::services::admin {

/// phones_text is "1 phone", "2 phones"; names_text the first `most` names and how many more.
std::string phones_text(std::int64_t count);
std::string names_text(const std::vector<std::string>& names, std::size_t most);

}  // namespace ringfence::services::admin
