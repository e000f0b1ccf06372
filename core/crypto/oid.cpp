#include "core/crypto/oid.h"

#include <array>

#include <openssl/objects.h>

namespace ringfence::core {

std::string oid_of(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return text.data();
}

}  // namespace ringfence::core
