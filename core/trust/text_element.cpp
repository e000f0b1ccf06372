// NUL-terminated text.
#include "core/trust/text_element.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/utf8.h"

namespace ringfence::core {

std::string text_in(const Element& element, std::string_view what) {
  const BytesView value = element.value;
  if (value.empty() || std::find(value.begin(), value.end(), 0) != value.end() - 1)
    throw Error(Code::malformed, std::string(what) + " is not text that ends with its only NUL");
  return text_of(value.first(value.size() - 1));
}

void append_text(Writer& writer, std::uint8_t tag, std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    throw Error(Code::malformed, "a name contains a NUL");
  Writer value;
  value.text(text).u8(0);
  append_element(writer, tag, value.view());
}

std::string printable(std::string_view text) {
  return in_one_line(text);
}

}  // namespace ringfence::core
