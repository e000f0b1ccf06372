// Text that is UTF-16, as Windows programs save it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringfence::core {

/// utf8_from_utf16 returns the text as UTF-8 when its bytes begin with the mark of UTF-16 (FF FE or
/// FE FF), nothing when they do not. What is no character becomes U+FFFD.
std::optional<std::string> utf8_from_utf16(std::string_view bytes);

}  // namespace ringfence::core
