// The CAs between a certificate and its root.
#pragma once

#include <span>
#include <vector>

#include <openssl/types.h>

#include "core/base/bytes.h"

namespace ringfence::core {

/// signs_itself tells a root, or any certificate that needs no CA above it, by its names and keys.
bool signs_itself(const X509& certificate);

/// chain_above returns the CAs that stand above `certificate`, DER, nearest first, without the
/// root: what is sent with the certificate to who knows the root alone.
///
/// They are found among `known` by name and signature, whatever their dates; what is no
/// certificate there is passed over. Where one is missing, the chain ends: at a root's own
/// certificate it is empty. At most eight. Throws Error{malformed} when `certificate` is none.
std::vector<Bytes> chain_above(BytesView certificate, std::span<const Bytes> known);

}  // namespace ringfence::core
