// One signature by a token's key: scheme, mechanism and encoding.
#pragma once

#include "hsm/key.h"
#include "hsm/module.h"

namespace ringfence::hsm {

/// make_signature signs with a key object of that kind and returns PKCS#1 bytes or, for ECDSA, a
/// DER Ecdsa-Sig-Value. Throws Error{request} when scheme, digest and key do not go together, or
/// what the module says. Blocks for one signature and allocates little more than its bytes.
Bytes make_signature(const Session& session, CK_OBJECT_HANDLE key, const KeySpec& spec,
                     const SignRequest& request);

}  // namespace ringfence::hsm
