#include "core/base/der.h"

#include <algorithm>

#include "core/base/error.h"

namespace ringfence::core::der {
namespace {

void append(Bytes& to, BytesView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_head(Bytes& to, std::uint8_t tag, std::size_t length) {
  if (length > 0xffff) throw Error(Code::malformed, "an element of DER would be too long");
  to.push_back(tag);
  if (length > 0xff) {
    to.push_back(0x82);
    to.push_back(static_cast<std::uint8_t>(length >> 8));
  } else if (length > 0x7f) {
    to.push_back(0x81);
  }
  to.push_back(static_cast<std::uint8_t>(length));
}

}  // namespace

std::optional<Element> Reader::next() noexcept {
  if (rest_.size() < 2 || (rest_[0] & 0x1fU) == 0x1fU) return std::nullopt;
  std::size_t length = rest_[1];
  std::size_t head = 2;
  if (length > 0x7f) {
    const std::size_t size = length & 0x7fU;
    if (size < 1 || size > 3 || rest_.size() < 2 + size || rest_[2] == 0) return std::nullopt;
    length = 0;
    for (; head < 2 + size; ++head) length = length << 8U | rest_[head];
    if (length <= 0x7f) return std::nullopt;
  }
  if (rest_.size() - head < length) return std::nullopt;
  const Element element{rest_[0], rest_.subspan(head, length), rest_.first(head + length)};
  rest_ = rest_.subspan(head + length);
  return element;
}

std::optional<BytesView> Reader::take(std::uint8_t tag) noexcept {
  if (!at(tag)) return std::nullopt;
  const auto element = next();
  return element ? std::optional(element->value) : std::nullopt;
}

void append_element(Bytes& to, std::uint8_t tag, BytesView value) {
  append_head(to, tag, value.size());
  append(to, value);
}

Bytes element(std::uint8_t tag, BytesView value) {
  Bytes bytes;
  append_element(bytes, tag, value);
  return bytes;
}

void append_integer(Bytes& to, BytesView magnitude) {
  const auto digit = std::ranges::find_if(magnitude, [](std::uint8_t byte) { return byte != 0; });
  const BytesView digits = magnitude.subspan(static_cast<std::size_t>(digit - magnitude.begin()));
  const bool padded = digits.empty() || digits.front() >= 0x80;  // else it would be negative
  append_head(to, kInteger, digits.size() + (padded ? 1 : 0));
  if (padded) to.push_back(0);
  append(to, digits);
}

}  // namespace ringfence::core::der
