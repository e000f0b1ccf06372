// Message digests by name.
#pragma once

#include "core/base/bytes.h"

namespace ringfence::core {

enum class Digest { md5, sha1, sha256, sha384, sha512 };

/// digest hashes `data` in one go. 16, 20, 32, 48 or 64 bytes. Safe from several threads.
Bytes digest(Digest algorithm, BytesView data);

/// random_bytes returns `count` bytes from OpenSSL's generator.
Bytes random_bytes(std::size_t count);

/// random_guid returns a random UUID, "8-4-4-4-12" lower-case digits (RFC 4122 version 4).
std::string random_guid();

}  // namespace ringfence::core
