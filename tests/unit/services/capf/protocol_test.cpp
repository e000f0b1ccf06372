// CAPF messages against bytes written by hand from cucm-behaviour 5.6.
#include "services/capf/protocol.h"

#include <random>

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::services::capf {
namespace {

using core::Bytes;
using core::from_hex;
using core::to_hex;

/// decode reads one whole message as it arrives from a socket.
Message decode(const Bytes& bytes) {
  const core::BytesView view(bytes);
  const Header header = parse_header(view.first(std::min(view.size(), kHeaderBytes)));
  return parse_body(header, view.subspan(kHeaderBytes));
}

std::string error_of(const Bytes& bytes) {
  try {
    decode(bytes);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::malformed);
    return error.what();
  }
  return "";
}

// "SEP001122334455" and its NUL: 16 bytes.
constexpr const char* kName =
    "0d0010534550303031313232333334343535"
    "00";

TEST(CapfProtocol, WritesTheAuthRequestThatOpensASession) {
  EXPECT_EQ(to_hex(encode(0x01020304, AuthRequest{3, AuthType::none})),
            "5501010203040008"
            "07000103"
            "08000100");
}

TEST(CapfProtocol, ReadsAnAuthResponseWithAPassword) {
  const Message message = decode(from_hex("5502000000070023" + std::string(kName) +
                                          "08000101"
                                          "0b00053132333400"
                                          "07000103"));
  const auto& response = std::get<AuthResponse>(message);
  EXPECT_EQ(response.device, "SEP001122334455");
  EXPECT_EQ(response.type, AuthType::password);
  EXPECT_TRUE(response.password.equals(core::bytes_of("1234")));
  EXPECT_EQ(response.version, 3);
}

TEST(CapfProtocol, ReadsJabbersAuthResponse) {
  // "CSFanna", version 2, no authentication type and no password.
  const Message message =
      decode(from_hex("550200000001000f0d000843534661"
                      "6e6e6100"
                      "07000102"));
  const auto& response = std::get<AuthResponse>(message);
  EXPECT_EQ(response.device, "CSFanna");
  EXPECT_EQ(response.version, 2);
  EXPECT_FALSE(response.type);
  EXPECT_TRUE(response.password.empty());
}

TEST(CapfProtocol, ReadsAnAuthResponseThatHasOnlyAName) {
  const Message message =
      decode(from_hex("55020000000100130d0010"
                      "534550303031313232333334343535"
                      "00"));
  const auto& response = std::get<AuthResponse>(message);
  EXPECT_EQ(response.device, "SEP001122334455");
  EXPECT_FALSE(response.version);
  EXPECT_FALSE(response.type);
}

TEST(CapfProtocol, ReadsAnEmptyPasswordAsTheNullString) {
  const Message message = decode(from_hex("5502000000010017" + std::string(kName) + "0b000100"));
  EXPECT_TRUE(std::get<AuthResponse>(message).password.empty());
}

TEST(CapfProtocol, PassesOverElementsItDoesNotKnow) {
  const Message message = decode(from_hex("5502000000010018" + std::string(kName) + "fe0002abcd"));
  EXPECT_EQ(std::get<AuthResponse>(message).device, "SEP001122334455");
}

TEST(CapfProtocol, ReadsNumbersThatAreWiderThanNeeded) {
  const Message message =
      decode(from_hex("550200000001001a" + std::string(kName) + "07000400000003"));
  EXPECT_EQ(std::get<AuthResponse>(message).version, 3);
}

TEST(CapfProtocol, AsksJabberForAKeyWithItsSizeAlone) {
  EXPECT_EQ(to_hex(encode(1, KeyGenerateRequest{2048, {}, {}})),
            "5503000000010005"
            "0a00020800");
}

TEST(CapfProtocol, AsksAPhoneForAnEllipticKeyOnP384) {
  EXPECT_EQ(to_hex(encode(1, KeyGenerateRequest{2048, KeyType::ec, Curve::p384})),
            "550300000001000d"
            "0a00020800"
            "11000101"
            "12000101");
}

TEST(CapfProtocol, ReadsAPublicKey) {
  const Message message = decode(from_hex("5504000000010006090003301122"));
  EXPECT_EQ(to_hex(std::get<KeyGenerateResponse>(message).spki), "301122");
}

TEST(CapfProtocol, ReadsAPhonesFailureToMakeAKey) {
  const Message message = decode(from_hex("550400000001000401000107"));
  EXPECT_EQ(std::get<KeyGenerateResponse>(message).reason, Reason::invalid_element);
  EXPECT_TRUE(std::get<KeyGenerateResponse>(message).spki.empty());
}

TEST(CapfProtocol, WrapsTheCertificateInItsInnerElement) {
  EXPECT_EQ(to_hex(encode(0x10, StoreRequest{CertificateKind::lsc, from_hex("3003020101")})),
            "550900000010000d"
            "04000a"
            "010007"
            "0001"
            "3003020101");
}

TEST(CapfProtocol, ReadsCertificatesWhateverTheInnerLengthCounts) {
  for (const char* inner : {"010007", "010005", "010002"}) {
    const Message message =
        decode(from_hex("550c00000010000d04000a" + std::string(inner) + "00023003020101"));
    EXPECT_EQ(to_hex(std::get<FetchResponse>(message).der), "3003020101") << inner;
    EXPECT_EQ(std::get<FetchResponse>(message).kind, CertificateKind::mic) << inner;
  }
}

TEST(CapfProtocol, WritesTheMessagesThatEndASession) {
  EXPECT_EQ(to_hex(encode(2, EndSession{Reason::unknown_device})), "550f00000002000401000109");
  EXPECT_EQ(to_hex(encode(2, EndSession{Reason::ok})), "550f00000002000401000101");
  EXPECT_EQ(to_hex(encode(2, RetryLater{std::chrono::seconds(45)})),
            "55100000000200070c00040000002d");
}

TEST(CapfProtocol, AsksToDeleteAndToFetchAnLsc) {
  EXPECT_EQ(to_hex(encode(2, DeleteRequest{CertificateKind::lsc})), "550d00000002000403000101");
  EXPECT_EQ(to_hex(encode(2, FetchRequest{CertificateKind::mic})), "550b00000002000403000102");
}

TEST(CapfProtocol, ReadsWhatAPhoneAnswersAtTheEnd) {
  EXPECT_EQ(std::get<StoreResponse>(decode(from_hex("550a00000002000401000101"))).reason,
            Reason::ok);
  EXPECT_FALSE(std::get<StoreResponse>(decode(from_hex("550a000000020000"))).reason);
  EXPECT_EQ(std::get<DeleteResponse>(decode(from_hex("550e00000002000401000100"))).reason,
            Reason::no_action);
  EXPECT_TRUE(std::holds_alternative<InProgress>(decode(from_hex("5511000000020000"))));
}

TEST(CapfProtocol, ReadsACertificateAndBothSignatures) {
  const Message message = decode(from_hex("5502000000010031" + std::string(kName) +
                                          "08000103"
                                          "04000a01000700013003020101"
                                          "060002a1a2"
                                          "140005050002b1b2"));
  const auto& response = std::get<AuthResponse>(message);
  ASSERT_TRUE(response.certificate);
  EXPECT_EQ(response.certificate->kind, CertificateKind::lsc);
  EXPECT_EQ(to_hex(response.certificate->der), "3003020101");
  EXPECT_EQ(to_hex(response.sha1_signature), "a1a2");
  ASSERT_TRUE(response.sha512_signature);
  EXPECT_EQ(response.sha512_signature->algorithm, 5);
  EXPECT_EQ(to_hex(response.sha512_signature->bytes), "b1b2");
  EXPECT_FALSE(response.sudi);
}

TEST(CapfProtocol, ReadsABareCertificateAsTheKindThatElseIsSaid) {
  struct Case {
    const char* size;
    const char* says;
    CertificateKind kind;
  };

  for (const Case& one :
       {Case{"001b", "", CertificateKind::lsc}, Case{"001f", "08000104", CertificateKind::mic},
        Case{"001f", "08000103", CertificateKind::lsc},
        Case{"0023", "0800010303000102", CertificateKind::mic}}) {
    const Message message = decode(
        from_hex(std::string("550200000001") + one.size + kName + one.says + "0400053003020101"));
    const auto& response = std::get<AuthResponse>(message);
    ASSERT_TRUE(response.certificate) << one.says;
    EXPECT_EQ(response.certificate->kind, one.kind) << one.says;
    EXPECT_EQ(to_hex(response.certificate->der), "3003020101") << one.says;
  }
}

TEST(CapfProtocol, ReadsASha2SignatureWhoseLengthHasOneByte) {
  const Message message =
      decode(from_hex("550200000001001a" + std::string(kName) + "1400040502b1b2"));
  EXPECT_EQ(to_hex(std::get<AuthResponse>(message).sha512_signature->bytes), "b1b2");
}

TEST(CapfProtocol, ReadsSudiDataByItsOrder) {
  for (const char* parts : {"010005300302010102000151030002e1e2",
                            "0400053003020101060001511400"
                            "02e1e2"}) {
    const Message message =
        decode(from_hex("5502000000010027" + std::string(kName) + "100011" + std::string(parts)));
    const auto& response = std::get<AuthResponse>(message);
    ASSERT_TRUE(response.sudi) << parts;
    EXPECT_EQ(to_hex(response.sudi->certificate), "3003020101");
    EXPECT_EQ(to_hex(response.sudi->sha1_signature), "51");
    EXPECT_EQ(to_hex(response.sudi->sha512_signature), "e1e2");
  }
}

TEST(CapfProtocol, WritesWhatAPhoneShows) {
  AuthResponse response;
  response.device = "CSFa";
  response.type = AuthType::mic;
  response.certificate = ShownCertificate{CertificateKind::mic, from_hex("3003020101")};
  response.sha1_signature = from_hex("a1a2");
  response.sha512_signature = Sha2Signature{5, from_hex("b1")};
  response.sudi = Sudi{from_hex("3000"), from_hex("c1"), {}};
  EXPECT_EQ(to_hex(encode(1, std::move(response))),
            "5502000000010034"
            "0d00054353466100"
            "08000104"
            "04000a01000700023003020101"
            "060002a1a2"
            "140004050001b1"
            "10000c0100023000020001c1030000");
}

TEST(CapfProtocol, ReadsAPhonesAbortAndItsStatus) {
  for (const char* command : {"14", "15"}) {
    const Message message = decode(from_hex(std::string("55") + command + "00000001000401000107"));
    EXPECT_EQ(std::get<Abort>(message).reason, Reason::invalid_element);
  }
  for (const char* command : {"12", "13"}) {
    const Message message = decode(from_hex(std::string("55") + command + "000000010000"));
    EXPECT_TRUE(std::holds_alternative<Status>(message));
  }
}

struct BadCase {
  const char* name;
  const char* bytes;
  const char* error;
};

class CapfBadMessage : public testing::TestWithParam<BadCase> {};

TEST_P(CapfBadMessage, IsRefusedByName) {
  EXPECT_EQ(error_of(from_hex(GetParam().bytes)), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CapfBadMessage,
    testing::Values(
        BadCase{"Tls", "1603010200010001", "the message does not start with 0x55"},
        BadCase{"TooLong", "5502000000014001",
                "the message announces 16385 bytes, at most 16384 are read"},
        BadCase{"UnknownCommand", "5563000000010000", "command 99 is not known"},
        BadCase{"NoName", "550200000001000407000103",
                "the authentication response names no device"},
        BadCase{"EmptyName", "55020000000100040d000100",
                "the authentication response names no device"},
        BadCase{"NulInsideName", "55020000000100070d000441004200",
                "element 13 has a NUL inside its text"},
        BadCase{"RepeatedName", "550200000001000a0d000241000d00024200", "element 13 is repeated"},
        BadCase{"CutValue", "55020000000100050d00054142", "element is truncated"},
        BadCase{"CutLength", "55020000000100020d00", "element is truncated"},
        BadCase{"WideNumber",
                "550a00000001000801000500000000"
                "01",
                "element 1 has 5 bytes, a number has 1 to 4"},
        BadCase{"NoKey", "5504000000010000",
                "the key generate response has neither a key nor a reason"},
        BadCase{"StrangeCertificate", "550200000001000c0d0002410004000402000000",
                "the certificate element does not start with its inner tag 1"},
        BadCase{"CutSha2Signature",
                "550200000001000d0d000241001400050500"
                "03b1b2",
                "the signature's length in element 20 is not that of the rest"},
        BadCase{"CutSudi", "55020000000100120d0002410010000a0100023000020001c103",
                "SUDI element is truncated"},
        BadCase{"LongSudi", "55020000000100170d0002410010000f0100023000020001c1030000aabbcc",
                "bytes follow the SUDI element's three parts"},
        BadCase{"SudiWithoutCertificate", "55020000000100120d0002410010000a010000020001c1030000",
                "the SUDI element has no certificate"},
        BadCase{"BodyShorterThanHeaderSays", "550a0000000200040100",
                "the body is not as long as the header says"}),
    [](const auto& test) { return test.param.name; });

TEST(CapfProtocol, RefusesEveryTruncationOfEveryMessage) {
  const std::vector<Bytes> messages = {
      from_hex("5502000000070023" + std::string(kName) + "08000101" + "0b0005313233340007000103"),
      from_hex("5504000000010006090003301122"),
      from_hex("5502000000010031" + std::string(kName) + "08000103" + "04000a01000700013003020101" +
               "060002a1a2" + "140005050002b1b2"),
      from_hex("5502000000010027" + std::string(kName) + "100011" +
               "010005300302010102000151030002e1e2"),
      from_hex("550c00000010000d04000a01000700023003020101"),
      from_hex("550a00000002000401000101"),
  };
  for (const Bytes& whole : messages) {
    ASSERT_NO_THROW(decode(whole)) << to_hex(whole);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const core::BytesView cut = core::BytesView(whole).first(size);
      if (size < kHeaderBytes) {
        EXPECT_THROW(parse_header(cut), core::Error) << size;
      } else {
        EXPECT_THROW(parse_body(parse_header(cut.first(kHeaderBytes)), cut.subspan(kHeaderBytes)),
                     core::Error)
            << size;
      }
    }
  }
}

TEST(CapfProtocol, RefusesToWriteAnOversizedMessage) {
  EXPECT_NO_THROW(encode(1, StoreRequest{CertificateKind::lsc, Bytes(kMaxBodyBytes - 8)}));
  EXPECT_THROW(encode(1, StoreRequest{CertificateKind::lsc, Bytes(kMaxBodyBytes - 7)}),
               core::Error);
}

TEST(CapfProtocol, LetsOnlyErrorEscapeFromRandomBytesAndReadsBackWhatItWrites) {
  std::mt19937 random(2016);
  std::size_t parsed = 0;
  for (int round = 0; round < 20000; ++round) {
    Header header;
    header.command = static_cast<std::uint8_t>(random() % 24);
    Bytes body;
    for (unsigned elements = random() % 4; elements > 0; --elements) {
      body.push_back(static_cast<std::uint8_t>(random() % 22));
      const auto size = static_cast<std::uint8_t>(random() % 8);
      body.push_back(0);
      body.push_back(size);
      for (unsigned i = 0; i < size; ++i) body.push_back(static_cast<std::uint8_t>(random() % 3));
    }
    if (random() % 8 == 0 && !body.empty()) body.pop_back();
    header.length = static_cast<std::uint16_t>(body.size());
    try {
      const Message message = parse_body(header, body);
      ++parsed;
      const Bytes once = encode(9, message);
      EXPECT_EQ(encode(9, decode(once)), once);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::Code::malformed);
    }
  }
  EXPECT_GT(parsed, 1000U);
}

}  // namespace
}  // namespace ringfence::services::capf
