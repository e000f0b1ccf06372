// Sentences on a narrow terminal: broken between words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ringfence::shell {

/// kProseColumns is the width from which on nothing is broken: what programs wait for stays in one
/// line on a terminal of the usual width.
inline constexpr std::size_t kProseColumns = 80;

/// wrapped breaks lines that are longer than `columns` between words, and indents what follows as
/// the line is indented. A line that is laid out in columns (two blanks or a tab between words)
/// stays as it is, and so does a word that is too long; all of them at kProseColumns and more.
std::string wrapped(std::string_view text, std::size_t columns);

}  // namespace ringfence::shell
