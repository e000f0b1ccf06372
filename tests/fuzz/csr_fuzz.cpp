// PKCS#10 requests from anywhere: nothing but Error escapes, and what is taken says the same again.
#include <cstdlib>

#include "core/base/error.h"
#include "core/certificates/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringfence::core;
  try {
    const X509Request request = parse_request({data, size});
    const X509Request again = parse_request(to_der(*request));
    if (to_der(*again) != to_der(*request) || spki_of(*again) != spki_of(*request)) std::abort();
    if (subject_of(*again) != subject_of(*request)) std::abort();
    if (!to_pem(*request).starts_with("-----BEGIN CERTIFICATE REQUEST-----\n")) std::abort();
  } catch (const Error& error) {
    if (error.code() != Code::malformed) std::abort();
  }
  return 0;
}
