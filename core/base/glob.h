// Patterns as people type them: "CP-88*", "SEP0011????????".
#pragma once

#include <string_view>

namespace ringfence::core {

/// glob_matches tells whether `text` fits `pattern`, in any case (ASCII): '*' stands for any
/// characters, '?' for one byte. Takes at most the product of both lengths.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

}  // namespace ringfence::core
