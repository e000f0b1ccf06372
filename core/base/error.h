// The one error type of everything above hsm.
#pragma once

#include <stdexcept>
#include <string>

namespace ringfence::core {

/// Code says what a caller may do about an Error; `what()` is for the reader.
enum class Code {
  malformed,        ///< the input is wrong; the same input will fail again
  refused,          ///< understood, but not allowed
  not_found,        ///< no such thing
  conflict,         ///< the thing exists already, or is in use
  hsm_unavailable,  ///< the token cannot sign now; retry later
  hsm_locked,       ///< an operator must act: the PIN is missing or wrong
  io,               ///< a file, a socket or a peer failed
  internal,         ///< a library refused what we know is right
};

/// name returns the enumerator's spelling, for logs and JSON.
const char* name(Code code) noexcept;

/// Error is the only exception thrown by core, services and shell.
///
/// `what()` is one sentence, lower case, without a full stop, and safe to show an operator:
/// never a key, a PIN or raw bytes of a peer.
class Error final : public std::runtime_error {
 public:
  Error(Code code, const std::string& what) : std::runtime_error(what), code_(code) {}

  Code code() const noexcept { return code_; }

 private:
  Code code_;
};

}  // namespace ringfence::core
