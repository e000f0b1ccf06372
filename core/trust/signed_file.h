// Signed configuration files (.sgn): a header, then the plain file (cucm-behaviour 2.3).
#pragma once

#include <string_view>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/crypto/digest.h"
#include "core/trust/trust_list.h"

namespace ringfence::core {

/// sign_file returns header (version 1.0) + `content`, signed. `name` is the file's plain name,
/// e.g. "SEP001122334455.cnf.xml". Costs one token signature.
Bytes sign_file(std::string_view name, BytesView content, const FileSigner& signer, Digest digest,
                Time timestamp);

/// content_of returns what follows the header of a signed file; check it with verify_file first.
BytesView content_of(BytesView signed_file);

}  // namespace ringfence::core
