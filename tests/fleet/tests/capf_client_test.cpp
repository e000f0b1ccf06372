#include "tests/fleet/capf_client.h"

#include <set>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "tests/fleet/tests/test_lists.h"

namespace ringfence::fleet {
namespace {

class LscTest : public testing::Test {
 protected:
  std::string complaint(const core::X509Cert& lsc, EVP_PKEY* key, const test::Identity& capf) {
    try {
      check_lsc(core::to_der(*lsc), key, capf.der());
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  }

  test::Identity capf_ = test::make_identity("CAPF-00000001");
  test::Identity stranger_ = test::make_identity("stranger.example");
  core::EvpPkey key_ = make_ec_key(256);
};

TEST_F(LscTest, IsKeptWhenCapfSignedItForThePhonesKey) {
  EXPECT_EQ(complaint(test::issue("SEP1", key_.get(), capf_), key_.get(), capf_), "");
}

TEST_F(LscTest, IsRefusedForAnotherKey) {
  const core::EvpPkey other = make_ec_key(256);
  EXPECT_EQ(complaint(test::issue("SEP1", other.get(), capf_), key_.get(), capf_),
            "the LSC is not for this phone's key");
}

TEST_F(LscTest, IsRefusedFromAnotherIssuer) {
  EXPECT_EQ(complaint(test::issue("SEP1", key_.get(), stranger_), key_.get(), capf_),
            "the LSC names another issuer than CAPF");
}

TEST_F(LscTest, IsRefusedWhenAnotherKeySignedItInCapfsName) {
  test::Identity impostor = test::make_identity("stranger.example");
  impostor.certificate = core::share(capf_.certificate.get());
  EXPECT_EQ(complaint(test::issue("SEP1", key_.get(), impostor), key_.get(), capf_),
            "the LSC's signature is not CAPF's");
}

TEST_F(LscTest, IsRefusedBeforeAKeyWasAskedFor) {
  EXPECT_EQ(complaint(test::issue("SEP1", key_.get(), capf_), nullptr, capf_),
            "CAPF sent a certificate before asking for a key");
}

TEST(KeyPool, GivesNoTwoPhonesOneKey) {
  KeyPool pool(8);
  EXPECT_FALSE(pool.is_quick(1024));
  std::set<core::Bytes> keys;
  for (int i = 0; i < 40; ++i) keys.insert(spki_of(pool.rsa(1024).get()));
  EXPECT_EQ(keys.size(), 40U);
  EXPECT_TRUE(pool.is_quick(1024)) << "40 keys are of ten primes";
  EXPECT_FALSE(pool.is_quick(2048));
}

TEST(KeyPool, MakesOneAPhoneWhenNothingIsShared) {
  KeyPool pool(0);
  EXPECT_NE(spki_of(pool.rsa(1024).get()), spki_of(pool.rsa(1024).get()));
  EXPECT_FALSE(pool.is_quick(1024));
}

}  // namespace
}  // namespace ringfence::fleet
