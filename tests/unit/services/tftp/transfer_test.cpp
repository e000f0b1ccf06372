// The server with a file in memory: windows to an independent client, and who waits for a place.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "services/tftp/server.h"
#include "tests/support/command.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::tftp {
namespace {

namespace asio = core::asio;
using core::Bytes;
using core::BytesView;
using namespace std::chrono_literals;

/// MemorySource has one file, "large", at hand or only to be found.
class MemorySource final : public Source {
 public:
  MemorySource() {
    Content content;
    for (std::size_t i = 0; i < 300'000; ++i)
      content.bytes.push_back(static_cast<std::uint8_t>(i * i >> 7U));
    content_ = std::make_shared<const Content>(std::move(content));
  }

  const Bytes& bytes() const { return content_->bytes; }

  std::optional<File> at_hand(std::string_view name) override {
    return name == "large" && is_at_hand ? std::optional(File{content_, ""}) : std::nullopt;
  }

  Found find(std::string_view name) override {
    if (name != "large") return {};
    return {File{content_, ""}, {}};
  }

  File sign(const Unsigned&) override { return {content_, ""}; }

  std::atomic<bool> is_at_hand = true;

 private:
  std::shared_ptr<const Content> content_;
};

/// Client speaks packet by packet.
class Client {
 public:
  explicit Client(const core::udp::endpoint& server) : server_(server) {
    ask_for("blksize|512|windowsize|8|");
  }

  void ask_for(const std::string& options) {
    request_ = {0, 1, 'l', 'a', 'r', 'g', 'e', 0, 'o', 'c', 't', 'e', 't', 0};
    for (const char c : options)
      request_.push_back(c == '|' ? std::uint8_t{0} : static_cast<std::uint8_t>(c));
  }

  void ask() { socket_.send(request_, server_); }

  void acknowledge(std::uint16_t block) {
    const Bytes packet = {0, 4, static_cast<std::uint8_t>(block >> 8U),
                          static_cast<std::uint8_t>(block)};
    socket_.send(packet, from_);
  }

  /// receive waits up to 20 seconds; empty when nothing came.
  Bytes receive() {
    Bytes bytes(2000);
    std::optional<std::size_t> count;
    test::eventually([&] {
      count = socket_.receive(bytes, from_);
      return count.has_value();
    });
    bytes.resize(count.value_or(0));
    return bytes;
  }

  bool has_received() {
    Bytes bytes(2000);
    return socket_.receive(bytes, from_).has_value();
  }

  /// fetch_rest acknowledges `window` blocks at a time until the file is whole; what comes again,
  /// since this machine was slow, is passed over.
  Bytes fetch_rest(std::size_t window) {
    Bytes content;
    acknowledge(0);
    std::uint16_t block = 1;
    while (true) {
      const Bytes packet = receive();
      if (packet.size() < 4) return {};
      if ((packet[2] << 8 | packet[3]) != block) continue;
      content.insert(content.end(), packet.begin() + 4, packet.end());
      const bool last = packet.size() < 516;
      if (last || block % window == 0) acknowledge(block);
      if (last) return content;
      ++block;
    }
  }

  void give_up() { socket_.send(error_packet(Failure::undefined, "enough"), from_); }

 private:
  core::udp::endpoint server_;
  core::UdpSocket socket_{{asio::ip::address_v4::loopback(), 0}};
  core::udp::endpoint from_;
  Bytes request_;
};

class TransferTest : public testing::Test {
 protected:
  void start(Bounds bounds) {
    server =
        std::make_unique<Server>(io, pools, source, fetches, clock,
                                 core::udp::endpoint(asio::ip::address_v4::loopback(), 0), bounds);
    running = std::thread([this] { io.run(); });
  }

  void TearDown() override {
    server->close();
    running.join();
    pool.join();
  }

  std::uint64_t counted(const char* what) const { return server->counters().at(what).as_uint64(); }

  test::TemporaryFolder folder;
  core::Database journal{folder / "tftp.db", core::Schema::tftp, core::Access::read_write};
  core::Database admin{folder / "admin.db", core::Schema::admin, core::Access::read_write};
  FetchLog fetches{journal, admin};
  core::SystemClock clock;
  MemorySource source;
  asio::io_context io;
  asio::thread_pool pool{1};
  core::SigningPool handshakes;
  core::SigningPool signing;
  const Pools pools{pool, handshakes, signing};
  std::unique_ptr<Server> server;
  std::thread running;
};

TEST_F(TransferTest, SendsWindowsToAClientThatKnowsThem) {
  start({});
  Client client(server->endpoint());
  client.ask();
  EXPECT_EQ(core::text_of(client.receive()),
            std::string("\0\6blksize\000512\0windowsize\0008\0", 27));
  EXPECT_EQ(client.fetch_rest(8), source.bytes());
  EXPECT_TRUE(test::eventually([&] { return counted("completed") == 1; }));
}

TEST_F(TransferTest, SendsItsLargestWindowsOfAFileThatIsNotAtHand) {
  start({});
  source.is_at_hand = false;
  Client client(server->endpoint());
  client.ask_for("blksize|512|windowsize|64|");
  client.ask();
  client.receive();
  EXPECT_EQ(client.fetch_rest(64), source.bytes());
}

TEST_F(TransferTest, SendsWindowsToAtftp) {
  start({});
  const std::string port = std::to_string(server->endpoint().port());
  const auto whole = folder / "whole";
  for (const std::string block : {"512", "1428"}) {
    const test::Result ran =
        test::run({"atftp", "--option", "blksize " + block, "--option", "windowsize 16", "--get",
                   "--remote-file", "large", "--local-file", whole.string(), "127.0.0.1", port});
    if (ran.status == 127) GTEST_SKIP() << "atftp is not here";
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(core::read_file(whole, 1 << 20), source.bytes()) << block;
    std::filesystem::remove(whole);
  }
}

TEST_F(TransferTest, GoesOnBehindTheLastBlockOfAWindowThatArrived) {
  start({});
  Client client(server->endpoint());
  client.ask();
  client.receive();
  client.acknowledge(0);
  Bytes first;
  for (int i = 0; i < 8; ++i) first = client.receive();
  client.acknowledge(3);
  EXPECT_EQ(core::to_hex(BytesView(client.receive()).first(4)), "00030004");
}

TEST_F(TransferTest, KeepsARequestUntilAnotherOfItsAddressHasEnded) {
  Bounds bounds;
  bounds.transfers.per_address = 1;
  bounds.late_time = std::chrono::minutes(1);
  start(bounds);
  Client first(server->endpoint());
  first.ask();
  first.receive();
  Client second(server->endpoint());
  second.ask();
  ASSERT_TRUE(test::eventually([&] { return counted("requests") == 2; }));
  first.give_up();
  EXPECT_FALSE(second.receive().empty()) << "it has asked once";
  EXPECT_EQ(second.fetch_rest(8), source.bytes());
  EXPECT_EQ(counted("dropped"), 0U);
}

TEST_F(TransferTest, KeepsOnlySoManyRequestsOfOneAddress) {
  Bounds bounds;
  bounds.transfers.per_address = 1;
  bounds.late_time = std::chrono::minutes(1);
  bounds.late_per_address = 1;
  start(bounds);
  Client first(server->endpoint());
  first.ask();
  first.receive();
  Client second(server->endpoint());
  second.ask();
  ASSERT_TRUE(test::eventually([&] { return counted("requests") == 2; }));
  Client third(server->endpoint());
  third.ask();
  EXPECT_TRUE(test::eventually([&] { return counted("dropped") == 1; }));
  first.give_up();
  EXPECT_FALSE(second.receive().empty());
  EXPECT_EQ(second.fetch_rest(8), source.bytes());
}

TEST_F(TransferTest, DropsARequestForWhichNobodyEnds) {
  Bounds bounds;
  bounds.transfers.per_address = 1;
  start(bounds);
  Client first(server->endpoint());
  first.ask();
  first.receive();
  Client second(server->endpoint());
  second.ask();
  EXPECT_TRUE(test::eventually([&] { return counted("dropped") == 1; }));
  EXPECT_EQ(first.fetch_rest(8), source.bytes());
  EXPECT_FALSE(second.has_received());
}

TEST_F(TransferTest, FailsToListenWhereSomebodyDoes) {
  start({});
  try {
    const Server another(io, pools, source, fetches, clock, server->endpoint());
    ADD_FAILURE() << "two listen";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::conflict);
    EXPECT_NE(std::string(error.what()).find("tftp cannot listen on 127.0.0.1:"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace ringfence::services::tftp
