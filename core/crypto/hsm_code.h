// The one map from hsm's kinds of failure to ours.
#pragma once

#include "core/base/error.h"
#include "hsm/error.h"

namespace ringfence::core {

/// code_of says what a failure of the signer means to our callers.
constexpr Code code_of(hsm::Kind kind) noexcept {
  switch (kind) {  // no default: a new Kind must be decided here
    case hsm::Kind::request: return Code::malformed;
    case hsm::Kind::refused: return Code::refused;
    case hsm::Kind::not_found: return Code::not_found;
    case hsm::Kind::pin: return Code::hsm_locked;
    case hsm::Kind::unavailable: return Code::hsm_unavailable;
  }
  return Code::hsm_unavailable;
}

}  // namespace ringfence::core
