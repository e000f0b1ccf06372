#include "core/base/error.h"

namespace ringfence::core {

const char* name(Code code) noexcept {
  switch (code) {
    case Code::malformed: return "malformed";
    case Code::refused: return "refused";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::hsm_unavailable: return "hsm_unavailable";
    case Code::hsm_locked: return "hsm_locked";
    case Code::io: return "io";
    case Code::internal: return "internal";
  }
  return "internal";
}

}  // namespace ringfence::core
