// The elements of DER (X.690): reading one after the other, and writing.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.h"

namespace ringfence::core::der {

/// The tags that are written and read here; [n] constructed is 0xa0 + n.
enum Tag : std::uint8_t {
  kBoolean = 0x01,
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kNull = 0x05,
  kOid = 0x06,
  kUtcTime = 0x17,
  kGeneralizedTime = 0x18,
  kSequence = 0x30,
};

struct Element {
  std::uint8_t tag = 0;
  BytesView value;
  BytesView whole;  ///< with tag and length
};

/// Reader takes elements off the front of a view, which must outlive it: one tag byte, definite
/// lengths of at most three bytes, written as short as they can be (X.690 10.1).
class Reader {
 public:
  explicit Reader(BytesView bytes) noexcept : rest_(bytes) {}

  bool at_end() const noexcept { return rest_.empty(); }

  bool at(std::uint8_t tag) const noexcept { return !rest_.empty() && rest_[0] == tag; }

  /// next returns nothing, and takes nothing, where there is no such element.
  std::optional<Element> next() noexcept;

  /// take is next for an element of this tag: its value.
  std::optional<BytesView> take(std::uint8_t tag) noexcept;

 private:
  BytesView rest_;
};

/// append_element adds tag, length and value to `to`. Throws Error{malformed} for a value of more
/// than 65,535 bytes.
void append_element(Bytes& to, std::uint8_t tag, BytesView value);

Bytes element(std::uint8_t tag, BytesView value);

/// append_integer adds the INTEGER of an unsigned big-endian number, which may have zeros before
/// it.
void append_integer(Bytes& to, BytesView magnitude);

}  // namespace ringfence::core::der
