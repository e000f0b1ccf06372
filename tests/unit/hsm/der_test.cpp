// DER against OpenSSL's reading and bytes written by hand.
#include "hsm/der.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "hsm/error.h"

namespace ringfence::hsm {
namespace {

Bytes spki_by_openssl(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

TEST(DerTest, WritesAnRsaKeyAsOpensslDoes) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  BIGNUM* n = nullptr;
  BIGNUM* e = nullptr;
  EVP_PKEY_get_bn_param(key, "n", &n);
  EVP_PKEY_get_bn_param(key, "e", &e);
  Bytes modulus(static_cast<std::size_t>(BN_num_bytes(n)));
  Bytes exponent(static_cast<std::size_t>(BN_num_bytes(e)));
  BN_bn2bin(n, modulus.data());
  BN_bn2bin(e, exponent.data());
  EXPECT_EQ(der::rsa_spki(modulus, exponent), spki_by_openssl(key));
  BN_free(n);
  BN_free(e);
  EVP_PKEY_free(key);
}

TEST(DerTest, WritesAnEcKeyOfEachCurveAsOpensslDoes) {
  for (const unsigned bits : {256U, 384U, 521U}) {
    EVP_PKEY* key = EVP_EC_gen(("P-" + std::to_string(bits)).c_str());
    std::uint8_t point[256];
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof point, &size);
    EXPECT_EQ(der::ec_spki(der::curve(bits), BytesView(point, size)), spki_by_openssl(key));
    EXPECT_EQ(der::curve_bits(der::curve(bits)), bits);
    EVP_PKEY_free(key);
  }
  EXPECT_THROW(der::curve(255), Error);
}

TEST(DerTest, WritesSignatureIntegersMinimalAndPositive) {
  const Bytes r_and_s = {0x00, 0x00, 0x80, 0x01, 0x00, 0x00, 0x00, 0x7f};
  EXPECT_EQ(der::ecdsa_signature(r_and_s),
            (Bytes{0x30, 0x08, 0x02, 0x03, 0x00, 0x80, 0x01, 0x02, 0x01, 0x7f}));
  EXPECT_EQ(der::ecdsa_signature(Bytes{0, 0}),
            (Bytes{0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00}));
}

TEST(DerTest, WrapsADigestAsRfc8017Lists) {
  // RFC 8017 section 9.2, note 1: the prefix of SHA-256.
  const Bytes prefix = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                        0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  const Bytes info = der::digest_info(Hash::sha256, Bytes(32, 0xaa));
  ASSERT_EQ(info.size(), prefix.size() + 32);
  EXPECT_EQ(Bytes(info.begin(), info.begin() + 19), prefix);
  EXPECT_THROW(der::digest_info(Hash::sha256, Bytes(20)), Error);
  EXPECT_THROW(der::digest_info(Hash::none, Bytes()), Error);
}

TEST(DerTest, WritesTheLongestSignatureWithALongLength) {
  const Bytes signature = der::ecdsa_signature(Bytes(132, 0xff));  // P-521: 2 of 66 bytes
  ASSERT_EQ(signature.size(), 141U);
  EXPECT_EQ(Bytes(signature.begin(), signature.begin() + 7),
            (Bytes{0x30, 0x81, 0x8a, 0x02, 0x43, 0x00, 0xff}));
  EXPECT_EQ(Bytes(signature.begin() + 70, signature.begin() + 76),
            (Bytes{0xff, 0xff, 0x02, 0x43, 0x00, 0xff}));
}

TEST(DerTest, NamesEachHashAsOpensslDoes) {
  struct Known {
    Hash hash;
    int nid;
  };

  for (const Known& known : {Known{Hash::md5, NID_md5}, Known{Hash::sha1, NID_sha1},
                             Known{Hash::sha224, NID_sha224}, Known{Hash::sha256, NID_sha256},
                             Known{Hash::sha384, NID_sha384}, Known{Hash::sha512, NID_sha512}}) {
    const Bytes digest(size_of(known.hash), 0x5a);
    const Bytes info = der::digest_info(known.hash, digest);
    const unsigned char* at = info.data();
    X509_SIG* read = d2i_X509_SIG(nullptr, &at, static_cast<long>(info.size()));
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(at, info.data() + info.size());
    const X509_ALGOR* algorithm = nullptr;
    const ASN1_OCTET_STRING* octets = nullptr;
    X509_SIG_get0(read, &algorithm, &octets);
    EXPECT_EQ(OBJ_obj2nid(algorithm->algorithm), known.nid);
    EXPECT_EQ(Bytes(octets->data, octets->data + octets->length), digest);
    X509_SIG_free(read);
  }
}

TEST(DerTest, UnwrapsAPointAndLeavesABareOne) {
  const Bytes wrapped = {0x04, 0x03, 0x04, 0x01, 0x02};
  const BytesView inner = der::unwrap_octets(wrapped);
  EXPECT_EQ(Bytes(inner.begin(), inner.end()), (Bytes{0x04, 0x01, 0x02}));
  const Bytes bare = {0x04, 0x11, 0x22, 0x33, 0x44};
  EXPECT_EQ(der::unwrap_octets(bare).size(), bare.size());
}

}  // namespace
}  // namespace ringfence::hsm
