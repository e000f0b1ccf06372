// Makes text that came from elsewhere safe to show on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ringfence::shell {

/// printable escapes what could drive a terminal or mislead a reader: control characters (C0 but
/// line feed and tab, DEL, C1), characters that turn the direction of writing, and bytes that are
/// not UTF-8. They become \xNN a byte.
std::string printable(std::string_view text);

/// one_line is printable that also escapes line feeds and tabs: for a field that must not forge
/// lines of its own.
std::string one_line(std::string_view text);

/// valid_utf8_bytes returns how many bytes at the front of `text` are UTF-8: all of them, or where
/// the first wrong one is.
std::size_t valid_utf8_bytes(std::string_view text);

/// printable_json escapes the same in a JSON document as \uNNNN, so that it stays the same
/// document.
std::string printable_json(std::string_view document);

}  // namespace ringfence::shell
