// The one error type of hsm.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ringfence::hsm {

/// Kind says what a caller may do about an Error; `what()` is for the reader.
enum class Kind : std::uint8_t {
  request = 1,      ///< the request is wrong; the same request will fail again
  refused = 2,      ///< understood, but this role may not
  not_found = 3,    ///< no such key or token
  pin = 4,          ///< the PIN is missing or wrong: never retry, an operator must act
  unavailable = 5,  ///< the signer or the token cannot answer now; see retry_after()
};

/// name returns the enumerator's spelling, for logs.
const char* name(Kind kind) noexcept;

/// kind_of sorts a PKCS#11 return code (a CK_RV other than CKR_OK).
Kind kind_of(unsigned long rv) noexcept;

/// is_device_lost says that the token, our sessions or our login are gone: reopen the module, but
/// at most once in 30 s.
bool is_device_lost(unsigned long rv) noexcept;

/// is_transient says that the very same call may succeed when it is made again at once.
bool is_transient(unsigned long rv) noexcept;

/// name_of returns "CKR_PIN_INCORRECT" and the like, or "CKR_?" for a code we do not name.
std::string_view name_of(unsigned long rv) noexcept;

/// Error is the only exception thrown by hsm. `what()` never holds a PIN or key material.
class Error final : public std::runtime_error {
 public:
  /// A PKCS#11 call failed: what() is "C_Login: CKR_PIN_INCORRECT (0xa0)".
  Error(std::string_view call, unsigned long rv);

  /// Anything else; `what` is one lower-case sentence without a full stop.
  Error(Kind kind, const std::string& what,
        std::chrono::seconds retry_after = std::chrono::seconds(0), unsigned long rv = 0);

  Kind kind() const noexcept { return kind_; }

  /// The PKCS#11 return code, or 0 when no PKCS#11 call was involved.
  unsigned long rv() const noexcept { return rv_; }

  /// For `unavailable`: when a retry makes sense.
  std::chrono::seconds retry_after() const noexcept { return retry_after_; }

 private:
  Kind kind_;
  unsigned long rv_;
  std::chrono::seconds retry_after_;
};

/// check throws Error{call, rv} unless `rv` is CKR_OK.
inline void check(unsigned long rv, std::string_view call) {
  if (rv != 0) throw Error(call, rv);
}

}  // namespace ringfence::hsm
