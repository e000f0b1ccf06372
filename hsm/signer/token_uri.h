// An RFC 7512 URI that chooses the signer's token, taken apart.
#pragma once

#include <optional>
#include <string>

#include "hsm/signer/config.h"

namespace ringfence::hsm {

/// TokenUri is what such a URI says; the other keys of [hsm] must not say otherwise.
struct TokenUri {
  TokenMatch token;
  std::optional<std::string> module_path;
  std::optional<std::string> pin_source;  ///< "file:/path" and the like, or a bare "/path"
};

/// is_uri says whether a text is meant as a URI: it begins with "pkcs11:".
bool is_uri(const std::string& text) noexcept;

/// parse_token_uri reads token, manufacturer, model, serial, slot-id, module-path and pin-source.
/// Throws Error{request} for what does not parse, chooses no token, names an object or a module by
/// its name, or holds a PIN.
TokenUri parse_token_uri(const std::string& text);

}  // namespace ringfence::hsm
