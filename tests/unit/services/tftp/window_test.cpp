// Windows of blocks (RFC 7440): packets against bytes written by hand, and a session's steps.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "services/tftp/protocol.h"
#include "services/tftp/session.h"

namespace ringfence::services::tftp {
namespace {

using core::Bytes;
using core::BytesView;
using namespace std::chrono_literals;

constexpr std::size_t kRequestBytes = 60;

/// read_request asks for "f" with options, in which '|' stands for NUL.
ReadRequest request(const std::string& options) {
  Bytes bytes = {0, 1, 'f', 0, 'o', 'c', 't', 'e', 't', 0};
  for (const char c : options)
    bytes.push_back(c == '|' ? std::uint8_t{0} : static_cast<std::uint8_t>(c));
  return parse_request(bytes);
}

Bytes ack(std::uint16_t block) {
  return {0, 4, static_cast<std::uint8_t>(block >> 8U), static_cast<std::uint8_t>(block)};
}

/// numbered has the block's number in each of its bytes.
std::shared_ptr<const Bytes> numbered(std::size_t block_bytes, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i / block_bytes + 1);
  return std::make_shared<const Bytes>(std::move(bytes));
}

Session windowed(std::size_t size, const std::string& window) {
  return Session(numbered(8, size), request("blksize|8|windowsize|" + window + "|"), kRequestBytes);
}

/// blocks returns the numbers of the packets, by their headers.
std::vector<int> blocks(const Session& session) {
  std::vector<int> numbers;
  BytesView rest = session.packets();
  while (!rest.empty()) {
    EXPECT_EQ(rest[1], 3);
    numbers.push_back(rest[2] << 8 | rest[3]);
    rest = rest.subspan(std::min(session.packet_bytes(), rest.size()));
  }
  return numbers;
}

using Numbers = std::vector<int>;

TEST(TftpWindow, IsReadWithinItsBounds) {
  EXPECT_EQ(request("windowsize|16|").options.window, 16U);
  EXPECT_EQ(request("WindowSize|1|").options.window, 1U);
  for (const std::string value : {"0", "65536", "-1", "x", ""})
    EXPECT_FALSE(request("windowsize|" + value + "|").options.any()) << value;
}

TEST(TftpWindow, IsCutToWhatOneClientMayHaveOnItsWay) {
  EXPECT_EQ(request("windowsize|65535|").options.window, 64U);
  EXPECT_EQ(request("windowsize|64|blksize|1428|").options.window, 45U) << "65,000 bytes";
  EXPECT_EQ(request("blksize|65464|windowsize|64|").options.window, 1U);
  const ReadRequest cut = request("blksize|65464|windowsize|64|");
  EXPECT_EQ(parse_request(request_packet(cut)), cut);
}

TEST(TftpWindow, IsAgreedToByTheNumberThatCounts) {
  const ReadRequest asked = request("windowsize|9999|tsize|0|");
  EXPECT_EQ(core::text_of(option_packet(asked.options, 5)),
            std::string("\0\6tsize\0005\0windowsize\00064\0", 24));
}

TEST(TftpWindow, SendsSoManyBlocksForOneAcknowledgement) {
  Session session = windowed(41, "4");
  EXPECT_EQ(session.take(ack(0)), Step::send);
  EXPECT_EQ(core::to_hex(session.packets()),
            "00030001"
            "0101010101010101"
            "00030002"
            "0202020202020202"
            "00030003"
            "0303030303030303"
            "00030004"
            "0404040404040404");
  EXPECT_EQ(session.packet_bytes(), 12U);
  EXPECT_EQ(session.take(ack(4)), Step::send);
  EXPECT_EQ(core::to_hex(session.packets()),
            "00030005"
            "0505050505050505"
            "00030006"
            "06");
  EXPECT_EQ(session.take(ack(6)), Step::done);
}

TEST(TftpWindow, EndsWithAnEmptyBlockWhereTheFileFillsTheLast) {
  Session session = windowed(16, "4");
  session.take(ack(0));
  EXPECT_EQ(blocks(session), (Numbers{1, 2, 3}));
  EXPECT_EQ(session.packets().size(), 12U + 12U + 4U);
  EXPECT_EQ(session.take(ack(3)), Step::done);
}

TEST(TftpWindow, GoesOnBehindTheLastBlockThatCame) {
  Session session = windowed(100, "4");
  session.take(ack(0));
  EXPECT_EQ(session.take(ack(2)), Step::send) << "the third was lost";
  EXPECT_EQ(blocks(session), (Numbers{3, 4, 5, 6}));
  EXPECT_EQ(session.take(ack(1)), Step::wait) << "an old one";
  EXPECT_EQ(session.take(ack(7)), Step::wait) << "nobody sent it";
  EXPECT_EQ(session.take(ack(6)), Step::send);
  EXPECT_EQ(blocks(session), (Numbers{7, 8, 9, 10}));
}

TEST(TftpWindow, IsRepeatedOnceForItsLostFirstBlockAndThenByTimeAlone) {
  Session session = windowed(100, "4");
  session.take(ack(0));
  session.take(ack(4));
  const Bytes second = session.packets();
  EXPECT_EQ(session.take(ack(4)), Step::send) << "the client has seen the sixth, and no fifth";
  EXPECT_EQ(session.packets(), second);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(session.take(ack(4)), Step::wait);
  EXPECT_EQ(session.timed_out(), Step::send);
  EXPECT_EQ(session.packets(), second);
  EXPECT_EQ(session.take(ack(8)), Step::send);
  EXPECT_EQ(session.take(ack(8)), Step::send) << "and so for each window";
}

TEST(TftpWindow, OfOneBlockIsNeverDoubled) {
  Session session = windowed(100, "1");
  session.take(ack(0));
  session.take(ack(1));
  EXPECT_EQ(session.take(ack(1)), Step::wait) << "the Sorcerer's Apprentice";
}

TEST(TftpWindow, GoesOverTheEndOfTheBlockNumbers) {
  Session session = windowed(8 * 65540, "64");
  session.take(ack(0));
  for (int block = 64; block < 65536; block += 64)
    ASSERT_EQ(session.take(ack(static_cast<std::uint16_t>(block))), Step::send);
  EXPECT_EQ(session.take(ack(0)), Step::send) << "block 65536";
  EXPECT_EQ(blocks(session), (Numbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(session.take(ack(5)), Step::done);
}

TEST(TftpWindow, OpensForNobodyWhoHasNotAcknowledgedTheOptions) {
  Session session = windowed(10'000, "64");
  std::size_t sent = session.packets().size();
  for (Step step = session.timed_out(); step != Step::failed; step = session.timed_out())
    if (step == Step::send) sent += session.packets().size();
  EXPECT_LE(sent, kMaxAmplification * kRequestBytes);
  EXPECT_EQ(session.take(ack(64)), Step::wait) << "a guess at what was never sent";
}

}  // namespace
}  // namespace ringfence::services::tftp
