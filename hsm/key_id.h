// A key's version as CKA_ID carries it: four bytes, big-endian.
#pragma once

#include "hsm/key.h"

namespace ringfence::hsm {

inline constexpr std::size_t kIdBytes = 4;

inline Bytes id_of(std::uint32_t version) {
  return core::Writer().u32(version).take();
}

/// version_of reads the front of an `id` of at least four bytes.
inline std::uint32_t version_of(BytesView id) {
  return core::Reader(id).u32("key id");
}

}  // namespace ringfence::hsm
