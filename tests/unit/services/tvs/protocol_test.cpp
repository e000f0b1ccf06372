// TVS messages against the bytes that Cisco's documents show.
#include "services/tvs/protocol.h"

#include <random>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "services/tvs/session.h"

namespace ringfence::services::tvs {
namespace {

using core::Bytes;
using core::BytesView;
using core::Error;

const std::string kSubject = "CN=ucm11pub;OU=Test;O=Example Voice;L=Anywhere;ST=Some Region;C=US";

/// The QUERY of cucm-behaviour 6.1: device, subject (65 characters and NUL), issuer (21 and NUL),
/// serial (19 bytes).
Bytes dumped_query() {
  Bytes bytes = core::from_hex("57010300000003e9008f010018");
  const auto add = [&](const std::string& text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
  };
  add(std::string("\x01") + "CP-8861-SEPB000B4BA0AEE");
  bytes.insert(bytes.end(), {3, 0, 0x42});
  add(kSubject.substr(0, 65) + std::string(1, '\0'));
  bytes.insert(bytes.end(), {4, 0, 0x16});
  add(std::string("CN=issuer;O=Example;C") + std::string(1, '\0'));
  bytes.insert(bytes.end(), {5, 0, 0x13});
  for (std::uint8_t i = 0; i < 19; ++i) bytes.push_back(static_cast<std::uint8_t>(0xa0 + i));
  return bytes;
}

Request parsed(BytesView bytes) {
  return parse_request(parse_header(bytes.first(kHeaderBytes)), bytes.subspan(kHeaderBytes));
}

TEST(TvsProtocol, ReadsTheQueryThatCiscoDumped) {
  const Bytes bytes = dumped_query();
  ASSERT_EQ(bytes.size(), 10U + 0x8f);
  const Header header = parse_header(BytesView(bytes).first(kHeaderBytes));
  EXPECT_EQ(header.command, Command::query_request);
  EXPECT_EQ(header.session, 1001U);
  EXPECT_EQ(header.length, 143U);
  const Query query = std::get<Query>(parsed(bytes));
  EXPECT_EQ(query.device, "CP-8861-SEPB000B4BA0AEE");
  EXPECT_EQ(query.subject, kSubject.substr(0, 65));
  EXPECT_EQ(query.issuer, "CN=issuer;O=Example;C");
  EXPECT_EQ(core::to_hex(query.serial), "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2");
}

TEST(TvsProtocol, AnswersAQueryAsTheDumpDoes) {
  Header request;
  request.session = 0x3e9;
  const Answer answer{{0, 3}, Bytes(0x5ab, 0x30)};
  const Bytes bytes = to_bytes(request, answer);
  ASSERT_EQ(bytes.size(), 10U + 0x5be);
  EXPECT_EQ(core::to_hex(BytesView(bytes).first(10)), "57010400000003e905be");
  EXPECT_EQ(core::to_hex(BytesView(bytes).subspan(10, 7)), "070001000205ab");
  EXPECT_EQ(core::to_hex(BytesView(bytes).last(12)), "080002000309000400015180");
}

TEST(TvsProtocol, AnswersAVerificationWithoutTheCertificate) {
  Header request;
  request.command = Command::verify_request;
  request.session = 0x3ea;
  const Answer answer{{4}, Bytes(700, 0x30)};
  EXPECT_EQ(core::to_hex(to_bytes(request, answer)),
            "57010200000003ea000f"
            "07000100"
            "08000104"
            "09000400015180");
}

TEST(TvsProtocol, AnswersAStrangerWithStatusOneAlone) {
  Header request;
  request.session = 7;
  EXPECT_EQ(core::to_hex(to_bytes(request, Answer{})),
            "57010400000000070004"
            "07000101");
}

TEST(TvsProtocol, TakesDeviceNamesOfAnyKind) {
  for (const std::string device : {"CP-7975G-SEP001122334455", "CSFanna", "ATA001122334455", ""}) {
    const Request request = Query{device, "CN=x", "CN=y", {1, 2}};
    EXPECT_EQ(parsed(to_bytes(1, request)), request);
  }
}

TEST(TvsProtocol, TakesElementsInAnyOrderAndPassesOverUnknownOnes) {
  const Bytes bytes = core::from_hex(
      "570103f7000003ea0016"
      "0500020102"
      "63000109"
      "04000443"
      "4e3d79"
      "030003"
      "434e3d");
  const Query query = std::get<Query>(parsed(bytes));
  EXPECT_EQ(query.issuer, "CN=y");
  EXPECT_EQ(query.subject, "CN=");
  EXPECT_EQ(core::to_hex(query.serial), "0102");
  EXPECT_EQ(query.device, "");
}

struct BadCase {
  std::string name;
  std::string hex;
};

class TvsBadMessage : public testing::TestWithParam<BadCase> {};

TEST_P(TvsBadMessage, IsMalformed) {
  const Bytes bytes = core::from_hex(GetParam().hex);
  try {
    parsed(bytes);
    ADD_FAILURE() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), core::Code::malformed);
  }
}

INSTANTIATE_TEST_SUITE_P(Tvs, TvsBadMessage,
                         testing::Values(BadCase{"WrongProtocol", "58010300000003e90000"},
                                         BadCase{"WrongVersion", "57020300000003e90000"},
                                         BadCase{"ResponseCommand", "57010400000003e90000"},
                                         BadCase{"UnknownCommand", "57010900000003e90000"},
                                         BadCase{"TooLong", "57010300000003e92001"},
                                         BadCase{"EmptyQuery", "57010300000003e90000"},
                                         BadCase{"VerifyWithoutCertificate",
                                                 "57010100000003e90004"
                                                 "01000141"},
                                         BadCase{"ElementPastTheEnd",
                                                 "57010300000003e90004"
                                                 "05000201"},
                                         BadCase{"HalfAnElementHeader",
                                                 "57010300000003e90002"
                                                 "0500"},
                                         BadCase{"RepeatedElement",
                                                 "57010300000003e90008"
                                                 "05000101"
                                                 "05000102"},
                                         BadCase{"PayloadShorterThanSaid",
                                                 "57010300000003e90005"
                                                 "05000101"}),
                         [](const auto& test) { return test.param.name; });

TEST(TvsProtocol, RefusesTruncationAtEveryLength) {
  const Bytes whole = dumped_query();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const BytesView part = BytesView(whole).first(length);
    if (length < kHeaderBytes) {
      EXPECT_THROW(parse_header(part), Error) << length;
    } else {
      EXPECT_THROW(parsed(part), Error) << length;
    }
  }
}

TEST(TvsProtocol, RandomBytesThrowNothingButError) {
  std::mt19937 random(2445);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes(kHeaderBytes + random() % 64);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes[0] = 0x57;
    bytes[1] = 1;
    bytes[2] = static_cast<std::uint8_t>(random() % 2 == 0 ? 1 : 3);
    bytes[8] = 0;
    bytes[9] = static_cast<std::uint8_t>(bytes.size() - kHeaderBytes);
    if (bytes.size() > kHeaderBytes + 2) bytes[kHeaderBytes + 1] = 0;
    try {
      const Request request = parsed(bytes);
      EXPECT_EQ(parsed(to_bytes(1, request)), request);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), core::Code::malformed);
    }
  }
}

TEST(TvsSession, PutsAMessageTogetherFromItsParts) {
  const Bytes bytes = dumped_query();
  Session session;
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(session.wanted(), kHeaderBytes);
    EXPECT_FALSE(session.take(BytesView(bytes).first(kHeaderBytes)));
    ASSERT_EQ(session.wanted(), 143U);
    const auto asked = session.take(BytesView(bytes).subspan(kHeaderBytes));
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->header.session, 1001U);
  }
}

TEST(TvsSession, EndsWithAnErrorForAHeaderWithoutAnything) {
  Session session;
  EXPECT_THROW(session.take(core::from_hex("57010300000003e90000")), Error);
}

}  // namespace
}  // namespace ringfence::services::tvs
