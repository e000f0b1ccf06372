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
  SignRequest shown = sign;
  shown.input.clear();
  shown.message = Bytes(70'000, 0x33);
  std::vector<Operation> all;
  all.emplace_back(sign);
  all.emplace_back(shown);
  all.emplace_back(PublicKey{{"CallManager-ECDSA", 0xfffffffe}});
  all.emplace_back(List{});
  all.emplace_back(Generate{"TVS", {KeyAlgorithm::ec, 521}});
  all.emplace_back(Destroy{{"ITLRecovery", 1}});
  all.emplace_back(StatusQuery{});
  all.emplace_back(Unlock{core::Secret("1234")});
  return all;
}

TEST(WireTest, WritesARequestByteForByte) {
  const Bytes expected = {0, 0, 0, 7, 2, 0, 4, 'C', 'A', 'P', 'F', 0, 0, 0, 3};
  EXPECT_EQ(encode(7, PublicKey{{"CAPF", 3}}), expected);
  const Bytes framed = {0, 0, 0, 5, 0, 0, 0, 1, 6};
  EXPECT_EQ(frame(encode(1, StatusQuery{})), framed);
}

TEST(WireTest, ReadsBackEveryRequest) {
  for (const Operation& operation : operations()) {
    const Request request = parse_request(encode(0x01020304, operation));
    EXPECT_EQ(request.id, 0x01020304U);
    EXPECT_EQ(request.operation, operation);
  }
}

TEST(WireTest, RefusesEveryTruncatedOrPaddedRequest) {
  for (const Operation& operation : operations()) {
    Bytes body = encode(9, operation);
    const std::size_t stride = body.size() / 500 + 1;
    for (std::size_t size = 0; size < body.size(); size += stride)
      EXPECT_THROW(parse_request(BytesView(body).first(size)), Error) << size;
    EXPECT_THROW(parse_request(BytesView(body).first(body.size() - 1)), Error);
    body.push_back(0);
    EXPECT_THROW(parse_request(body), Error);
  }
}

TEST(WireTest, RefusesASignatureOfTwoThings) {
  SignRequest both;
  both.key = {"CAPF", 1};
  both.input = Bytes(32, 1);
  both.message = Bytes(10, 2);
  EXPECT_THROW(parse_request(encode(1, both)), Error);
  both.input.clear();
  both.message.resize(kMaxMessage + 1);
  EXPECT_THROW(parse_request(encode(1, both)), Error);
}

TEST(WireTest, RefusesLabelsThatCouldMisleadALogReader) {
  for (const std::string label : {"", "a b", "a\n", "CAPF/1", "\xc3\xa4"})
    EXPECT_THROW(parse_request(encode(1, PublicKey{{label, 1}})), Error) << label;
  EXPECT_THROW(parse_request(encode(1, PublicKey{{std::string(65, 'a'), 1}})), Error);
  EXPECT_NO_THROW(parse_request(encode(1, PublicKey{{std::string(64, 'a'), 1}})));
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
}

TEST(WireTest, CarriesTheWholeStatus) {
  Status status;
  status.state = PoolState::degraded;
  status.reason = "C_Sign: CKR_DEVICE_REMOVED (0x32)";
  status.degraded_since = 1'800'000'000;
  status.retry_after = 29;
  status.module = "/m.so";
  status.token = {"SoftHSM 2.6", "ringfence",
                  "SoftHSM",     "v2",
                  "1a2b",        "2.6",
                  "2.6",         {{42, "slot 42", "ringfence", true}, {43, "slot 43", "", false}}};
  status.keys = {{{{"CAPF", 2}, {KeyAlgorithm::rsa, 2048}}, "2026-11-21", 2},
                 {{{"CallManager-ECDSA", 1}, {KeyAlgorithm::ec, 384}}, "", 0}};
  status.workers = {{4711, true, 60, 1ULL << 40U, 2}, {4712, false, 0, 0, 0}};
  status.workers_wanted = 2;
  status.restarts = 3;
  status.queued = 5;
  status.queue_limit = 1024;
  status.signed_total = 1ULL << 41U;
  status.failed_total = 7;
  status.signatures_per_second_x100 = 391'234;
  status.latency_p50_us = 480;
  status.latency_p99_us = 900;
  status.started = 1'799'999'000;
  status.signatures = {{"capf", "certificate", 340}, {"tftp", "file", 1ULL << 33U}};
  const Bytes payload = encode_status(status);
  EXPECT_EQ(parse_status(payload), status);
  for (std::size_t size = 0; size < payload.size(); ++size)
    EXPECT_THROW(parse_status(BytesView(payload).first(size)), Error) << size;
}

TEST(WireTest, RefusesAPinThatNoTokenTakes) {
  EXPECT_THROW(parse_request(encode(1, Unlock{})), Error);
  EXPECT_THROW(parse_request(encode(1, Unlock{core::Secret(Bytes(256, '1'))})), Error);
  EXPECT_NO_THROW(parse_request(encode(1, Unlock{core::Secret(Bytes(255, '1'))})));
}

void feed(FrameReader& reader, BytesView bytes) {
  std::copy(bytes.begin(), bytes.end(), reader.room(bytes.size()).begin());
  reader.took(bytes.size());
}

TEST(FrameTest, TakesWholeFramesOnly) {
  Bytes stream = frame(Bytes{1, 2});
  append_frame(stream, Bytes{3});
  for (const std::size_t step : {1U, 3U, 11U}) {
    FrameReader reader;
    std::vector<Bytes> taken;
    for (BytesView rest = stream; !rest.empty(); rest = rest.subspan(std::min(step, rest.size()))) {
      feed(reader, rest.first(std::min(step, rest.size())));
      while (const auto body = reader.next()) taken.emplace_back(body->begin(), body->end());
    }
    EXPECT_EQ(taken, (std::vector<Bytes>{{1, 2}, {3}})) << step;
    EXPECT_EQ(reader.held(), 0U);
  }
}

TEST(FrameTest, RefusesLengthsThatNoFrameHas) {
  for (const Bytes& bytes :
       {Bytes{0, 0, 0, 0}, Bytes{0xff, 0xff, 0xff, 0xff}, Bytes{0, 0, 0x40, 1}}) {
    FrameReader reader;
    feed(reader, bytes);
    EXPECT_THROW(reader.next(), Error);
  }
  EXPECT_THROW(frame(Bytes(kMaxBody + 1)), Error);
  EXPECT_THROW(frame(Bytes()), Error);
}

TEST(WireTest, LetsOnlyItsErrorOutOnRandomBytes) {
  std::mt19937 random(4711);
  for (int i = 0; i < 20'000; ++i) {
    Bytes body(random() % 80);
    for (std::uint8_t& byte : body) byte = static_cast<std::uint8_t>(random() % 9);
    try {
      const Request request = parse_request(body);
      EXPECT_EQ(encode(request.id, request.operation), body);
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
