// A certificate authority of another house: the openssl program in a folder.
#pragma once

#include <filesystem>
#include <string>

#include "core/base/bytes.h"

namespace ringfence::test {

/// OpensslCa is one CA with a P-256 key. Everything throws std::runtime_error with what openssl
/// said when it does not work.
class OpensslCa {
 public:
  /// Makes files "<name>.pem" and "<name>.key" in `folder`. Self-signed unless there is an
  /// `issuer`; `extensions` are lines of an openssl extension file.
  OpensslCa(const std::filesystem::path& folder, const std::string& name,
            const OpensslCa* issuer = nullptr, const std::string& extensions = kAuthority);

  /// sign makes a certificate of a PEM request, with its subject, as `openssl x509 -req` does.
  std::string sign(const std::string& request_pem, const std::string& extensions,
                   const std::string& options = "-days 365") const;

  /// certify makes a certificate for a PEM public key: what an offline CA does with a phone's CSR,
  /// which the phone could not sign. `subject` is "/O=…/CN=…".
  std::string certify(const std::string& public_key_pem, const std::string& subject,
                      const std::string& extensions,
                      const std::string& options = "-days 365") const;

  std::filesystem::path certificate() const { return folder_ / (name_ + ".pem"); }

  std::string pem() const;
  core::Bytes der() const;

  static const std::string kAuthority;  ///< CA:TRUE, keyCertSign, cRLSign
  static const std::string kCapf;       ///< what CAPF's request asks for
  static const std::string kLsc;        ///< what a phone's certificate needs

 private:
  std::string made(const std::string& words, const std::string& extensions) const;

  std::filesystem::path folder_;
  std::string name_;
};

/// openssl runs the program with `words` and returns its output.
std::string openssl(const std::string& words, const std::string& input = "");

}  // namespace ringfence::test
