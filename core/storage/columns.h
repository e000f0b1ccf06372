// How our types stand in columns: times as seconds since 1970, bytes as hexadecimal text.
#pragma once

#include <optional>

#include <soci/soci.h>

#include "core/base/clock.h"

namespace soci {

/// A time is a bigint column.
template <>
struct type_conversion<ringfence::core::Time> {
  using base_type = long long;

  static void from_base(const base_type& seconds, indicator, ringfence::core::Time& time) {
    time = ringfence::core::from_seconds(seconds);
  }

  static void to_base(const ringfence::core::Time& time, base_type& seconds, indicator& state) {
    seconds = ringfence::core::to_seconds(time);
    state = i_ok;
  }
};

/// A time that may be absent is a bigint column that may be null.
template <>
struct type_conversion<std::optional<ringfence::core::Time>> {
  using base_type = long long;

  static void from_base(const base_type& seconds, indicator state,
                        std::optional<ringfence::core::Time>& time) {
    time.reset();
    if (state == i_ok) time = ringfence::core::from_seconds(seconds);
  }

  static void to_base(const std::optional<ringfence::core::Time>& time, base_type& seconds,
                      indicator& state) {
    seconds = time ? ringfence::core::to_seconds(*time) : 0;
    state = time ? i_ok : i_null;
  }
};

}  // namespace soci
