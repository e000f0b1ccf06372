#include "core/certificates/serial.h"

#include "core/crypto/digest.h"

namespace ringfence::core {

Bytes new_serial() {
  Bytes serial = random_bytes(16);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3f) | 0x40);
  return serial;
}

}  // namespace ringfence::core
