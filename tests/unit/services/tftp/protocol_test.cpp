// TFTP packets and one transfer, against bytes written by hand from the RFCs.
#include "services/tftp/protocol.h"

#include <random>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "services/tftp/lending.h"
#include "services/tftp/session.h"

namespace ringfence::services::tftp {
namespace {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Error;
using namespace std::chrono_literals;

/// packet writes '|' as NUL, so that requests can be read.
Bytes packet(std::string opcode, std::string text) {
  Bytes bytes = core::from_hex(opcode);
  for (const char c : text)
    bytes.push_back(c == '|' ? std::uint8_t{0} : static_cast<std::uint8_t>(c));
  return bytes;
}

Code code_of(const Bytes& datagram) {
  try {
    parse_request(datagram);
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "it was accepted";
  return Code::internal;
}

TEST(TftpRequest, ReadsFileModeAndOptionsInAnyCase) {
  const ReadRequest request = parse_request(
      packet("0001", "ITLFile.tlv|OCTET|blksize|1428|TSIZE|0|timeout|3|windowsize|8|"));
  EXPECT_EQ(request.file, "ITLFile.tlv");
  EXPECT_EQ(request.mode, Mode::octet);
  EXPECT_EQ(request.options.block_bytes, 1428U);
  EXPECT_EQ(request.options.timeout_seconds, 3U);
  EXPECT_TRUE(request.options.size);
}

TEST(TftpRequest, LeavesOutOptionsWithValuesThatCannotBe) {
  for (const std::string option : {"blksize|7|", "blksize|x|", "blksize||", "timeout|0|",
                                   "timeout|6|", "timeout|255|", "timeout|-1|", "unknown|1|"}) {
    EXPECT_FALSE(parse_request(packet("0001", "f|octet|" + option)).options.any()) << option;
  }
}

TEST(TftpRequest, GivesTheLargestBlockToWhoWantsMore) {
  EXPECT_EQ(parse_request(packet("0001", "f|octet|blksize|65465|")).options.block_bytes, 65464U);
}

TEST(TftpRequest, RefusesToWrite) {
  EXPECT_EQ(code_of(packet("0002", "f|octet|")), Code::refused);
}

TEST(TftpRequest, RefusesWhatIsNoRequest) {
  for (const Bytes& bytes :
       {Bytes{}, Bytes{0}, Bytes{1}, Bytes{0, 1}, packet("0001", "f"), packet("0001", "f|octet"),
        packet("0001", "f|mail|"), packet("0001", "f|octet|blksize|"),
        packet("0001", "f|octet|blksize|512"), packet("0001", "f|octet|tsize|0|TSIZE|0|"),
        packet("0003", "f|octet|"), packet("0001", std::string(600, 'a') + "|octet|")}) {
    EXPECT_EQ(code_of(bytes), Code::malformed) << core::to_hex(bytes);
  }
}

TEST(TftpRequest, IsWrittenAsItIsRead) {
  const Options options{1024, 5, true};
  const ReadRequest request{"SEP001122334455.cnf.xml", Mode::netascii, options};
  EXPECT_EQ(parse_request(request_packet(request)), request);
}

TEST(TftpRequest, RandomBytesThrowNothingButError) {
  std::mt19937 random(69);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes(random() % 40);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() % 128);
    if (bytes.size() > 2) bytes[0] = 0, bytes[1] = static_cast<std::uint8_t>(random() % 6);
    try {
      const ReadRequest request = parse_request(bytes);
      EXPECT_EQ(parse_request(request_packet(request)), request);
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Code::malformed || error.code() == Code::refused);
    }
  }
}

TEST(TftpPackets, HaveTheBytesOfTheRfc) {
  EXPECT_EQ(core::to_hex(data_packet(0x102, Bytes{9, 8})), "000301020908");
  EXPECT_EQ(core::to_hex(error_packet(Failure::access_violation, "no")), "000500026e6f00");
  const Options options{1428, 2, true};
  EXPECT_EQ(option_packet(options, 4096), packet("0006", "blksize|1428|timeout|2|tsize|4096|"));
  const Options only_size{{}, {}, true};
  EXPECT_EQ(option_packet(only_size, 7), packet("0006", "tsize|7|"));
}

TEST(TftpPackets, WriteNetasciiLineEnds) {
  EXPECT_EQ(core::text_of(to_netascii(core::bytes_of("a\nb\r\n"))),
            std::string("a\r\nb\r\0\r\n", 8));
}

Bytes ack(std::uint16_t block) {
  core::Writer writer;
  writer.u16(4).u16(block);
  return writer.take();
}

constexpr std::size_t kRequestBytes = 40;

std::shared_ptr<const Bytes> content(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  return std::make_shared<const Bytes>(std::move(bytes));
}

/// fetched plays a client that acknowledges everything once.
Bytes fetched(Session& session) {
  Bytes received;
  while (true) {
    BytesView sent = session.packets();
    if (sent[1] == 3) received.insert(received.end(), sent.begin() + 4, sent.end());
    const std::uint16_t block =
        sent[1] == 3 ? static_cast<std::uint16_t>(sent[2] << 8 | sent[3]) : std::uint16_t{0};
    const Step step = session.take(ack(block));
    if (step == Step::done) return received;
    EXPECT_EQ(step, Step::send);
    if (step != Step::send) return {};
  }
}

TEST(TftpSession, SendsFilesOfEverySizeAroundTheBlock) {
  for (const std::size_t size : {0U, 1U, 511U, 512U, 513U, 1024U, 5000U}) {
    ReadRequest request;
    Session session(content(size), request, kRequestBytes);
    EXPECT_EQ(fetched(session), *content(size)) << size;
  }
}

TEST(TftpSession, AnswersOptionsBeforeTheFirstBlock) {
  ReadRequest request;
  request.options.block_bytes = 8;
  Session session(content(20), request, kRequestBytes);
  EXPECT_EQ(session.packets(), packet("0006", "blksize|8|"));
  EXPECT_EQ(fetched(session), *content(20));
}

TEST(TftpSession, CountsBlocksPast65535) {
  ReadRequest request;
  request.options.block_bytes = 8;
  Session session(content(8 * 65536 + 5), request, kRequestBytes);
  EXPECT_EQ(fetched(session), *content(8 * 65536 + 5));
}

TEST(TftpSession, PassesOverRepeatedAcknowledgementsAndRubbish) {
  ReadRequest request;
  Session session(content(2000), request, kRequestBytes);
  EXPECT_EQ(session.take(ack(1)), Step::send);
  const Bytes second = session.packets();
  for (const Bytes& noise : {ack(1), ack(0), ack(7), Bytes{}, Bytes{4}, Bytes{0, 9, 0, 2}}) {
    EXPECT_EQ(session.take(noise), Step::wait);
    EXPECT_EQ(session.packets(), second);
  }
  EXPECT_EQ(session.take(ack(2)), Step::send);
}

/// sends_in_silence counts the bytes that a session sends to a client that never answers, and how
/// long it holds its place for it.
std::pair<std::size_t, std::chrono::milliseconds> sends_in_silence(Session& session) {
  std::size_t bytes = session.packets().size();
  std::chrono::milliseconds held = session.patience();
  Step step = session.timed_out();
  while (step != Step::failed) {
    if (step == Step::send) bytes += session.packets().size();
    held += session.patience();
    step = session.timed_out();
  }
  return {bytes, held};
}

TEST(TftpSession, RepeatsWithLongerWaitsAndGivesUp) {
  ReadRequest request;
  Session session(content(2000), request, kRequestBytes);
  ASSERT_EQ(session.take(ack(1)), Step::send);
  std::vector<std::chrono::milliseconds> waits;
  while (session.timed_out() == Step::send) waits.push_back(session.patience());
  EXPECT_EQ(waits, (std::vector<std::chrono::milliseconds>{2s, 4s, 5s, 5s, 5s}));
}

TEST(TftpSession, BeginsAgainWithShortWaitsAfterProgress) {
  ReadRequest request;
  request.options.timeout_seconds = 2;
  Session session(content(2000), request, kRequestBytes);
  EXPECT_EQ(session.patience(), 2s);
  session.timed_out();
  EXPECT_EQ(session.patience(), 4s);
  EXPECT_EQ(session.take(ack(0)), Step::send);
  EXPECT_EQ(session.patience(), 2s);
}

TEST(TftpSession, SendsTheUnheardThreeTimesWhatTheySentAtMost) {
  for (const std::size_t block : {512U, 1428U, 65464U}) {
    ReadRequest request;
    request.file = "ITLFile.tlv";
    request.options = {block, 5, true};
    const std::size_t asked = request_packet(request).size();
    Session session(content(1'000'000), request, asked);
    const auto [bytes, held] = sends_in_silence(session);
    EXPECT_FALSE(session.costly());
    EXPECT_LE(bytes, kMaxAmplification * asked);
    EXPECT_GT(bytes, session.packets().size()) << "an OACK that is lost must be repeated";
    EXPECT_LE(held, 30s);
  }
}

TEST(TftpSession, SendsTheUnheardOneBlockForEachRequestWithoutOptions) {
  ReadRequest request;
  Session session(content(1'000'000), request, kRequestBytes);
  EXPECT_TRUE(session.costly());
  EXPECT_EQ(sends_in_silence(session).first, 516U);
  EXPECT_EQ(session.asked_again(kRequestBytes), Step::send) << "its first block may be lost";
  EXPECT_TRUE(session.costly()) << "and is lent again";
  for (int i = 0; i < 100; ++i) session.asked_again(kRequestBytes);
  EXPECT_TRUE(session.costly()) << "its lender alone knows what was paid";
  EXPECT_EQ(session.take(ack(1)), Step::send);
  EXPECT_FALSE(session.costly()) << "it is there";
  EXPECT_EQ(session.asked_again(kRequestBytes), Step::wait);
  EXPECT_EQ(session.timed_out(), Step::send);
}

TEST(TftpSession, AsksNobodyToPayForAFileThatIsSmall) {
  ReadRequest request;
  Session session(content(100), request, kRequestBytes);
  EXPECT_FALSE(session.costly());
  EXPECT_EQ(sends_in_silence(session).first, 104U);
}

TEST(TftpPackets, GiveErrorsTheRoomThatTheAskingPaidFor) {
  EXPECT_EQ(error_within(10, Failure::not_found, "file not found"),
            error_packet(Failure::not_found, "file not found"));
  EXPECT_EQ(error_within(4, Failure::unknown_transfer, "this port serves another client"),
            error_packet(Failure::unknown_transfer, ""));
  EXPECT_EQ(error_within(1, Failure::not_found, "file not found"), Bytes());
}

class LendingTest : public testing::Test {
 protected:
  static core::asio::ip::address v4(unsigned number) { return core::asio::ip::address_v4(number); }

  /// asks counts the bytes lent for so many requests that are never acknowledged.
  std::size_t ask(Lending& lending, const core::asio::ip::address& peer, int requests) {
    std::size_t bytes = 0;
    for (int i = 0; i < requests; ++i) {
      lending.paid(peer, kRequestBytes, now_);
      if (lending.lend(peer, kBlock, now_)) bytes += kBlock;
    }
    return bytes;
  }

  static constexpr std::size_t kBlock = 516;
  Lending::Clock::time_point now_ = Lending::Clock::now();
};

TEST_F(LendingTest, LendsOneBlockAndThenWhatIsPaidFor) {
  Lending lending;
  EXPECT_EQ(ask(lending, v4(1), 1), kBlock);
  EXPECT_EQ(ask(lending, v4(1), 1), 0U);
  EXPECT_EQ(ask(lending, v4(2), 1), kBlock) << "one peer's debt is not another's";
  std::size_t bytes = kBlock;
  for (int run = 0; run < 100; ++run) {
    now_ += 30s;  // no time forgives
    bytes += ask(lending, v4(1), 20);
  }
  const std::size_t paid = 2002 * kMaxAmplification * kRequestBytes;
  EXPECT_LE(bytes, paid + kBlock);
  EXPECT_GT(bytes + 2 * kBlock, paid) << "what was paid for is answered";
  now_ += 2h;
  EXPECT_EQ(ask(lending, v4(1), 1), kBlock) << "another run";
}

TEST_F(LendingTest, LendsManyToWhoIsThere) {
  Lending lending;
  ask(lending, v4(1), 1);
  lending.acknowledged(v4(1), now_);
  EXPECT_GE(ask(lending, v4(1), 400), 256 * kBlock);
  EXPECT_LE(ask(lending, v4(1), 100), 100 * kMaxAmplification * kRequestBytes + kBlock);
}

TEST_F(LendingTest, ForgetsNobodyWhoOwes) {
  Lending lending({.peers = 8});
  for (unsigned peer = 0; peer < 8; ++peer) ask(lending, v4(0x0a000000U + (peer << 8U)), 1);
  std::size_t bytes = 0;  // of a whole neighbourhood that finds no place
  for (unsigned peer = 0; peer < 200; ++peer) bytes += ask(lending, v4(0x0b000000U + peer), 1);
  EXPECT_LE(bytes, 200 * kMaxAmplification * kRequestBytes + kBlock);
  for (unsigned peer = 0; peer < 8; ++peer)
    EXPECT_EQ(ask(lending, v4(0x0a000000U + (peer << 8U)), 1), 0U);
}

TEST_F(LendingTest, ForgetsDebtsThatNeverSettleOnceItIsFull) {
  Lending lending({.peers = 8});
  for (unsigned peer = 0; peer < 7; ++peer) ask(lending, v4(0x0a000000U + (peer << 8U)), 1);
  now_ += 2min;
  EXPECT_EQ(ask(lending, v4(0x0a000000U), 1), 0U) << "not as long as there is room";
  ask(lending, v4(0x0a000000U + (7U << 8U)), 1);
  for (unsigned peer = 0; peer < 50; ++peer) ask(lending, v4(0x0b000000U + peer), 1);
  now_ += 2min;
  int answered = 0;
  for (unsigned peer = 0; peer < 8; ++peer)
    answered += ask(lending, v4(0x0c000000U + peer), 1) == kBlock ? 1 : 0;
  EXPECT_EQ(answered, 8) << "newcomers of one neighbourhood";
}

TEST_F(LendingTest, ASharedDebtIsForgottenToo) {
  Lending lending({.peers = 8});
  for (unsigned peer = 0; peer < 8; ++peer) {
    ask(lending, v4(0x0a000000U + peer), 1);
    lending.acknowledged(v4(0x0a000000U + peer), now_);  // these stay for ten minutes
  }
  EXPECT_EQ(ask(lending, v4(0x0b000000U), 1), kBlock);
  EXPECT_EQ(ask(lending, v4(0x0b000001U), 1), 0U) << "they share what they owe";
  now_ += 2min;
  EXPECT_EQ(ask(lending, v4(0x0b000000U), 1), kBlock);
}

TEST(TftpSession, EndsWhenTheClientRefuses) {
  ReadRequest request;
  Session session(content(1000), request, kRequestBytes);
  EXPECT_EQ(session.take(error_packet(Failure::disk_full, "full")), Step::failed);
}

TEST(TftpSession, ConvertsNetascii) {
  ReadRequest request;
  request.mode = Mode::netascii;
  request.options.size = true;
  Session session(std::make_shared<const Bytes>(Bytes{'a', '\n'}), request, kRequestBytes);
  EXPECT_EQ(session.packets(), packet("0006", "tsize|3|"));
  EXPECT_EQ(core::text_of(fetched(session)), "a\r\n");
}

}  // namespace
}  // namespace ringfence::services::tftp
