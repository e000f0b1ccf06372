// What the hsm tests share: a signer with keys, the openssl program, OpenSSL owners.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "hsm/client.h"
#include "hsm/provider/provider.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::hsm::test {

using ringfence::test::ProcessResult;
using ringfence::test::SignerProcess;
using ringfence::test::TemporaryFolder;

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const noexcept { Free(object); }
};

using Cert = std::unique_ptr<X509, Freer<X509, X509_free>>;
using MdCtx = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX, EVP_MD_CTX_free>>;
using PkeyCtx = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;

/// CommandResult is what a command line printed (both streams) and its exit status.
struct CommandResult {
  int status = -1;
  std::string output;
};

/// shell runs one command line with its standard input empty.
CommandResult shell(const std::string& command);

void write_text(const std::filesystem::path& path, std::string_view text);
std::string read_text(const std::filesystem::path& path);
void write_pem(const std::filesystem::path& path, X509& certificate);
Bytes bytes_of(std::string_view text);

/// openssl_errors drains the queue into one line.
std::string openssl_errors();

/// self_signed makes a certificate for a token key with X509_sign in the provider's context.
Cert self_signed(const Provider& provider, EVP_PKEY& key, const char* name,
                 const char* digest = "SHA256");

/// kind_thrown runs `work` and returns the kind of the hsm::Error it threw, nothing when none.
template <typename Work>
std::optional<Kind> kind_thrown(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

}  // namespace ringfence::hsm::test
