// Tag-length-value elements of trust lists, signed files, CAPF and TVS: 1-byte tag, 2-byte length.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace ringfence::core {

/// Element is one TLV; `value` views the parsed file.
struct Element {
  std::uint8_t tag = 0;
  BytesView value;
};

/// next_element takes one element off `reader`; throws Error{malformed} naming `what`.
Element next_element(Reader& reader, std::string_view what);

/// append_element writes tag, length and value; throws Error{malformed} above 65535 bytes.
void append_element(Writer& writer, std::uint8_t tag, BytesView value);

}  // namespace ringfence::core
