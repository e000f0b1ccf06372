// Text inside elements: NUL-terminated names, and how to show them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/tlv.h"

namespace ringfence::core {

/// text_in returns an element's text without its NUL. Throws Error{malformed} naming `what` when
/// the NUL is missing or not the only one.
std::string text_in(const Element& element, std::string_view what);

/// append_text writes an element of text + NUL. Throws Error{malformed} for text with a NUL.
void append_text(Writer& writer, std::uint8_t tag, std::string_view text);

/// printable returns at most 200 bytes of a peer's text for a line of ours: see in_one_line.
std::string printable(std::string_view text);

}  // namespace ringfence::core
