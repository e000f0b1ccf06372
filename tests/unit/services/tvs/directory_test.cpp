// Finding certificates as phones ask for them, with certificates made by OpenSSL.
#include "services/tvs/directory.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "core/crypto/x509.h"

namespace ringfence::services::tvs {
namespace {

using core::Bytes;

Bytes made(const std::string& name, const std::string& serial_hex) {
  const core::EvpPkey key(EVP_EC_gen("P-256"));
  const core::X509Cert certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  BIGNUM* number = nullptr;
  BN_hex2bn(&number, serial_hex.c_str());
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const auto add = [&](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  };
  add("C", "US");
  add("O", "Example, Inc");
  add("CN", name);
  X509_set_issuer_name(certificate.get(), subject);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  return core::to_der(*certificate);
}

class DirectoryTest : public testing::Test {
 protected:
  const Bytes old_one = made("ucm", "F00102030405060708090A0B0C0D0E0F");
  const Bytes new_one = made("ucm", "10A102030405060708090A0B0C0D0E0F");
  const Directory directory{
      std::vector<Vouched>{{new_one, {0, 3}}, {old_one, {0}}, {new_one, {4}}}};
  const std::string name = core::issuer_of(*core::parse_certificate(old_one));
};

TEST_F(DirectoryTest, FindsASignerBySerialAndIssuer) {
  const Answer answer =
      directory.answer(Query{"", name, name, core::from_hex("F00102030405060708090A0B0C0D0E0F")});
  EXPECT_EQ(answer.certificate, old_one);
  EXPECT_EQ(answer.roles, (std::vector<std::uint8_t>{0}));
}

TEST_F(DirectoryTest, JoinsTheRolesOfOneCertificateInSeveralStores) {
  EXPECT_EQ(directory.size(), 2U);
  EXPECT_EQ(directory.answer(Verify{"", new_one}).roles, (std::vector<std::uint8_t>{0, 3, 4}));
}

TEST_F(DirectoryTest, TakesTheSerialWithASignByteOrAsADerInteger) {
  for (const std::string serial :
       {"00F00102030405060708090A0B0C0D0E0F", "021100F00102030405060708090A0B0C0D0E0F"}) {
    EXPECT_EQ(directory.answer(Query{"", "", name, core::from_hex(serial)}).certificate, old_one);
  }
}

TEST_F(DirectoryTest, TakesNamesSeparatedByCommasInAnyOrder) {
  const std::string spelled = "C=US, O=Example\\, Inc, CN=ucm";
  EXPECT_EQ(same_name_form(spelled), same_name_form(name));
  const Bytes serial = core::from_hex("10A102030405060708090A0B0C0D0E0F");
  EXPECT_EQ(directory.answer(Query{"", "", spelled, serial}).certificate, new_one);
}

TEST_F(DirectoryTest, DoesWithWhatTheQueryGives) {
  const Bytes serial = core::from_hex("10A102030405060708090A0B0C0D0E0F");
  EXPECT_EQ(directory.answer(Query{"", "", "", serial}).certificate, new_one);
  EXPECT_EQ(directory.answer(Query{"", name, "", serial}).certificate, new_one);
  EXPECT_EQ(directory.answer(Query{"", name, "", {}}).certificate, new_one);
  EXPECT_EQ(directory.answer(Query{"", name, name, {}}).certificate, new_one);
}

TEST_F(DirectoryTest, DoesNotVouchForStrangers) {
  const Bytes serial = core::from_hex("10A102030405060708090A0B0C0D0E0F");
  EXPECT_FALSE(directory.answer(Query{"", name, "CN=other", serial}).trusted());
  EXPECT_FALSE(directory.answer(Query{"", "CN=other", "", serial}).trusted());
  EXPECT_FALSE(directory.answer(Query{"", name, name, {1}}).trusted());
  EXPECT_FALSE(directory.answer(Query{"", "CN=other", "", {}}).trusted());
  EXPECT_FALSE(directory.answer(Verify{"", {1, 2, 3}}).trusted());
}

TEST_F(DirectoryTest, DoesNotVouchForACertificateWithTheSameNameAndSerial) {
  const Bytes forged = made("ucm", "10A102030405060708090A0B0C0D0E0F");
  EXPECT_FALSE(directory.answer(Verify{"", forged}).trusted());
}

TEST(Directory, LeavesOutWhatIsNoCertificate) {
  const Directory directory(std::vector<Vouched>{{{1, 2, 3}, {0}}});
  EXPECT_EQ(directory.size(), 0U);
}

}  // namespace
}  // namespace ringfence::services::tvs
