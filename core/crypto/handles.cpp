// Owners of OpenSSL objects: draining its error queue.
#include "core/crypto/handles.h"

#include <optional>
#include <string>

#include <openssl/err.h>

#include "core/base/error.h"
#include "core/crypto/hsm_code.h"
#include "hsm/provider/provider.h"

namespace ringfence::core {

void throw_openssl(std::string_view call) {
  std::string what(call);
  what += " failed";
  const char* data = nullptr;
  int flags = 0;
  bool first = true;
  std::optional<Code> code;
  while (const unsigned long error = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    const char* reason = ERR_reason_error_string(error);
    what += first ? ": " : "; ";
    what += reason != nullptr ? reason : "unknown reason";
    if (data != nullptr && *data != '\0' && (flags & ERR_TXT_STRING) != 0)
      what.append(" (").append(data).append(")");
    first = false;
    // A token key's operation failed at the signer: its kind says what the caller may do.
    if (const auto kind = hsm::kind_of_openssl(error)) code = code_of(*kind);
  }
  throw Error(code.value_or(Code::internal), what);
}

X509Cert share(X509* certificate) {
  ensure(X509_up_ref(certificate) == 1, "X509_up_ref");
  return X509Cert(certificate);
}

EvpPkey share(EVP_PKEY* key) {
  ensure(EVP_PKEY_up_ref(key) == 1, "EVP_PKEY_up_ref");
  return EvpPkey(key);
}

}  // namespace ringfence::core
