// Signing with keys in memory, as `openssl speed` does: what the cores can do at all.
#pragma once

#include "tests/bench/measured.h"

namespace ringfence::bench {

/// sign_in_software makes EVP_PKEY_sign on a prepared digest, each member with its own copy of the
/// key. Safe from several threads.
MakeWork sign_in_software(const MeasuredKey& key);

}  // namespace ringfence::bench
