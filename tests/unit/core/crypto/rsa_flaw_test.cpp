// Weak RSA keys made as weak libraries make them, by OpenSSL's numbers alone.
#include "core/crypto/rsa_flaw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "core/crypto/handles.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;
using Number = Handle<BIGNUM, BN_free>;
using Workspace = Handle<BN_CTX, BN_CTX_free>;

const Bytes kF4 = {0x01, 0x00, 0x01};

Bytes bytes(const BIGNUM& n) {
  Bytes result(static_cast<std::size_t>(BN_num_bytes(&n)));
  BN_bn2bin(&n, result.data());
  return result;
}

Number prime(int bits) {
  Number p(BN_new());
  EXPECT_EQ(BN_generate_prime_ex(p.get(), bits, 0, nullptr, nullptr, nullptr), 1);
  return p;
}

Number word(BN_ULONG value) {
  Number n(BN_new());
  BN_set_word(n.get(), value);
  return n;
}

Number product(const BIGNUM& a, const BIGNUM& b) {
  const Workspace work(BN_CTX_new());
  Number n(BN_new());
  EXPECT_EQ(BN_mul(n.get(), &a, &b, work.get()), 1);
  return n;
}

std::string flaw(const BIGNUM& n, const Bytes& exponent = kF4) {
  return rsa_flaw(bytes(n), exponent).value_or("");
}

/// roca_prime is k * M + (65537^a mod M), M the product of the first 39 primes, until it is prime.
Number roca_prime(BN_ULONG a, int bits) {
  constexpr BN_ULONG kPrimes[] = {2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,
                                  43,  47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101,
                                  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
  const Workspace work(BN_CTX_new());
  const Number m = word(1);
  for (const BN_ULONG p : kPrimes) BN_mul_word(m.get(), p);
  const Number rest(BN_new());
  BN_mod_exp(rest.get(), word(65537).get(), word(a).get(), m.get(), work.get());
  const Number k(BN_new());
  BN_rand(k.get(), bits - BN_num_bits(m.get()), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY);
  Number p = product(*k, *m);
  BN_add(p.get(), p.get(), rest.get());
  while (BN_check_prime(p.get(), work.get(), nullptr) != 1) BN_add(p.get(), p.get(), m.get());
  return p;
}

TEST(RsaFlaw, FindsNothingInGoodKeys) {
  for (const unsigned bits : {512U, 1024U, 2048U, 3072U}) {
    const EvpPkey key(EVP_RSA_gen(bits));
    BIGNUM* n = nullptr;
    ASSERT_EQ(EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &n), 1);
    const Number modulus(n);
    EXPECT_EQ(flaw(*modulus), "") << bits;
    EXPECT_EQ(flaw(*modulus, {3}), "") << bits;
  }
}

TEST(RsaFlaw, WantsAnOddExponentOfAtLeastThreeAndAtMost64Bits) {
  const Number good = product(*prime(512), *prime(512));
  const char* const kOdd = "its exponent is not an odd number of at least 3";
  for (const Bytes& wrong : {Bytes{}, Bytes{0}, Bytes{1}, Bytes{0, 1}, Bytes{2}, Bytes{1, 0, 0}})
    EXPECT_EQ(flaw(*good, wrong), kOdd);
  EXPECT_EQ(flaw(*good, Bytes(8, 0xff)), "");
  Bytes longer(9, 0xff);
  EXPECT_EQ(flaw(*good, longer), "its exponent has more than 64 bits, which no phone's has");
  longer[0] = 0;
  EXPECT_EQ(flaw(*good, longer), "") << "a zero byte in front counts for nothing";
}

TEST(RsaFlaw, FindsEverySmallFactor) {
  const Number large = prime(2030);
  for (const BN_ULONG small : {3UL, 641UL, 8191UL, 16381UL}) {  // the last prime below 2^14
    const Number n = product(*large, *word(small));
    EXPECT_EQ(flaw(*n), "its modulus has the small factor " + std::to_string(small));
  }
  EXPECT_EQ(flaw(*product(*large, *word(2))), "its modulus is even");
  EXPECT_EQ(flaw(*product(*large, *word(131101))), "") << "the next one is for factoring programs";
}

TEST(RsaFlaw, KnowsTheFingerprintOfTheInfineonLibrary) {
  for (const int bits : {512, 1024}) {
    const Number n = product(*roca_prime(1234577, bits), *roca_prime(7654321, bits));
    EXPECT_THAT(flaw(*n), HasSubstr("ROCA, CVE-2017-15361")) << bits;
  }
  // One such prime beside a good one does not have it.
  EXPECT_EQ(flaw(*product(*roca_prime(99991, 512), *prime(512))), "");
}

TEST(RsaFlaw, FindsFactorsThatAreClose) {
  const Workspace work(BN_CTX_new());
  const Number p = prime(1024);
  Number q(BN_dup(p.get()));
  do {
    BN_add_word(q.get(), 2);
  } while (BN_check_prime(q.get(), work.get(), nullptr) != 1);
  EXPECT_THAT(flaw(*product(*p, *q)), HasSubstr("so close to each other"));
  // A hundred steps reach a difference of about the modulus' fourth root times its step's root.
  Number farther(BN_dup(p.get()));
  const Number gap(BN_new());
  BN_set_bit(gap.get(), 514);
  BN_add(farther.get(), farther.get(), gap.get());
  while (BN_check_prime(farther.get(), work.get(), nullptr) != 1) BN_add_word(farther.get(), 2);
  EXPECT_THAT(flaw(*product(*p, *farther)), HasSubstr("so close to each other"));
}

TEST(RsaFlaw, FindsPowersOfOneNumber) {
  const Workspace work(BN_CTX_new());
  const Number p = prime(512);
  EXPECT_THAT(flaw(*product(*p, *p)), HasSubstr("close"));
  for (const int k : {3, 5, 7, 31}) {
    const Number base = prime(2048 / k);
    const Number n(BN_new());
    BN_exp(n.get(), base.get(), word(static_cast<BN_ULONG>(k)).get(), work.get());
    EXPECT_EQ(flaw(*n), "its modulus is the power of one number") << k;
  }
}

TEST(RsaFlaw, FindsAModulusThatIsOnePrime) {
  EXPECT_EQ(flaw(*prime(1024)), "its modulus is a prime number");
}

}  // namespace
}  // namespace ringfence::core
