// Serial numbers of the certificates that are issued here.
#pragma once

#include "core/base/bytes.h"

namespace ringfence::core {

/// new_serial draws 16 random bytes, the first between 0x40 and 0x7f: positive, and never shorter
/// in DER, like every serial of the samples.
Bytes new_serial();

}  // namespace ringfence::core
