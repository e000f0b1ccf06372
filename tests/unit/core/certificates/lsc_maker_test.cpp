#include "core/certificates/lsc_maker.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

const Time kNow = from_seconds(1479761383);
const Node kNode = {"node", {"Voice", "Example", "Berlin", "", "DE"}};

struct Authority {
  explicit Authority(EvpPkey own) : key(std::move(own)) {}

  EvpPkey key;
  X509Cert certificate = issue_self_signed(Unit::capf, kNode, *key, nullptr, kNow);
  LscMaker maker{*certificate, *key, nullptr};
};

/// The maker writes DER by hand, so OpenSSL is asked what it wrote.
TEST(LscMaker, WritesWhatOpensslReadsAndWouldWriteItself) {
  for (const bool elliptic : {false, true}) {
    const Authority capf(elliptic ? test::ec_key("P-384") : test::rsa_key());
    EXPECT_EQ(capf.maker.issuer(), subject_of(*capf.certificate));
    for (const EvpPkey& phone :
         {test::rsa_key(1024), test::rsa_key(), test::ec_key("P-256"), test::ec_key("P-521")}) {
      const Bytes spki = test::spki_der(*phone);
      const Lsc lsc = capf.maker.make({"SEP001122334455", "CP-8861", spki}, kNow);
      const X509Cert read = parse_certificate(lsc.der);
      EXPECT_EQ(to_der(*read), lsc.der);
      EXPECT_EQ(serial_of(*read), lsc.serial);
      EXPECT_EQ(subject_of(*read), lsc.subject);
      EXPECT_EQ(not_after_of(*read), lsc.not_after);
      EXPECT_EQ(not_before_of(*read), kNow);
      EXPECT_EQ(issuer_of(*read), capf.maker.issuer());
      EXPECT_EQ(spki_of(*read), spki);
      EXPECT_EQ(X509_verify(read.get(), capf.key.get()), 1);
      EXPECT_EQ(X509_check_issued(capf.certificate.get(), read.get()), X509_V_OK);
      EXPECT_NE(X509_get_extension_flags(read.get()) & EXFLAG_SET, 0U);
      EXPECT_EQ(X509_get_extension_flags(read.get()) & EXFLAG_INVALID, 0U);
    }
  }
}

TEST(LscMaker, NamesThePhonesKeyByItsSha1) {
  const Authority capf(test::rsa_key());
  for (const EvpPkey& phone : {test::rsa_key(), test::ec_key("P-256")}) {
    const Lsc lsc = capf.maker.make({"SEP1", "", test::spki_der(*phone)}, kNow);
    const X509Cert read = parse_certificate(lsc.der);
    std::array<unsigned char, EVP_MAX_MD_SIZE> expected{};
    unsigned int size = 0;
    ASSERT_EQ(X509_pubkey_digest(read.get(), EVP_sha1(), expected.data(), &size), 1);
    const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(read.get());
    ASSERT_NE(id, nullptr);
    EXPECT_EQ(Bytes(ASN1_STRING_get0_data(id), ASN1_STRING_get0_data(id) + ASN1_STRING_length(id)),
              Bytes(expected.begin(), expected.begin() + size));
  }
}

TEST(LscMaker, NormalizesAKeyThatCameInAnUnusualForm) {
  const Authority capf(test::rsa_key());
  const EvpPkey phone = test::ec_key("P-256");
  EVP_PKEY_set_utf8_string_param(phone.get(), "point-format", "compressed");
  const Bytes compressed = test::spki_der(*phone);
  EXPECT_LT(compressed.size(), 70U);
  const Lsc lsc = capf.maker.make({"SEP1", "", compressed}, kNow);
  const X509Cert read = parse_certificate(lsc.der);
  EXPECT_EQ(to_der(*read), lsc.der);
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(read.get()), phone.get()), 1);
}

TEST(LscMaker, NeverGivesTwoPhonesOneSerial) {
  const Authority capf(test::ec_key("P-256"));
  const Bytes spki = test::spki_der(*test::rsa_key());
  const Lsc one = capf.maker.make({"SEP1", "", spki}, kNow);
  const Lsc two = capf.maker.make({"SEP1", "", spki}, kNow);
  EXPECT_NE(one.serial, two.serial);
  EXPECT_EQ(one.serial.size(), 16U);
  EXPECT_GE(one.serial[0], 0x40);
  EXPECT_LE(one.serial[0], 0x7f);
}

/// From 2050 on a validity is a GeneralizedTime (RFC 5280 section 4.1.2.5).
TEST(LscMaker, WritesTimesOfBothKinds) {
  const Time late = from_seconds(2'524'521'600);  // 2049-12-31 00:00:00 UTC
  const EvpPkey key = test::ec_key("P-256");
  const X509Cert authority = issue_self_signed(Unit::capf, kNode, *key, nullptr, late);
  const LscMaker maker(*authority, *key, nullptr);
  const Lsc lsc = maker.make({"SEP1", "", test::spki_der(*test::rsa_key())}, late);
  const X509Cert read = parse_certificate(lsc.der);
  EXPECT_EQ(ASN1_STRING_type(X509_get0_notBefore(read.get())), V_ASN1_UTCTIME);
  EXPECT_EQ(ASN1_STRING_type(X509_get0_notAfter(read.get())), V_ASN1_GENERALIZEDTIME);
  EXPECT_EQ(not_before_of(*read), late);
  EXPECT_EQ(not_after_of(*read), lsc.not_after);
}

}  // namespace
}  // namespace ringfence::core
