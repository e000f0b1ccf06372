// Bytes that wipe themselves and cannot be printed.
#pragma once

#include <ostream>
#include <string_view>

#include "core/base/bytes.h"

namespace ringfence::core {

/// Secret owns bytes that must not be seen: move-only, wiped at the end, never printable.
class Secret {
 public:
  Secret() = default;

  explicit Secret(Bytes bytes) noexcept : bytes_(std::move(bytes)) {}

  explicit Secret(std::string_view text) : bytes_(text.begin(), text.end()) {}

  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }

  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  ~Secret() { wipe(); }

  BytesView reveal() const noexcept { return bytes_; }

  bool empty() const noexcept { return bytes_.empty(); }

  /// equals compares in a time that depends on `other`'s length only.
  bool equals(BytesView other) const noexcept;

 private:
  void wipe() noexcept;

  Bytes bytes_;
};

std::ostream& operator<<(std::ostream&, const Secret&) = delete;

}  // namespace ringfence::core
