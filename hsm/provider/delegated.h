// A signing or verifying that needs no token: the default provider's work.
#pragma once

#include <optional>

#include "hsm/provider/key.h"

namespace ringfence::hsm::provider {

enum class Direction { sign, verify, recover };

/// Delegated is one conversation about a key of the default provider. Every call returns what
/// OpenSSL's of the same name would.
class Delegated {
 public:
  /// Throws Error{request} when OpenSSL does not begin; its own error then is in the queue too.
  Delegated(const Key& key, Direction direction, const OSSL_PARAM params[]);
  /// With a digest, "" for the key's default one.
  Delegated(const Key& key, Direction direction, const char* digest, const OSSL_PARAM params[]);
  Delegated(const Delegated& other);
  Delegated& operator=(const Delegated&) = delete;
  ~Delegated();

  int sign(unsigned char* out, std::size_t* size, std::size_t room, BytesView input);
  int verify(BytesView signature, BytesView input);
  int recover(unsigned char* out, std::size_t* size, std::size_t room, BytesView signature);

  int update(BytesView data);
  int sign_final(unsigned char* out, std::size_t* size, std::size_t room);
  int verify_final(BytesView signature);

  int get_params(OSSL_PARAM params[]);
  int set_params(const OSSL_PARAM params[]);

 private:
  Direction direction_;
  EVP_PKEY_CTX* operation_ = nullptr;  ///< with a digest, that of digest_
  EVP_MD_CTX* digest_ = nullptr;       ///< null without a digest
};

}  // namespace ringfence::hsm::provider
