// The openssl program as a second opinion, and keys for tests.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "core/base/file.h"
#include "core/crypto/handles.h"

namespace ringfence::test {

struct ToolResult {
  int status = -1;
  std::string output;  ///< both streams
};

/// run_openssl runs `openssl <arguments>` through the shell.
inline ToolResult run_openssl(const std::string& arguments) {
  ToolResult result;
  std::FILE* pipe = ::popen(("openssl " + arguments + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
    result.output.append(buffer, count);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

/// rsa_key and ec_key make a new key in OpenSSL's default context.
inline core::EvpPkey rsa_key(unsigned bits = 2048) {
  return core::EvpPkey(core::ensure(EVP_RSA_gen(bits), "EVP_RSA_gen"));
}

inline core::EvpPkey ec_key(const char* curve) {
  return core::EvpPkey(core::ensure(EVP_EC_gen(curve), "EVP_EC_gen"));
}

/// spki_der returns a key's SubjectPublicKeyInfo.
inline core::Bytes spki_der(EVP_PKEY& key) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(&key, &der);
  core::ensure(length > 0, "i2d_PUBKEY");
  const core::Bytes bytes(der, der + length);
  OPENSSL_free(der);
  return bytes;
}

}  // namespace ringfence::test
