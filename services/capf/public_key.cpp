// The key a phone sent.
#include "services/capf/public_key.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/crypto/handles.h"
#include "core/crypto/rsa_flaw.h"
#include "core/crypto/spki.h"

namespace ringfence::services::capf {
namespace {

using core::Code;
using core::Error;
using BigNumber = core::Handle<BIGNUM, BN_free>;

BigNumber number(const EVP_PKEY& key, const char* name) {
  BIGNUM* value = nullptr;
  core::ensure(EVP_PKEY_get_bn_param(&key, name, &value) > 0, "EVP_PKEY_get_bn_param");
  return BigNumber(value);
}

core::Bytes bytes(const BIGNUM& value) {
  core::Bytes result(static_cast<std::size_t>(BN_num_bytes(&value)));
  BN_bn2bin(&value, result.data());
  return result;
}

std::string hash_of_rsa(core::BytesView modulus) {
  return core::to_hex(core::digest(core::Digest::sha256, modulus));
}

/// hash_of_ec throws Error{malformed} for the point at infinity, which has no coordinates.
std::string hash_of_ec(const EVP_PKEY& key, int bits) {
  core::Writer point;
  point.u16(static_cast<std::uint16_t>(bits));
  for (const char* coordinate : {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y}) {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(&key, coordinate, &value) <= 0) {
      ERR_clear_error();
      throw Error(Code::malformed, "its point is the one at infinity, which is no key");
    }
    const BigNumber owner(value);
    const core::Bytes number = bytes(*value);
    point.u16(static_cast<std::uint16_t>(number.size())).bytes(number);
  }
  return core::to_hex(core::digest(core::Digest::sha256, point.view()));
}

void check_point(EVP_PKEY& key) {
  const core::EvpPkeyCtx context(
      core::ensure(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), "EVP_PKEY_CTX_new"));
  if (EVP_PKEY_public_check_quick(context.get()) == 1) return;
  ERR_clear_error();
  throw Error(Code::malformed, "its point is not one of its curve, or the one at infinity");
}

/// check_numbers demands that `spki` ends with the key as DER writes it: OpenSSL takes an INTEGER
/// that is negative, or longer than it need be, for the number that its bytes would be.
void check_numbers(const EVP_PKEY& key, core::BytesView spki) {
  unsigned char* made = nullptr;
  const int length = i2d_PublicKey(&key, &made);
  core::ensure(length > 0, "i2d_PublicKey");
  const core::BytesView canonical(made, static_cast<std::size_t>(length));
  const bool same =
      spki.size() >= canonical.size() && std::ranges::equal(spki.last(canonical.size()), canonical);
  OPENSSL_free(made);
  if (!same)
    throw Error(Code::malformed, "the numbers of the RSA key are not positive INTEGERs of DER");
}

PublicKey read_rsa(const EVP_PKEY& key) {
  const BigNumber modulus = number(key, OSSL_PKEY_PARAM_RSA_N);
  const BigNumber exponent = number(key, OSSL_PKEY_PARAM_RSA_E);
  if (BN_is_odd(modulus.get()) == 0) throw Error(Code::malformed, "the RSA modulus is even");
  if (BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get())) {
    throw Error(Code::malformed, "the RSA exponent is not an odd number of at least 3");
  }
  return {KeyType::rsa, BN_num_bits(modulus.get()), hash_of_rsa(bytes(*modulus))};
}

/// curve_bits_of throws Error{malformed} for a curve that no phone is asked for.
int curve_bits_of(const EVP_PKEY& key) {
  std::array<char, 64> group{};
  if (EVP_PKEY_get_group_name(&key, group.data(), group.size(), nullptr) > 0) {
    const std::string_view curve(group.data());
    if (curve == "prime256v1" || curve == "P-256") return 256;
    if (curve == "secp384r1" || curve == "P-384") return 384;
    if (curve == "secp521r1" || curve == "P-521") return 521;
  }
  ERR_clear_error();
  throw Error(Code::malformed, "the key's curve is not P-256, P-384 or P-521");
}

PublicKey read_ec(EVP_PKEY& key) {
  const int bits = curve_bits_of(key);
  check_point(key);
  return {KeyType::ec, bits, hash_of_ec(key, bits)};
}

}  // namespace

PublicKey read_public_key(core::BytesView spki) {
  if (const auto rsa = core::read_rsa_spki(spki))
    return {KeyType::rsa, rsa->bits, hash_of_rsa(rsa->modulus)};
  const unsigned char* at = spki.data();
  const core::EvpPkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (!key) {
    ERR_clear_error();
    throw Error(Code::malformed, "the public key is not a SubjectPublicKeyInfo that parses");
  }
  if (at != spki.data() + spki.size()) {
    throw Error(Code::malformed, "the public key has bytes behind its end");
  }
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA: check_numbers(*key, spki); return read_rsa(*key);
    case EVP_PKEY_EC: return read_ec(*key);
    default: throw Error(Code::malformed, "the public key is neither RSA nor EC");
  }
}

std::optional<std::string> flaw_of(core::BytesView spki) {
  if (const auto rsa = core::read_rsa_spki(spki))
    return core::rsa_flaw(rsa->modulus, rsa->exponent);
  const unsigned char* at = spki.data();
  const core::EvpPkey key(
      core::ensure(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())), "d2i_PUBKEY"));
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return std::nullopt;
  return core::rsa_flaw(bytes(*number(*key, OSSL_PKEY_PARAM_RSA_N)),
                        bytes(*number(*key, OSSL_PKEY_PARAM_RSA_E)));
}

std::string describe(const PublicKey& key) {
  return key.type == KeyType::rsa ? fmt::format("RSA {}", key.bits)
                                  : fmt::format("EC P-{}", key.bits);
}

}  // namespace ringfence::services::capf
