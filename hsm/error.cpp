#include "hsm/error.h"

#include <algorithm>

#include <fmt/format.h>

#include "hsm/pkcs11.h"

namespace ringfence::hsm {

const char* name(Kind kind) noexcept {
  switch (kind) {
    case Kind::request: return "request";
    case Kind::refused: return "refused";
    case Kind::not_found: return "not_found";
    case Kind::pin: return "pin";
    case Kind::unavailable: return "unavailable";
  }
  return "unavailable";
}

namespace {

enum class Heals { no, repeating, reopening };

struct Code {
  unsigned long rv;
  std::string_view name;
  Kind kind;
  Heals heals;
};

/// Every code of PKCS#11 v2.40 (base specification 5.1), in the order of their numbers.
/// `unavailable` is what time or an operator may heal without another request being made.
constexpr Code kCodes[] = {
// clang-format off
#define RF_CODE(code, kind, heals) Code{code, #code, Kind::kind, Heals::heals}
    RF_CODE(CKR_CANCEL, unavailable, no),
    RF_CODE(CKR_HOST_MEMORY, unavailable, no),
    RF_CODE(CKR_SLOT_ID_INVALID, unavailable, reopening),
    RF_CODE(CKR_GENERAL_ERROR, unavailable, repeating),
    RF_CODE(CKR_FUNCTION_FAILED, unavailable, repeating),
    RF_CODE(CKR_ARGUMENTS_BAD, request, no),
    RF_CODE(CKR_NO_EVENT, unavailable, no),
    RF_CODE(CKR_NEED_TO_CREATE_THREADS, request, no),
    RF_CODE(CKR_CANT_LOCK, request, no),
    RF_CODE(CKR_ATTRIBUTE_READ_ONLY, request, no),
    RF_CODE(CKR_ATTRIBUTE_SENSITIVE, request, no),
    RF_CODE(CKR_ATTRIBUTE_TYPE_INVALID, request, no),
    RF_CODE(CKR_ATTRIBUTE_VALUE_INVALID, request, no),
    RF_CODE(CKR_ACTION_PROHIBITED, request, no),
    RF_CODE(CKR_DATA_INVALID, request, no),
    RF_CODE(CKR_DATA_LEN_RANGE, request, no),
    RF_CODE(CKR_DEVICE_ERROR, unavailable, reopening),
    RF_CODE(CKR_DEVICE_MEMORY, unavailable, no),
    RF_CODE(CKR_DEVICE_REMOVED, unavailable, reopening),
    RF_CODE(CKR_ENCRYPTED_DATA_INVALID, request, no),
    RF_CODE(CKR_ENCRYPTED_DATA_LEN_RANGE, request, no),
    RF_CODE(CKR_FUNCTION_CANCELED, unavailable, repeating),
    RF_CODE(CKR_FUNCTION_NOT_PARALLEL, request, no),
    RF_CODE(CKR_FUNCTION_NOT_SUPPORTED, request, no),
    RF_CODE(CKR_KEY_HANDLE_INVALID, unavailable, no),
    RF_CODE(CKR_KEY_SIZE_RANGE, request, no),
    RF_CODE(CKR_KEY_TYPE_INCONSISTENT, request, no),
    RF_CODE(CKR_KEY_NOT_NEEDED, request, no),
    RF_CODE(CKR_KEY_CHANGED, request, no),
    RF_CODE(CKR_KEY_NEEDED, request, no),
    RF_CODE(CKR_KEY_INDIGESTIBLE, request, no),
    RF_CODE(CKR_KEY_FUNCTION_NOT_PERMITTED, request, no),
    RF_CODE(CKR_KEY_NOT_WRAPPABLE, request, no),
    RF_CODE(CKR_KEY_UNEXTRACTABLE, request, no),
    RF_CODE(CKR_MECHANISM_INVALID, request, no),
    RF_CODE(CKR_MECHANISM_PARAM_INVALID, request, no),
    RF_CODE(CKR_OBJECT_HANDLE_INVALID, unavailable, no),
    RF_CODE(CKR_OPERATION_ACTIVE, unavailable, reopening),
    RF_CODE(CKR_OPERATION_NOT_INITIALIZED, unavailable, reopening),
    RF_CODE(CKR_PIN_INCORRECT, pin, no),
    RF_CODE(CKR_PIN_INVALID, pin, no),
    RF_CODE(CKR_PIN_LEN_RANGE, pin, no),
    RF_CODE(CKR_PIN_EXPIRED, pin, no),
    RF_CODE(CKR_PIN_LOCKED, pin, no),
    RF_CODE(CKR_SESSION_CLOSED, unavailable, reopening),
    RF_CODE(CKR_SESSION_COUNT, unavailable, no),
    RF_CODE(CKR_SESSION_HANDLE_INVALID, unavailable, reopening),
    RF_CODE(CKR_SESSION_PARALLEL_NOT_SUPPORTED, request, no),
    RF_CODE(CKR_SESSION_READ_ONLY, request, no),
    RF_CODE(CKR_SESSION_EXISTS, unavailable, no),
    RF_CODE(CKR_SESSION_READ_ONLY_EXISTS, unavailable, no),
    RF_CODE(CKR_SESSION_READ_WRITE_SO_EXISTS, unavailable, no),
    RF_CODE(CKR_SIGNATURE_INVALID, request, no),
    RF_CODE(CKR_SIGNATURE_LEN_RANGE, request, no),
    RF_CODE(CKR_TEMPLATE_INCOMPLETE, request, no),
    RF_CODE(CKR_TEMPLATE_INCONSISTENT, request, no),
    RF_CODE(CKR_TOKEN_NOT_PRESENT, unavailable, reopening),
    RF_CODE(CKR_TOKEN_NOT_RECOGNIZED, unavailable, reopening),
    RF_CODE(CKR_TOKEN_WRITE_PROTECTED, request, no),
    Code{0xf0, "CKR_UNWRAPPING_KEY_HANDLE_INVALID", Kind::request, Heals::no},  // p11-kit lacks it
    RF_CODE(CKR_UNWRAPPING_KEY_SIZE_RANGE, request, no),
    RF_CODE(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, request, no),
    RF_CODE(CKR_USER_ALREADY_LOGGED_IN, unavailable, no),
    RF_CODE(CKR_USER_NOT_LOGGED_IN, unavailable, reopening),
    RF_CODE(CKR_USER_PIN_NOT_INITIALIZED, pin, no),
    RF_CODE(CKR_USER_TYPE_INVALID, request, no),
    RF_CODE(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, unavailable, no),
    RF_CODE(CKR_USER_TOO_MANY_TYPES, unavailable, no),
    RF_CODE(CKR_WRAPPED_KEY_INVALID, request, no),
    RF_CODE(CKR_WRAPPED_KEY_LEN_RANGE, request, no),
    RF_CODE(CKR_WRAPPING_KEY_HANDLE_INVALID, request, no),
    RF_CODE(CKR_WRAPPING_KEY_SIZE_RANGE, request, no),
    RF_CODE(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, request, no),
    RF_CODE(CKR_RANDOM_SEED_NOT_SUPPORTED, request, no),
    RF_CODE(CKR_RANDOM_NO_RNG, request, no),
    RF_CODE(CKR_DOMAIN_PARAMS_INVALID, request, no),
    RF_CODE(CKR_CURVE_NOT_SUPPORTED, request, no),
    RF_CODE(CKR_BUFFER_TOO_SMALL, request, no),
    RF_CODE(CKR_SAVED_STATE_INVALID, request, no),
    RF_CODE(CKR_INFORMATION_SENSITIVE, request, no),
    RF_CODE(CKR_STATE_UNSAVEABLE, request, no),
    RF_CODE(CKR_CRYPTOKI_NOT_INITIALIZED, unavailable, reopening),
    RF_CODE(CKR_CRYPTOKI_ALREADY_INITIALIZED, unavailable, no),
    RF_CODE(CKR_MUTEX_BAD, unavailable, no),
    RF_CODE(CKR_MUTEX_NOT_LOCKED, unavailable, no),
    RF_CODE(CKR_NEW_PIN_MODE, pin, no),
    RF_CODE(CKR_NEXT_OTP, pin, no),
    RF_CODE(CKR_EXCEEDED_MAX_ITERATIONS, unavailable, no),
    RF_CODE(CKR_FIPS_SELF_TEST_FAILED, unavailable, no),
    RF_CODE(CKR_LIBRARY_LOAD_FAILED, unavailable, no),
    RF_CODE(CKR_PIN_TOO_WEAK, pin, no),
    RF_CODE(CKR_PUBLIC_KEY_INVALID, request, no),
    RF_CODE(CKR_FUNCTION_REJECTED, request, no),
#undef RF_CODE
    // clang-format on
};

const Code* find(unsigned long rv) noexcept {
  const auto* found = std::ranges::lower_bound(kCodes, rv, {}, &Code::rv);
  return found != std::end(kCodes) && found->rv == rv ? found : nullptr;
}

}  // namespace

Kind kind_of(unsigned long rv) noexcept {
  const Code* code = find(rv);
  return code == nullptr ? Kind::unavailable : code->kind;
}

bool is_device_lost(unsigned long rv) noexcept {
  const Code* code = find(rv);
  return code != nullptr && code->heals == Heals::reopening;
}

bool is_transient(unsigned long rv) noexcept {
  const Code* code = find(rv);
  return code != nullptr && code->heals == Heals::repeating;
}

std::string_view name_of(unsigned long rv) noexcept {
  if (rv == CKR_OK) return "CKR_OK";
  const Code* code = find(rv);
  return code == nullptr ? "CKR_?" : code->name;
}

Error::Error(std::string_view call, unsigned long rv)
    : std::runtime_error(fmt::format("{}: {} ({:#x})", call, name_of(rv), rv)),
      kind_(kind_of(rv)),
      rv_(rv),
      retry_after_(kind_ == Kind::unavailable ? 30 : 0) {}

Error::Error(Kind kind, const std::string& what, std::chrono::seconds retry_after, unsigned long rv)
    : std::runtime_error(what), kind_(kind), rv_(rv), retry_after_(retry_after) {}

}  // namespace ringfence::hsm
