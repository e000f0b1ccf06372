#include "hsm/error.h"

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

Kind kind_of(unsigned long rv) noexcept {
  switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED: return Kind::pin;
    case CKR_ARGUMENTS_BAD:
    case CKR_ATTRIBUTE_READ_ONLY:
    case CKR_ATTRIBUTE_SENSITIVE:
    case CKR_ATTRIBUTE_TYPE_INVALID:
    case CKR_ATTRIBUTE_VALUE_INVALID:
    case CKR_DATA_INVALID:
    case CKR_DATA_LEN_RANGE:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_KEY_SIZE_RANGE:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_TEMPLATE_INCOMPLETE:
    case CKR_TEMPLATE_INCONSISTENT: return Kind::request;
    default: return Kind::unavailable;  // the device, its memory, its sessions: time may heal it
  }
}

std::string_view name_of(unsigned long rv) noexcept {
#define RF_NAME(code) \
  case code: return #code
  switch (rv) {
    RF_NAME(CKR_OK);
    RF_NAME(CKR_HOST_MEMORY);
    RF_NAME(CKR_SLOT_ID_INVALID);
    RF_NAME(CKR_GENERAL_ERROR);
    RF_NAME(CKR_FUNCTION_FAILED);
    RF_NAME(CKR_ARGUMENTS_BAD);
    RF_NAME(CKR_ATTRIBUTE_READ_ONLY);
    RF_NAME(CKR_ATTRIBUTE_SENSITIVE);
    RF_NAME(CKR_ATTRIBUTE_TYPE_INVALID);
    RF_NAME(CKR_ATTRIBUTE_VALUE_INVALID);
    RF_NAME(CKR_DATA_INVALID);
    RF_NAME(CKR_DATA_LEN_RANGE);
    RF_NAME(CKR_DEVICE_ERROR);
    RF_NAME(CKR_DEVICE_MEMORY);
    RF_NAME(CKR_DEVICE_REMOVED);
    RF_NAME(CKR_FUNCTION_NOT_SUPPORTED);
    RF_NAME(CKR_KEY_HANDLE_INVALID);
    RF_NAME(CKR_KEY_SIZE_RANGE);
    RF_NAME(CKR_KEY_TYPE_INCONSISTENT);
    RF_NAME(CKR_KEY_FUNCTION_NOT_PERMITTED);
    RF_NAME(CKR_MECHANISM_INVALID);
    RF_NAME(CKR_MECHANISM_PARAM_INVALID);
    RF_NAME(CKR_OBJECT_HANDLE_INVALID);
    RF_NAME(CKR_OPERATION_ACTIVE);
    RF_NAME(CKR_OPERATION_NOT_INITIALIZED);
    RF_NAME(CKR_PIN_INCORRECT);
    RF_NAME(CKR_PIN_INVALID);
    RF_NAME(CKR_PIN_LEN_RANGE);
    RF_NAME(CKR_PIN_EXPIRED);
    RF_NAME(CKR_PIN_LOCKED);
    RF_NAME(CKR_SESSION_CLOSED);
    RF_NAME(CKR_SESSION_COUNT);
    RF_NAME(CKR_SESSION_HANDLE_INVALID);
    RF_NAME(CKR_SESSION_READ_ONLY);
    RF_NAME(CKR_TEMPLATE_INCOMPLETE);
    RF_NAME(CKR_TEMPLATE_INCONSISTENT);
    RF_NAME(CKR_TOKEN_NOT_PRESENT);
    RF_NAME(CKR_TOKEN_NOT_RECOGNIZED);
    RF_NAME(CKR_TOKEN_WRITE_PROTECTED);
    RF_NAME(CKR_USER_ALREADY_LOGGED_IN);
    RF_NAME(CKR_USER_NOT_LOGGED_IN);
    RF_NAME(CKR_USER_PIN_NOT_INITIALIZED);
    RF_NAME(CKR_USER_TYPE_INVALID);
    RF_NAME(CKR_BUFFER_TOO_SMALL);
    RF_NAME(CKR_CRYPTOKI_NOT_INITIALIZED);
    RF_NAME(CKR_CRYPTOKI_ALREADY_INITIALIZED);
    default: return "CKR_?";
  }
#undef RF_NAME
}

Error::Error(std::string_view call, unsigned long rv)
    : std::runtime_error(fmt::format("{}: {} ({:#x})", call, name_of(rv), rv)),
      kind_(kind_of(rv)),
      rv_(rv),
      retry_after_(kind_ == Kind::unavailable ? 30 : 0) {}

Error::Error(Kind kind, const std::string& what, std::chrono::seconds retry_after, unsigned long rv)
    : std::runtime_error(what), kind_(kind), rv_(rv), retry_after_(retry_after) {}

}  // namespace ringfence::hsm
