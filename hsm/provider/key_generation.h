// The making of keys outside of the token, which is the default provider's work.
#pragma once

#include "hsm/provider/key.h"

namespace ringfence::hsm::provider {

using PkeyCtx = std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)>;

/// by_name and by_key return a context of the default provider, null when OpenSSL gives none.
PkeyCtx by_name(const Context& context, KeyAlgorithm algorithm);
PkeyCtx by_key(const Key& key);

/// What OpenSSL calls to have a key made: ephemeral ones of TLS, `openssl genrsa`. It does so only
/// when our provider was loaded first.
template <KeyAlgorithm Algorithm>
void* generation_begin(void* context, int selection, const OSSL_PARAM params[]);
int generation_from(void* generation, void* pattern);
int generation_set(void* generation, const OSSL_PARAM params[]);
template <KeyAlgorithm Algorithm>
const OSSL_PARAM* generation_settable(void* generation, void* context);
void* generate(void* generation, OSSL_CALLBACK* callback, void* argument);
void generation_end(void* generation);

}  // namespace ringfence::hsm::provider
