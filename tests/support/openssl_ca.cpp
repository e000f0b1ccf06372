#include "tests/support/openssl_ca.h"

#include <sstream>
#include <stdexcept>
#include <vector>

#include <openssl/pem.h>

#include "core/base/file.h"
#include "core/crypto/x509.h"
#include "tests/support/command.h"

namespace ringfence::test {

const std::string OpensslCa::kAuthority =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
    "subjectKeyIdentifier=hash\n";
const std::string OpensslCa::kCapf =
    "basicConstraints=critical,CA:TRUE,pathlen:0\n"
    "keyUsage=critical,digitalSignature,keyCertSign\n"
    "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\n"
    "authorityKeyIdentifier=keyid\n";
const std::string OpensslCa::kLsc =
    "basicConstraints=critical,CA:FALSE\n"
    "keyUsage=critical,digitalSignature,keyEncipherment\n"
    "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\n"
    "authorityKeyIdentifier=keyid\n";

std::string openssl(const std::string& words, const std::string& input) {
  std::vector<std::string> split{"openssl"};
  std::istringstream stream(words);
  for (std::string word; stream >> word;) split.push_back(word);
  const Result result = run(split, input);
  if (result.status != 0)
    throw std::runtime_error("openssl " + words + ": " + result.out + result.err);
  return result.out;
}

OpensslCa::OpensslCa(const std::filesystem::path& folder, const std::string& name,
                     const OpensslCa* issuer, const std::string& extensions)
    : folder_(folder), name_(name) {
  const std::string key = (folder / (name + ".key")).string();
  openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out " + key);
  const std::string subject = "/C=DE/O=Other-House/CN=" + name;
  const std::string request = openssl("req -new -key " + key + " -subj " + subject);
  std::string pem;
  if (issuer != nullptr) {
    pem = issuer->sign(request, extensions + "authorityKeyIdentifier=keyid\n", "-days 3650");
  } else {
    core::write_atomically(folder / (name + ".ext"), core::bytes_of(extensions));
    pem = openssl("x509 -req -days 3650 -sha256 -signkey " + key + " -extfile " +
                      (folder / (name + ".ext")).string(),
                  request);
  }
  core::write_atomically(certificate(), core::bytes_of(pem));
}

std::string OpensslCa::made(const std::string& words, const std::string& extensions) const {
  const std::filesystem::path file = folder_ / (name_ + ".ext");
  core::write_atomically(file, core::bytes_of(extensions));
  return openssl("x509 " + words + " -sha256 -CA " + certificate().string() + " -CAkey " +
                 (folder_ / (name_ + ".key")).string() + " -extfile " + file.string());
}

std::string OpensslCa::sign(const std::string& request_pem, const std::string& extensions,
                            const std::string& options) const {
  const std::filesystem::path request = folder_ / (name_ + ".in");
  core::write_atomically(request, core::bytes_of(request_pem));
  return made("-req -in " + request.string() + " " + options, extensions);
}

std::string OpensslCa::certify(const std::string& public_key_pem, const std::string& subject,
                               const std::string& extensions, const std::string& options) const {
  const std::filesystem::path key = folder_ / (name_ + ".in");
  core::write_atomically(key, core::bytes_of(public_key_pem));
  return made("-new -force_pubkey " + key.string() + " -subj " + subject + " " + options,
              extensions);
}

std::string OpensslCa::pem() const {
  return core::text_of(core::read_file(certificate(), 1 << 16));
}

core::Bytes OpensslCa::der() const {
  const std::string text = pem();
  const core::Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return core::to_der(*core::X509Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)));
}

}  // namespace ringfence::test
