// Frames and bodies: bytes by hand, round trips, and everything that is wrong.
#include "hsm/wire.h"

#include <random>

#include <gtest/gtest.h>

namespace ringfence::hsm::wire {
namespace {

std::vector<Operation> operations() {
  SignRequest sign;
  sign.key = {"CAPF", 2};
  sign.scheme = Scheme::rsa_pss;
  sign.hash = Hash::sha384;
  sign.mgf_hash = Hash::sha1;
  sign.salt_bytes = 48;
  sign.input = Bytes(48, 0x5a);
  return {sign,
          PublicKey{{"CallManager-ECDSA", 0xfffffffe}},
          List{},
          Generate{"TVS", {KeyAlgorithm::ec, 521}},
          Destroy{{"ITLRecovery", 1}},
          StatusQuery{}};
}

TEST(WireTest, WritesARequestByteForByte) {
  const Bytes expected = {0, 0, 0, 7, 2, 0, 4, 'C', 'A', 'P', 'F', 0, 0, 0, 3};
  EXPECT_EQ(encode(Request{7, PublicKey{{"CAPF", 3}}}), expected);
  const Bytes framed = {0, 0, 0, 5, 0, 0, 0, 1, 6};
  EXPECT_EQ(frame(encode(Request{1, StatusQuery{}})), framed);
}

TEST(WireTest, ReadsBackEveryRequest) {
  for (const Operation& operation : operations()) {
    const Request request{0x01020304, operation};
    EXPECT_EQ(parse_request(encode(request)), request);
  }
}

TEST(WireTest, RefusesEveryTruncatedOrPaddedRequest) {
  for (const Operation& operation : operations()) {
    Bytes body = encode(Request{9, operation});
    for (std::size_t size = 0; size < body.size(); ++size)
      EXPECT_THROW(parse_request(BytesView(body).first(size)), Error) << size;
    body.push_back(0);
    EXPECT_THROW(parse_request(body), Error);
  }
}

TEST(WireTest, RefusesLabelsThatCouldMisleadALogReader) {
  for (const std::string label : {"", "a b", "a\n", "CAPF/1", "\xc3\xa4"})
    EXPECT_THROW(parse_request(encode(Request{1, PublicKey{{label, 1}}})), Error) << label;
  EXPECT_THROW(parse_request(encode(Request{1, PublicKey{{std::string(65, 'a'), 1}}})), Error);
  EXPECT_NO_THROW(parse_request(encode(Request{1, PublicKey{{std::string(64, 'a'), 1}}})));
}

TEST(WireTest, CarriesAnErrorWhole) {
  const Error sent(Kind::unavailable, "C_Sign: CKR_DEVICE_ERROR (0x30)", std::chrono::seconds(30),
                   0x30);
  const Answer answer = parse_answer(encode(Answer{5, sent}));
  ASSERT_TRUE(std::holds_alternative<Error>(answer.outcome));
  const Error& error = std::get<Error>(answer.outcome);
  EXPECT_EQ(answer.id, 5U);
  EXPECT_EQ(error.kind(), Kind::unavailable);
  EXPECT_EQ(error.rv(), 0x30U);
  EXPECT_EQ(error.retry_after(), std::chrono::seconds(30));
  EXPECT_STREQ(error.what(), "C_Sign: CKR_DEVICE_ERROR (0x30)");
}

TEST(WireTest, CarriesPayloads) {
  EXPECT_EQ(parse_bytes(encode_bytes(Bytes{1, 2, 3})), (Bytes{1, 2, 3}));
  EXPECT_EQ(parse_key(encode_key({"TVS", 4})), (KeyRef{"TVS", 4}));
  const std::vector<KeyInfo> keys = {{{"CAPF", 1}, {KeyAlgorithm::rsa, 2048}},
                                     {{"CallManager-ECDSA", 2}, {KeyAlgorithm::ec, 384}}};
  EXPECT_EQ(parse_keys(encode_keys(keys)), keys);
  Status status;
  status.module = "/m.so";
  status.token = "ringfence";
  status.answered = 1ULL << 40U;
  status.restarts = 3;
  EXPECT_EQ(parse_status(encode_status(status)), status);
}

TEST(FrameTest, TakesWholeFramesOnly) {
  Bytes stream = frame(Bytes{1, 2});
  const Bytes second = frame(Bytes{3});
  stream.insert(stream.end(), second.begin(), second.end());
  Bytes buffer;
  std::vector<Bytes> taken;
  for (const std::uint8_t byte : stream) {
    buffer.push_back(byte);
    while (const auto body = take_frame(buffer)) taken.push_back(*body);
  }
  EXPECT_EQ(taken, (std::vector<Bytes>{{1, 2}, {3}}));
  EXPECT_TRUE(buffer.empty());
}

TEST(FrameTest, RefusesLengthsThatNoFrameHas) {
  Bytes empty = {0, 0, 0, 0};
  EXPECT_THROW(take_frame(empty), Error);
  Bytes huge = {0xff, 0xff, 0xff, 0xff};
  EXPECT_THROW(take_frame(huge), Error);
  Bytes above = {0, 0, 0x40, 0x01};
  EXPECT_THROW(take_frame(above), Error);
  EXPECT_THROW(frame(Bytes(kMaxBody + 1)), Error);
}

TEST(WireTest, LetsOnlyItsErrorOutOnRandomBytes) {
  std::mt19937 random(4711);
  for (int i = 0; i < 20'000; ++i) {
    Bytes body(random() % 80);
    for (std::uint8_t& byte : body) byte = static_cast<std::uint8_t>(random() % 9);
    try {
      const Request request = parse_request(body);
      EXPECT_EQ(encode(request), body);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::request);
    }
    try {
      parse_answer(body);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace ringfence::hsm::wire
