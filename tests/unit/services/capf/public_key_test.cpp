// The keys phones send, good and bad.
#include "services/capf/public_key.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::services::capf {
namespace {

std::string error_of(core::BytesView spki) {
  try {
    read_public_key(spki);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::malformed);
    return error.what();
  }
  return "";
}

TEST(PublicKey, TellsOrderAndSize) {
  EXPECT_EQ(describe(read_public_key(test::spki(test::rsa_key(1024).get()))), "RSA 1024");
  EXPECT_EQ(describe(read_public_key(test::spki(test::ec_key("P-256").get()))), "EC P-256");
  EXPECT_EQ(describe(read_public_key(test::spki(test::ec_key("P-384").get()))), "EC P-384");
  EXPECT_EQ(describe(read_public_key(test::spki(test::ec_key("P-521").get()))), "EC P-521");
}

TEST(PublicKey, RefusesOtherCurves) {
  EXPECT_EQ(error_of(test::spki(test::ec_key("secp256k1").get())),
            "the key's curve is not P-256, P-384 or P-521");
}

TEST(PublicKey, RefusesKeysThatAreNeitherRsaNorEc) {
  const core::EvpPkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  EXPECT_EQ(error_of(test::spki(key.get())), "the public key is neither RSA nor EC");
}

TEST(PublicKey, RefusesAPointOffItsCurve) {
  core::Bytes spki = test::spki(test::ec_key("P-256").get());
  spki.back() ^= 1;
  EXPECT_EQ(error_of(spki), "the public key is not a SubjectPublicKeyInfo that parses");
}

TEST(PublicKey, RefusesAnEvenModulus) {
  core::Bytes spki = test::spki(test::rsa_key(1024).get());
  // The modulus ends before the exponent's five bytes 02 03 01 00 01.
  spki[spki.size() - 6] &= 0xfe;
  EXPECT_EQ(error_of(spki), "the RSA modulus is even");
}

TEST(PublicKey, RefusesAnExponentOfOne) {
  core::Bytes spki = test::spki(test::rsa_key(1024).get());
  spki[spki.size() - 3] = 0;  // 01 00 01 becomes 00 00 01: read as 1
  EXPECT_NE(error_of(spki), "");
}

TEST(PublicKey, RefusesANumberThatIsNegative) {
  core::Bytes spki = test::spki(test::rsa_key(1024).get());
  spki[spki.size() - 3] = 0xff;  // 01 00 01 becomes ff 00 01, which OpenSSL takes without its sign
  EXPECT_EQ(error_of(spki), "the numbers of the RSA key are not positive INTEGERs of DER");
}

TEST(PublicKey, RefusesThePointAtInfinityAsAWrongKey) {
  // id-ecPublicKey on P-256, and a point that is the single byte 00 (SEC 1 section 2.3.3).
  const core::Bytes infinity =
      core::from_hex("3019301306072a8648ce3d020106082a8648ce3d03010703020000");
  EXPECT_NE(error_of(infinity), "");
}

TEST(PublicKey, HasOneHashHoweverItIsWritten) {
  const core::EvpPkey key = test::ec_key("P-256");
  const core::Bytes usual = test::spki(key.get());
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                           "compressed"),
            1);
  const core::Bytes compressed = test::spki(key.get());
  ASSERT_NE(usual, compressed);
  EXPECT_EQ(read_public_key(usual).hash, read_public_key(compressed).hash);
  EXPECT_NE(read_public_key(usual).hash,
            read_public_key(test::spki(test::ec_key("P-256").get())).hash);
}

TEST(PublicKey, RefusesEveryTruncationAndTrailingBytes) {
  core::Bytes spki = test::spki(test::ec_key("P-256").get());
  for (std::size_t size = 0; size < spki.size(); ++size) {
    EXPECT_THROW(read_public_key(core::BytesView(spki).first(size)), core::Error) << size;
  }
  spki.push_back(0);
  EXPECT_EQ(error_of(spki), "the public key has bytes behind its end");
}

}  // namespace
}  // namespace ringfence::services::capf
