// The tags of CAPF's elements: for the parser and the encoder of messages alone.
#pragma once

#include <cstdint>

namespace ringfence::services::capf {

inline constexpr std::uint8_t kMagic = 0x55;

/// The inner tag of a certificate element's value.
inline constexpr std::uint8_t kCertificateTag = 1;

enum class Tag : std::uint8_t {
  reason = 1,
  certificate_kind = 3,
  certificate = 4,
  signature = 6,
  version = 7,
  auth_type = 8,
  public_key = 9,
  key_size = 10,
  password = 11,
  retry_delay = 12,
  device_name = 13,
  sudi = 16,
  key_type = 17,
  curve = 18,
  sha2_signature = 20,
};

}  // namespace ringfence::services::capf
