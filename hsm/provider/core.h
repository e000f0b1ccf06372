// What OpenSSL lends to a provider when it starts it: parameters, its error queue, its BIOs.
#pragma once

#include <string>
#include <string_view>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include "hsm/error.h"

namespace ringfence::hsm::provider {

/// Core holds the handle and the functions that OpenSSL passed to our init.
class Core {
 public:
  Core(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions) noexcept;

  /// parameter returns a value of the provider's section in openssl.cnf, empty when it is not set.
  std::string parameter(const char* name) const;

  /// raise puts an Error into the thread's error queue: its kind is the reason, what() the data.
  void raise(const Error& error) const noexcept;

  /// write sends text to a BIO that OpenSSL gave us.
  bool write(OSSL_CORE_BIO* bio, std::string_view text) const noexcept;

 private:
  void set_error(int reason, const char* format, ...) const noexcept;

  const OSSL_CORE_HANDLE* handle_;
  OSSL_FUNC_core_get_params_fn* get_params_ = nullptr;
  OSSL_FUNC_core_new_error_fn* new_error_ = nullptr;
  OSSL_FUNC_core_set_error_debug_fn* set_error_debug_ = nullptr;
  OSSL_FUNC_core_vset_error_fn* vset_error_ = nullptr;
  OSSL_FUNC_BIO_write_ex_fn* write_ = nullptr;
};

/// reasons returns the text of each kind; OpenSSL shows them under the provider's name.
const OSSL_ITEM* reasons(void* context) noexcept;

/// guarded runs `work` at the border to C: an exception becomes an entry in the queue, and 0.
template <typename Work>
int guarded(const Core& core, Work work) noexcept {
  try {
    return work() ? 1 : 0;
  } catch (const Error& error) {
    core.raise(error);
  } catch (const std::exception& error) {
    core.raise(Error(Kind::unavailable, error.what()));
  }
  return 0;
}

template <typename Function>
OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

}  // namespace ringfence::hsm::provider
