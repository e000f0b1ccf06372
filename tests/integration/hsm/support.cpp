#include "tests/integration/hsm/support.h"

#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <openssl/pem.h>

namespace ringfence::hsm::test {

CommandResult shell(const std::string& command) {
  FILE* pipe = ::popen(("( " + command + " ) 2>&1 </dev/null").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  CommandResult result;
  char chunk[4096];
  while (const std::size_t count = std::fread(chunk, 1, sizeof chunk, pipe))
    result.output.append(chunk, count);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_pem(const std::filesystem::path& path, X509& certificate) {
  BIO* bio = BIO_new_file(path.c_str(), "w");
  PEM_write_bio_X509(bio, &certificate);
  BIO_free(bio);
}

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

std::string openssl_errors() {
  std::string text;
  const char* data = nullptr;
  int flags = 0;
  while (const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    char line[256];
    ERR_error_string_n(code, line, sizeof line);
    text += std::string(line) + " " + data + "; ";
  }
  return text;
}

Cert self_signed(const Provider& provider, EVP_PKEY& key, const char* name, const char* digest) {
  Cert certificate(X509_new_ex(provider.context(), nullptr));
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 4711);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  if (X509_set_pubkey(certificate.get(), &key) != 1)
    throw std::runtime_error("X509_set_pubkey: " + openssl_errors());
  EVP_MD* md = EVP_MD_fetch(provider.context(), digest, nullptr);
  const int size = X509_sign(certificate.get(), &key, md);
  EVP_MD_free(md);
  if (size <= 0) throw std::runtime_error("X509_sign: " + openssl_errors());
  return certificate;
}

}  // namespace ringfence::hsm::test
