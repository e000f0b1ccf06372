#include "hsm/provider/core.h"

#include <cstdarg>

#include <openssl/params.h>

namespace ringfence::hsm::provider {

Core::Core(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions) noexcept
    : handle_(handle) {
  for (; functions->function_id != 0; ++functions) {
    switch (functions->function_id) {
      case OSSL_FUNC_CORE_GET_PARAMS: get_params_ = OSSL_FUNC_core_get_params(functions); break;
      case OSSL_FUNC_CORE_NEW_ERROR: new_error_ = OSSL_FUNC_core_new_error(functions); break;
      case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
        set_error_debug_ = OSSL_FUNC_core_set_error_debug(functions);
        break;
      case OSSL_FUNC_CORE_VSET_ERROR: vset_error_ = OSSL_FUNC_core_vset_error(functions); break;
      case OSSL_FUNC_BIO_WRITE_EX: write_ = OSSL_FUNC_BIO_write_ex(functions); break;
      default: break;
    }
  }
}

std::string Core::parameter(const char* name) const {
  char* value = nullptr;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_ptr(name, &value, 0),
                         OSSL_PARAM_construct_end()};
  if (get_params_ == nullptr || get_params_(handle_, params) != 1 || value == nullptr) return {};
  return value;
}

void Core::set_error(int reason, const char* format, ...) const noexcept {
  std::va_list arguments;
  va_start(arguments, format);
  vset_error_(handle_, static_cast<std::uint32_t>(reason), format, arguments);
  va_end(arguments);
}

void Core::raise(const Error& error) const noexcept {
  if (new_error_ == nullptr || set_error_debug_ == nullptr || vset_error_ == nullptr) return;
  new_error_(handle_);
  set_error_debug_(handle_, "ringfence", 0, "signer");
  set_error(static_cast<int>(error.kind()), "%s", error.what());
}

bool Core::write(OSSL_CORE_BIO* bio, std::string_view text) const noexcept {
  std::size_t written = 0;
  return write_ != nullptr && write_(bio, text.data(), text.size(), &written) == 1 &&
         written == text.size();
}

const OSSL_ITEM* reasons(void*) noexcept {
  static char texts[][24] = {"wrong request", "refused", "no such key", "PIN missing or wrong",
                             "unavailable"};
  static const OSSL_ITEM items[] = {{static_cast<unsigned>(Kind::request), texts[0]},
                                    {static_cast<unsigned>(Kind::refused), texts[1]},
                                    {static_cast<unsigned>(Kind::not_found), texts[2]},
                                    {static_cast<unsigned>(Kind::pin), texts[3]},
                                    {static_cast<unsigned>(Kind::unavailable), texts[4]},
                                    {0, nullptr}};
  return items;
}

}  // namespace ringfence::hsm::provider
