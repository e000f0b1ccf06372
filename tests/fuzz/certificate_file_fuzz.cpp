// Certificates from anywhere: nothing but Error escapes, and what is taken is a certificate again.
#include "core/crypto/certificate_file.h"

#include <cstdlib>

#include "core/base/error.h"
#include "core/crypto/x509.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringfence::core;
  try {
    const CertificateFile file = read_certificate_file({data, size}, 32);
    if (file.certificates.empty() || file.certificates.size() > 32 || file.found.empty())
      std::abort();
    for (const X509Cert& one : file.certificates) {
      const CertificateFile again = read_certificate_file(to_der(*one), 1);
      if (to_der(*again.certificates.front()) != to_der(*one)) std::abort();
    }
  } catch (const Error& error) {
    if (error.code() != Code::malformed) std::abort();
  }
  return 0;
}
