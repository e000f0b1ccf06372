#include "hsm/signer/token_object.h"

#include <algorithm>
#include <optional>
#include <set>

#include "hsm/pkcs11.h"

namespace ringfence::hsm {
namespace {

constexpr std::size_t kNumber = 8;  // bytes

constexpr std::size_t kGap = 32;  // bytes of zeros that nothing encrypted has

bool has_gap(BytesView value) {
  return std::search_n(value.begin(), value.end(), kGap, std::uint8_t{0}) != value.end();
}

enum class ValueKind : std::uint64_t { boolean = 1, number, bytes, attributes, mechanisms };

/// Reader takes what is there; anything else is nothing.
class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}

  bool at_end() const noexcept { return rest_.empty(); }

  std::optional<BytesView> take(std::uint64_t size) {
    if (size > rest_.size()) return std::nullopt;
    const BytesView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  std::optional<std::uint64_t> number() {
    const std::optional<BytesView> bytes = take(kNumber);
    if (!bytes) return std::nullopt;
    std::uint64_t number = 0;
    for (const std::uint8_t byte : *bytes) number = number << 8U | byte;
    return number;
  }

  /// counted takes as many pieces of `size` bytes as the number in front of them says.
  std::optional<BytesView> counted(std::size_t size) {
    const std::optional<std::uint64_t> count = number();
    if (!count || *count > rest_.size() / size) return std::nullopt;
    return take(*count * size);
  }

 private:
  BytesView rest_;
};

/// Attributes walks through them; a template holds none of its own.
class Attributes {
 public:
  explicit Attributes(BytesView bytes, bool templates = true)
      : reader_(bytes), templates_(templates) {}

  bool are_whole() {
    std::set<std::uint64_t> types;
    while (!reader_.at_end()) {
      const std::optional<std::uint64_t> type = reader_.number();
      const std::optional<std::uint64_t> kind = reader_.number();
      if (!type || !kind || !types.insert(*type).second || !take_value(*type, *kind)) return false;
    }
    return !(private_ && gap_);
  }

 private:
  bool take_value(std::uint64_t type, std::uint64_t kind) {
    std::optional<BytesView> value;
    switch (static_cast<ValueKind>(kind)) {
      case ValueKind::boolean:
        value = reader_.take(1);
        private_ |= type == CKA_PRIVATE && value && value->front() != 0;
        break;
      case ValueKind::number: value = reader_.take(kNumber); break;
      case ValueKind::bytes:
        value = reader_.counted(1);
        gap_ |= value && has_gap(*value);
        break;
      case ValueKind::attributes:
        value = reader_.counted(1);
        if (!templates_ || !value || !Attributes(*value, false).are_whole()) return false;
        break;
      case ValueKind::mechanisms: value = reader_.counted(kNumber); break;
    }
    return value.has_value();
  }

  Reader reader_;
  const bool templates_;
  bool private_ = false;
  bool gap_ = false;
};

}  // namespace

bool is_whole_object(BytesView file) {
  return file.size() > kNumber && Attributes(file.subspan(kNumber)).are_whole();
}

}  // namespace ringfence::hsm
