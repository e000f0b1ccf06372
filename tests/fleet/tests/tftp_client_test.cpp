#include "tests/fleet/tftp_client.h"

#include <deque>
#include <thread>

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::fleet {
namespace {

using core::Bytes;
using core::Code;
using core::Error;
using core::udp;
using core::Writer;
using namespace std::chrono_literals;
namespace asio = core::asio;

Bytes data(std::uint16_t block, std::size_t size, std::uint8_t fill = 0x41) {
  return Writer().u16(3).u16(block).bytes(Bytes(size, fill)).take();
}

Bytes oack(std::string_view options) {
  return Writer().u16(6).text(options).take();
}

Bytes error(std::uint16_t code) {
  return Writer().u16(5).u16(code).text("no").u8(0).take();
}

Bytes ack(std::uint16_t block) {
  return Writer().u16(4).u16(block).take();
}

/// ScriptedPeer answers the n-th datagram with the n-th step: any number of packets, or silence.
class ScriptedPeer {
 public:
  using Step = std::vector<Bytes>;

  explicit ScriptedPeer(std::vector<Step> steps)
      : socket_(io_, udp::endpoint(asio::ip::address_v4::loopback(), 0)),
        transfer_(io_, udp::endpoint(asio::ip::address_v4::loopback(), 0)),
        steps_(std::move(steps)) {}

  /// get runs the client against the script.
  std::optional<Bytes> get(TftpLimits limits = {}) {
    std::exception_ptr failure;
    std::optional<Bytes> file;
    listen(socket_);
    listen(transfer_);
    auto client = tftp_get(socket_.local_endpoint(), "ITLFile.tlv", limits);
    asio::co_spawn(io_, std::move(client),
                   [&](const std::exception_ptr& thrown, std::optional<Bytes> result) {
                     failure = thrown;
                     file = std::move(result);
                     socket_.close();
                     transfer_.close();
                   });
    io_.run();
    if (failure) std::rethrow_exception(failure);
    return file;
  }

  const std::vector<Bytes>& received() const { return received_; }

 private:
  void listen(udp::socket& socket) {
    socket.async_receive_from(
        asio::buffer(in_), from_, [&](const boost::system::error_code& failed, std::size_t size) {
          if (failed) return;
          received_.emplace_back(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(size));
          if (next_ < steps_.size())
            for (const Bytes& packet : steps_[next_++])
              transfer_.send_to(asio::buffer(packet), from_);
          listen(socket);
        });
  }

  asio::io_context io_;
  udp::socket socket_;    ///< where requests go
  udp::socket transfer_;  ///< where the transfer lives, as TFTP wants it
  std::vector<Step> steps_;
  std::size_t next_ = 0;
  std::array<std::uint8_t, 2048> in_{};
  udp::endpoint from_;
  std::vector<Bytes> received_;
};

Code code_of(ScriptedPeer& peer, TftpLimits limits = {}) {
  try {
    peer.get(limits);
  } catch (const Error& thrown) {
    return thrown.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return Code::internal;
}

const std::string kOptions("blksize\0001428\000tsize\0001500\000", 24);

TEST(TftpClient, FetchesWithOptions) {
  ScriptedPeer peer({{oack(kOptions)}, {data(1, 1428)}, {data(2, 72)}});
  const std::optional<Bytes> file = peer.get();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 1500U);
  const std::string request("\0\001ITLFile.tlv\0octet\0blksize\0001428\0tsize\0000\0", 41);
  EXPECT_EQ(core::text_of(peer.received()[0]), request);
  EXPECT_EQ(peer.received()[1], ack(0));
  EXPECT_EQ(peer.received()[2], ack(1));
}

TEST(TftpClient, FetchesFromAServerWithoutOptions) {
  ScriptedPeer peer({{data(1, 512)}, {data(2, 512)}, {data(3, 0)}});
  EXPECT_EQ(peer.get(), Bytes(1024, 0x41));
}

TEST(TftpClient, TakesAMissingFileAsAbsence) {
  ScriptedPeer peer({{error(1)}});
  EXPECT_FALSE(peer.get());
}

TEST(TftpClient, AsksAgainAfterSilence) {
  ScriptedPeer peer({{}, {data(1, 512)}, {}, {data(2, 3)}});
  TftpLimits limits;
  limits.timeout = 20ms;
  EXPECT_EQ(peer.get(limits)->size(), 515U);
  EXPECT_EQ(peer.received()[0], peer.received()[1]);
  EXPECT_EQ(peer.received()[2], ack(1));
  EXPECT_EQ(peer.received()[3], ack(1));
}

TEST(TftpClient, PassesOverDuplicates) {
  ScriptedPeer peer({{data(1, 512, 1), data(1, 512, 1)}, {data(2, 1, 2)}});
  Bytes expected(512, 1);
  expected.push_back(2);
  EXPECT_EQ(peer.get(), expected);
}

TEST(TftpClient, GivesUpOnASilentServer) {
  ScriptedPeer peer({});
  TftpLimits limits;
  limits.timeout = 5ms;
  limits.attempts = 3;
  EXPECT_EQ(code_of(peer, limits), Code::io);
  EXPECT_EQ(peer.received().size(), 3U);
}

struct BadAnswer {
  const char* name;
  Bytes packet;
  Code code;
};

class TftpBadAnswer : public testing::TestWithParam<BadAnswer> {};

TEST_P(TftpBadAnswer, EndsTheTransfer) {
  ScriptedPeer peer({{GetParam().packet}});
  EXPECT_EQ(code_of(peer), GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(
    Rfc1350, TftpBadAnswer,
    testing::Values(BadAnswer{"OneByte", Bytes{0}, Code::malformed},
                    BadAnswer{"NoBlockNumber", Bytes{0, 3, 0}, Code::malformed},
                    BadAnswer{"UnknownOpcode", Bytes{0, 9, 0, 1}, Code::malformed},
                    BadAnswer{"TooLongABlock", data(1, 513), Code::malformed},
                    BadAnswer{"AccessViolation", error(2), Code::io},
                    BadAnswer{"OptionWithoutNul", oack("blksize"), Code::malformed},
                    BadAnswer{"OptionThatIsNoNumber", oack(std::string("blksize\0ten\0", 12)),
                              Code::malformed},
                    BadAnswer{"BlockSizeNotOffered", oack(std::string("blksize\0009000\0", 13)),
                              Code::malformed},
                    BadAnswer{"OptionNobodyAskedFor", oack(std::string("windowsize\0004\0", 13)),
                              Code::malformed}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(TftpClient, RefusesAFileThatIsNotTheSizeAnnounced) {
  ScriptedPeer peer({{oack(kOptions)}, {data(1, 1000)}});
  EXPECT_EQ(code_of(peer), Code::malformed);
}

TEST(TftpClient, RefusesAFileThatIsTooLong) {
  ScriptedPeer peer({{data(1, 512)}, {data(2, 512)}, {data(3, 512)}});
  TftpLimits limits;
  limits.max_bytes = 1024;
  EXPECT_EQ(code_of(peer, limits), Code::malformed);
}

}  // namespace
}  // namespace ringfence::fleet
