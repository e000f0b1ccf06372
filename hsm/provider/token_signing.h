// A signing in the token: the signer is shown what it signs; a digest only of what is too long.
#pragma once

#include <optional>

#include <openssl/params.h>
#include <openssl/rsa.h>

#include "hsm/provider/key.h"

namespace ringfence::hsm::provider {

struct FreeMdCtx {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// TokenSigning is one conversation about a key of the token, which must outlive it (OpenSSL keeps
/// a key as long as what works with it). Throws Error; false means that OpenSSL failed.
class TokenSigning {
 public:
  TokenSigning(const Key& key, const OSSL_PARAM params[]);
  /// With a digest, "" for SHA-256.
  TokenSigning(const Key& key, std::string_view digest, const OSSL_PARAM params[]);
  TokenSigning(const TokenSigning& other);
  TokenSigning& operator=(const TokenSigning&) = delete;

  /// sign has a digest signed, or raw bytes when none was chosen. Without `out` it only tells in
  /// `size` what room it may need.
  bool sign(unsigned char* out, std::size_t* size, std::size_t room, BytesView input) const;
  /// digest_sign does it all at once.
  bool digest_sign(unsigned char* out, std::size_t* size, std::size_t room, BytesView data);

  bool update(BytesView data);
  bool sign_final(unsigned char* out, std::size_t* size, std::size_t room);

  bool get_params(OSSL_PARAM params[]) const;
  void set_params(const OSSL_PARAM params[]);

 private:
  bool pss() const noexcept { return padding_ == RSA_PKCS1_PSS_PADDING; }

  std::uint16_t salt_bytes(Hash hash) const;
  bool put_algorithm_id(OSSL_PARAM& param) const;

  SignRequest prepared() const;
  bool make(unsigned char* out, std::size_t* size, std::size_t room,
            const SignRequest& request) const;
  bool sign_message(unsigned char* out, std::size_t* size, std::size_t room,
                    BytesView message) const;
  bool begin_digest();

  const Key& key_;
  std::optional<std::size_t> digest_;
  std::optional<std::size_t> mgf_digest_;
  int padding_ = RSA_PKCS1_PADDING;
  int salt_ = RSA_PSS_SALTLEN_AUTO;
  Bytes message_;  ///< what came so far, unless it became too long to show: then its digest runs
  std::unique_ptr<EVP_MD_CTX, FreeMdCtx> running_;
};

}  // namespace ringfence::hsm::provider
