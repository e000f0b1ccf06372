// A process's way to the private keys its role may use: never the keys themselves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>

#include "core/base/secret.h"
#include "core/crypto/handles.h"
#include "hsm/status.h"

namespace ringfence::core {

/// KeyRef names one version of a key in the token, KeySpec its kind (see hsm/key.h).
using KeyRef = hsm::KeyRef;
using KeyAlgorithm = hsm::KeyAlgorithm;
using KeySpec = hsm::KeySpec;

/// TokenStatus is what the signer tells about the token, its keys and its workers.
using TokenStatus = hsm::Status;
using TokenState = hsm::PoolState;

/// Token reaches `ringfence-signer` through the socket of this process's role.
///
/// Safe from several threads. All calls throw Error: `hsm_unavailable` (retry later),
/// `hsm_locked` (PIN missing or wrong: an operator must act), `refused` (the role may not),
/// `not_found`. Each call costs one round trip to the signer.
class Token {
 public:
  /// Connects lazily: the constructor does not fail when the signer is not up yet.
  explicit Token(const std::filesystem::path& role_socket);
  Token(const Token&) = delete;  // the provider holds its address
  Token& operator=(const Token&) = delete;
  ~Token();

  /// key returns a key whose private operations happen in the token. It lives in `context()`:
  /// use X509_new_ex, SSL_CTX_new_ex, CMS_sign_ex … with that context. Must not outlive the Token.
  EvpPkey key(const KeyRef& ref) const;

  /// context is the private library context with our provider and OpenSSL's default one.
  OSSL_LIB_CTX* context() const noexcept;

  /// keys lists every key pair this role may see, by label and version.
  std::vector<KeyRef> keys() const;

  /// generate makes a non-extractable, sensitive key pair with the label's next version.
  /// Only the admin role may.
  KeyRef generate(const std::string& label, const KeySpec& spec);

  /// destroy removes a key pair for good. Only the admin role may.
  void destroy(const KeyRef& ref);

  /// close fails what waits for the signer, and all that follows, with `hsm_unavailable`: a daemon
  /// that stops does not wait for a signer that hangs.
  void close() const noexcept;

  /// status answers also while nothing can be signed.
  TokenStatus status() const;

  /// unlock brings the PIN that an administrator typed. Throws Error: `hsm_locked` when the token
  /// refuses it, `conflict` when the token is not locked. Only the admin role may.
  void unlock(const Secret& pin);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ringfence::core
