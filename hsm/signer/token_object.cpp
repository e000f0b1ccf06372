#include "hsm/signer/token_object.h"

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "hsm/pkcs11.h"

namespace ringfence::hsm {
namespace {

constexpr std::size_t kNumber = 8;  // bytes

constexpr std::size_t kGap = 32;  // bytes of zeros that nothing encrypted has

bool has_gap(BytesView value) {
  return std::search_n(value.begin(), value.end(), kGap, std::uint8_t{0}) != value.end();
}

enum class ValueKind : std::uint64_t { boolean = 1, number, bytes, attributes, mechanisms };

std::uint64_t number(core::Reader& reader) {
  const std::uint64_t high = reader.u32("number");
  return high << 32U | reader.u32("number");
}

/// counted takes as many pieces of `size` bytes as the number in front of them says.
BytesView counted(core::Reader& reader, std::size_t size) {
  const std::uint64_t count = number(reader);
  if (count > reader.left() / size)
    throw core::Error(core::Code::malformed, "there are fewer pieces than their number says");
  return reader.take(count * size, "pieces");
}

/// Attributes walks through them; a template holds none of its own.
class Attributes {
 public:
  explicit Attributes(BytesView bytes, bool templates = true)
      : reader_(bytes), templates_(templates) {}

  /// are_whole also throws core::Error where they are not.
  bool are_whole() {
    std::set<std::uint64_t> types;
    while (!reader_.empty()) {
      const std::uint64_t type = number(reader_);
      const std::uint64_t kind = number(reader_);
      if (!types.insert(type).second || !take_value(type, kind)) return false;
    }
    return !(private_ && gap_);
  }

 private:
  bool take_value(std::uint64_t type, std::uint64_t kind) {
    switch (static_cast<ValueKind>(kind)) {
      case ValueKind::boolean:
        private_ |= reader_.u8("boolean") != 0 && type == CKA_PRIVATE;
        return true;
      case ValueKind::number: number(reader_); return true;
      case ValueKind::bytes: gap_ |= has_gap(counted(reader_, 1)); return true;
      case ValueKind::attributes:
        return templates_ && Attributes(counted(reader_, 1), false).are_whole();
      case ValueKind::mechanisms: counted(reader_, kNumber); return true;
    }
    return false;
  }

  core::Reader reader_;
  const bool templates_;
  bool private_ = false;
  bool gap_ = false;
};

}  // namespace

bool is_whole_object(BytesView file) {
  try {
    return file.size() > kNumber && Attributes(file.subspan(kNumber)).are_whole();
  } catch (const core::Error&) {
    return false;
  }
}

}  // namespace ringfence::hsm
