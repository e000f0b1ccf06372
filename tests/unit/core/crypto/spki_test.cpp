#include "core/crypto/spki.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "core/crypto/digest.h"
#include "core/crypto/handles.h"

namespace ringfence::core {
namespace {

using BigNumber = Handle<BIGNUM, BN_free>;

Bytes spki_of(const EVP_PKEY& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(&key, &der);
  const Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Bytes number(const EVP_PKEY& key, const char* name) {
  BIGNUM* value = nullptr;
  EVP_PKEY_get_bn_param(&key, name, &value);
  const BigNumber owned(value);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)));
  BN_bn2bin(value, bytes.data());
  return bytes;
}

Bytes copy(BytesView view) {
  return {view.begin(), view.end()};
}

TEST(RsaSpki, IsReadAsOpensslReadsIt) {
  for (const unsigned bits : {512U, 1000U, 1024U, 2047U, 2048U}) {
    const EvpPkey key(EVP_RSA_gen(bits));
    const Bytes spki = spki_of(*key);
    const auto read = read_rsa_spki(spki);
    ASSERT_TRUE(read) << bits;
    EXPECT_EQ(read->bits, static_cast<int>(bits));
    EXPECT_EQ(copy(read->modulus), number(*key, OSSL_PKEY_PARAM_RSA_N));
    EXPECT_EQ(copy(read->exponent), (Bytes{1, 0, 1}));
    unsigned char* der = nullptr;
    const int size = i2d_PublicKey(key.get(), &der);
    EXPECT_EQ(copy(read->pkcs1), Bytes(der, der + size));
    OPENSSL_free(der);
  }
}

TEST(RsaSpki, IsNothingForOtherKeys) {
  EXPECT_FALSE(read_rsa_spki(spki_of(*EvpPkey(EVP_EC_gen("P-256")))));
  EXPECT_FALSE(read_rsa_spki(spki_of(*EvpPkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")))));
  EXPECT_FALSE(read_rsa_spki({}));
}

TEST(RsaSpki, IsNothingWhenAByteIsMissingOrTooMany) {
  const Bytes whole = spki_of(*EvpPkey(EVP_RSA_gen(1024)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_rsa_spki(BytesView(whole).first(size))) << size;
  }
  Bytes more = whole;
  more.push_back(0);
  EXPECT_FALSE(read_rsa_spki(more));
}

/// What is read of a changed encoding must be what OpenSSL reads and writes again.
TEST(RsaSpki, NeverTakesWhatOpensslWouldWriteOtherwise) {
  const Bytes whole = spki_of(*EvpPkey(EVP_RSA_gen(512)));
  std::size_t taken = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int change = 1; change < 256; change += 3) {
      Bytes bytes = whole;
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ change);
      if (!read_rsa_spki(bytes)) continue;
      ++taken;
      const unsigned char* from = bytes.data();
      const EvpPkey key(d2i_PUBKEY(nullptr, &from, static_cast<long>(bytes.size())));
      ASSERT_TRUE(key) << at;
      ASSERT_EQ(spki_of(*key), bytes) << at;
    }
  }
  EXPECT_GT(taken, 1000U) << "other moduli and exponents are keys too";
}

TEST(RsaSpki, RefusesAnEvenModulusAndSenselessExponents) {
  // 512 bits: modulus 0x80…01 and exponent 3, by hand.
  Bytes modulus(64, 0);
  modulus.front() = 0x80;
  modulus.back() = 0x01;
  const auto made = [&](std::uint8_t last, std::uint8_t exponent) {
    Bytes bytes = from_hex("305a300d06092a864886f70d01010105000349003046024100");
    Bytes changed = modulus;
    changed.back() = last;
    bytes.insert(bytes.end(), changed.begin(), changed.end());
    const Bytes end{0x02, 0x01, exponent};
    bytes.insert(bytes.end(), end.begin(), end.end());
    return bytes;
  };
  const Bytes good = made(1, 3);
  ASSERT_TRUE(read_rsa_spki(good));
  EXPECT_EQ(read_rsa_spki(good)->bits, 512);
  EXPECT_FALSE(read_rsa_spki(made(2, 3)));
  EXPECT_FALSE(read_rsa_spki(made(1, 1)));
  EXPECT_FALSE(read_rsa_spki(made(1, 2)));
  EXPECT_FALSE(read_rsa_spki(made(1, 0)));
}

}  // namespace
}  // namespace ringfence::core
