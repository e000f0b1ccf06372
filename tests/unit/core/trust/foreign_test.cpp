// Trust lists of other makers: written here byte by byte, signed by OpenSSL alone, not by our
// codec.
#include <array>
#include <functional>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "core/trust/facts.h"
#include "core/trust/trust_list.h"
#include "tests/unit/core/crypto/openssl_tool.h"
#include "tests/unit/core/trust/node.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;

std::string tlv(int tag, const std::string& value) {
  return std::string{static_cast<char>(tag), static_cast<char>(value.size() >> 8),
                     static_cast<char>(value.size() & 0xff)} +
         value;
}

std::string text(const std::string& value) {
  return value + std::string(1, '\0');
}

std::string number(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

/// Maker is how a program of somebody else writes a list.
struct Maker {
  std::string subject = "CN=cucm,OU=x,O=y,C=NZ";  // RFC 4514, as usecallmanagernz writes it
  std::string issuer = "CN=cucm,OU=x,O=y,C=NZ";
  std::string serial = "\x01\x02\x03";
  std::string record_serial = "\x01\x02\x03";
  int function = 0;
  char digest = 1;
  unsigned bits = 2048;
  std::string signer_version = "\x01\x01";
  std::string padding = "\r";  ///< repeated up to a multiple of four, or once when it is longer
  /// order puts the header's elements into the maker's order, the signature given.
  std::function<std::string(const std::string& id, const std::string& info,
                            const std::string& signature, const std::string& rest)>
      order = [](const auto& id, const auto& info, const auto& signature, const auto& rest) {
        return id + info + signature + rest;
      };
};

/// signer_of makes one certificate a key size.
const test::TestNode::Identity& signer_of(unsigned bits) {
  static std::map<unsigned, test::TestNode::Identity> made;
  test::TestNode::Identity& one = made[bits];
  if (!one.key) {
    one.key = test::rsa_key(bits);
    one.certificate = issue_self_signed(Unit::call_manager, {"other", {"a", "b", "c", "d", "US"}},
                                        *one.key, nullptr, test::kNodeTime);
  }
  return one;
}

std::string record_of_signer(const Maker& maker) {
  const Bytes der = to_der(*signer_of(maker.bits).certificate);
  const std::string body = tlv(9, text_of(der)) + tlv(3, text(maker.subject)) +
                           tlv(4, number(static_cast<std::size_t>(maker.function))) +
                           tlv(6, maker.record_serial) + tlv(5, text(maker.issuer)) +
                           tlv(99, "what is this");
  return tlv(1, number(body.size() + 5)) + body;
}

/// ec_record has no DNSNAME, an EC point and a signature that is none of RSA's.
std::string ec_record() {
  const std::string body = tlv(4, number(4)) + tlv(3, text("CN=CAPF-ec")) +
                           tlv(7, "\x04" + std::string(96, 'p')) + tlv(8, std::string(103, 's')) +
                           tlv(11, std::string(20, 'h')) + tlv(12, "\x01");
  return tlv(1, number(body.size() + 5)) + body;
}

std::string signature_over(const std::string& bytes, const Maker& maker) {
  const EvpMdCtx context(EVP_MD_CTX_new());
  const EVP_MD* md = maker.digest == 1   ? EVP_sha1()
                     : maker.digest == 2 ? EVP_sha256()
                                         : EVP_sha512();
  EVP_DigestSignInit(context.get(), nullptr, md, nullptr, signer_of(maker.bits).key.get());
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t length = 0;
  EVP_DigestSign(context.get(), nullptr, &length, data, bytes.size());
  std::string signature(length, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, data,
                 bytes.size());
  return signature;
}

std::string list_of(const Maker& maker) {
  const char modulus = maker.bits == 1024 ? 1 : maker.bits == 2048 ? 2 : 3;
  // The issuer stands before the serial number.
  const std::string id =
      tlv(3, tlv(4, text(maker.subject)) + tlv(6, text(maker.issuer)) + tlv(5, maker.serial));
  const std::string info =
      tlv(7, tlv(8, {maker.digest}) + tlv(9, tlv(10, {'\0'}) + tlv(11, {modulus})));
  const std::string rest = tlv(14, text("CTLFile.tlv")) + tlv(15, "\x54\xfa\x12\x34") +
                           (maker.signer_version.empty() ? "" : tlv(28, maker.signer_version));
  const std::string records = record_of_signer(maker) + ec_record();
  const auto file = [&](const std::string& signature, std::size_t size) {
    std::string padding = maker.padding;
    const auto header = [&](const std::string& pad) {
      const std::string body = maker.order(id, info, signature, rest) + pad;
      return tlv(1, "\x01\x02") + tlv(2, number(body.size() + 10 + size)) + body;
    };
    if (maker.padding == "\r") {
      padding.clear();
      while ((header(padding).size() + size) % 4 != 0) padding += '\r';
    }
    return header(padding) + records;
  };
  const std::size_t signature_bytes = maker.bits / 8;
  const std::string signature = signature_over(file("", signature_bytes + 3), maker);
  return file(tlv(12, signature), 0);
}

TrustListFacts judged(const std::string& file) {
  return facts_of(ListKind::ctl, bytes_of(file), from_seconds(1));
}

void expect_verified(const Maker& maker) {
  const TrustListFacts facts = judged(list_of(maker));
  EXPECT_EQ(facts.problem, "");
  EXPECT_EQ(facts.state, "verified");
  EXPECT_EQ(facts.signer_record, 1U);
  ASSERT_EQ(facts.records.size(), 2U);
  EXPECT_EQ(facts.records[0].dns_name, std::nullopt);
  EXPECT_EQ(facts.records[0].unknown.at(0).tag, 99U);
  EXPECT_EQ(facts.records[1].function, "CAPF");
}

TEST(ForeignList, IsReadInAnyOrderOfItsHeader) {
  Maker maker;
  expect_verified(maker);
  maker.order = [](const auto& id, const auto& info, const auto& signature, const auto& rest) {
    return rest + signature + info + id;
  };
  expect_verified(maker);
  maker.order = [](const auto& id, const auto& info, const auto& signature, const auto& rest) {
    return "\r\r" + info + rest + "\r" + id + signature;
  };
  expect_verified(maker);
}

TEST(ForeignList, IsVerifiedWithItsDigestAndKey) {
  for (const unsigned bits : {1024U, 2048U, 4096U})
    for (const char digest : {'\1', '\2', '\3'}) {
      Maker maker;
      maker.bits = bits;
      maker.digest = digest;
      expect_verified(maker);
    }
}

TEST(ForeignList, MayBePaddedInAnyWay) {
  for (const std::string& padding :
       {std::string("\r"), std::string(), std::string("\r\0\0", 3), std::string("\r\0\1\r", 4),
        std::string("\r\r\r\r\r\r\r", 7)}) {
    Maker maker;
    maker.padding = padding;
    expect_verified(maker);
    maker.signer_version = "";
    expect_verified(maker);
  }
}

TEST(ForeignList, FindsItsSignerWhereNamesAndNumbersAreWrittenInTwoWays) {
  Maker maker;
  maker.record_serial = std::string("\0\x01\x02\x03", 4);
  expect_verified(maker);
}

TEST(ForeignList, ShowsWhatOthersAddOnTheSameScreen) {
  TrustListFacts facts = judged(list_of({}));
  facts.remark = "It was verified by somebody.";
  const std::string screen = render_trust_list(facts);
  EXPECT_THAT(screen, HasSubstr("28      SIGNERVERSION   2       1.1\n"));
  EXPECT_THAT(screen, HasSubstr("99      UNKNOWN         12      77 68 61 74 20"));
  EXPECT_THAT(screen, HasSubstr("This etoken was used to sign the CTL file.\n"));
  EXPECT_THAT(screen, HasSubstr("The CTL file was verified successfully.\n"
                                "It was verified by somebody.\n"));
}

TEST(ForeignList, IsRefusedWhenAByteIsNotItsMakers) {
  std::string file = list_of({});
  file[file.size() - 5] = static_cast<char>(file[file.size() - 5] ^ 1);
  EXPECT_THAT(judged(file).problem, HasSubstr("the signature is not that of CN=cucm,OU=x"));
  EXPECT_EQ(judged(file).state, "not verified");
  Maker stranger;
  stranger.function = 4;  // a CAPF's certificate signs no list
  EXPECT_THAT(judged(list_of(stranger)).problem,
              HasSubstr("has no record with its certificate in it"));
}

TEST(ForeignList, IsRefusedWhereverItIsCut) {
  const std::string file = list_of({});
  for (std::size_t length = 0; length < file.size(); length += 7)
    EXPECT_NE(judged(file.substr(0, length)).state, "verified") << length;
}

}  // namespace
}  // namespace ringfence::core
