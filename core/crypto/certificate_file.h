// Certificates as people have them: a file's bytes, or what was pasted, to certificates.
#pragma once

#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/handles.h"

namespace ringfence::core {

/// CertificateFile is what a file of certificates held.
struct CertificateFile {
  std::vector<X509Cert> certificates;      ///< at least one, in the file's order, each once
  std::string found;                       ///< "PKCS#7 in DER with 3 certificates"
  std::vector<std::string> notes;          ///< sentences: what else was in it and was not taken
  std::vector<std::string> warnings = {};  ///< sentences: a private key was in it
};

/// read_certificate_file takes the certificates out of `bytes`, whatever they are wrapped in.
///
/// PEM with any text around its blocks, CRLF, a byte order mark, UTF-16, `TRUSTED CERTIFICATE` (its
/// trust settings are not kept); base64 without its lines; DER, several in a row too; PKCS#7 in DER
/// or PEM. A private key beside certificates is passed over without being decoded, with a note;
/// wiping `bytes` is the caller's. Pure; at most 1 MiB. Throws Error{malformed} that says what the
/// file is instead (PKCS#12, a request, a key, a web page …) and what to do, or that it holds more
/// than `at_most` certificates.
CertificateFile read_certificate_file(BytesView bytes, std::size_t at_most);

}  // namespace ringfence::core
