// A server context's judgement of its peers' certificates: for tls.cpp alone.
#pragma once

#include <openssl/types.h>

#include "core/crypto/peer_policy.h"

namespace ringfence::core {

/// judge_peers makes `context` want of its clients what `policy` says. The context keeps the check,
/// and so does each connection, also when the context is replaced meanwhile.
void judge_peers(SSL_CTX& context, const PeerPolicy& policy);

}  // namespace ringfence::core
