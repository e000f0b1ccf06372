#include "core/certificates/file_name.h"

#include <algorithm>
#include <cctype>

#include "core/base/utf8.h"

namespace ringfence::core {

std::string file_stem_of(std::string_view common_name) {
  constexpr std::size_t kMostBytes = 80;
  std::string stem;
  while (!common_name.empty() && stem.size() < kMostBytes) {
    const char c = common_name.front();
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
                       (!stem.empty() && (c == '.' || c == '-'));
    stem += plain ? c : '_';
    common_name.remove_prefix(std::max<std::size_t>(first_character(common_name).bytes, 1));
  }
  return stem.find_first_not_of('_') == stem.npos ? "" : stem;
}

}  // namespace ringfence::core
