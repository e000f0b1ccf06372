// The file that an HTTP request target names. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringfence::services::tftp {

/// file_in_target returns what follows the first '/' of an origin-form target ("/ITLFile.tlv"),
/// percent-decoded, without the query. Nothing when the target does not start with '/', is longer
/// than 512 bytes, or an escape is not two hexadecimal digits (RFC 9112 section 3.2.1). The result
/// may still be no valid name.
std::optional<std::string> file_in_target(std::string_view target);

}  // namespace ringfence::services::tftp
