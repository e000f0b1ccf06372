// What Tab inserts and what `?` shows, without a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shell/grammar.h"
#include "shell/table.h"

namespace ringfence::shell {

class Admin;

struct Completion {
  std::size_t erase = 0;  ///< bytes to take away before the cursor
  std::string insert;     ///< then to put there
  std::string listing;    ///< whole lines to show above the line being edited, may be empty
};

/// complete answers Tab: it finishes a partial word, lists what can follow a finished menu word
/// (an asterisk marks those that have more below them), and otherwise does nothing.
/// May ask `admin` for values to offer; when it does not answer, none are offered.
Completion complete(const Grammar& grammar, Admin& admin, std::string_view before_cursor);

/// question answers `?`: after a menu what Tab lists, after a command its syntax, in `columns`.
/// Returns "" when nothing in the grammar begins like this. Throws Error{malformed} inside quotes,
/// where it is text.
std::string question(const Grammar& grammar, std::string_view before_cursor,
                     std::size_t columns = kAnyWidth);

}  // namespace ringfence::shell
