// Tag-length-value elements.
#include "core/base/tlv.h"

#include <string>

#include "core/base/error.h"

namespace ringfence::core {

Element next_element(Reader& reader, std::string_view what) {
  Reader ahead = reader;  // nothing is taken unless the whole element is there
  const std::uint8_t tag = ahead.u8(what);
  const std::uint16_t length = ahead.u16(what);
  const BytesView value = ahead.take(length, what);
  reader = ahead;
  return {tag, value};
}

void append_element(Writer& writer, std::uint8_t tag, BytesView value) {
  if (value.size() > 0xffff)
    throw Error(Code::malformed,
                "element " + std::to_string(tag) + " would be longer than 65535 bytes");
  writer.u8(tag).u16(static_cast<std::uint16_t>(value.size())).bytes(value);
}

}  // namespace ringfence::core
