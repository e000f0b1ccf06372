// What a connection may hold in the kernel, and what becomes of one whose peer does not read.
#include "core/net/socket_buffers.h"

#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "core/net/listener.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;

TEST(BufferBytes, AreSharedByTheConnectionsOfAnAddress) {
  EXPECT_EQ(buffer_bytes({1, 1}), 64U * 1024);
  EXPECT_EQ(buffer_bytes({32, 512}), 64U * 1024);
  EXPECT_EQ(buffer_bytes({64, 64}), 32U * 1024);
  EXPECT_EQ(buffer_bytes({1, 2048}), 16U * 1024);
  EXPECT_EQ(buffer_bytes({5120, 16384}), 4U * 1024);
}

TEST(BufferBytes, OfManyConnectionsStayWithinMegabytes) {
  std::size_t one_host = 0;
  for (std::size_t i = 1; i <= 1024; ++i) one_host += buffer_bytes({i, i});
  EXPECT_LE(one_host, 10U << 20);
  std::size_t all = 0;
  for (std::size_t i = 1; i <= 4096; ++i) all += buffer_bytes({1, i});
  EXPECT_LE(all, 100U << 20);
}

/// Ended is how a connection ended that was written to until then.
struct Ended {
  std::size_t taken = 0;  ///< bytes that the kernel took
  error_code why;
};

/// A peer that never reads, and a handler that writes as long as it is let.
class StuckPeerTest : public testing::Test {
 protected:
  Task<void> pour(tcp::socket socket) {
    const Deadline deadline(socket, 10s);
    const std::string much(64 * 1024, 'x');
    Ended ended;
    while (!ended.why) {
      const auto out = asio::buffer(much);
      auto token = asio::redirect_error(asio::use_awaitable, ended.why);
      ended.taken += co_await socket.async_write_some(out, token);
    }
    ended_.set_value(ended);
  }

  std::promise<Ended> ended_;
  asio::io_context io_;
};

TEST_F(StuckPeerTest, HoldsLittleAndNotForLong) {
  TcpListener listener(io_, {asio::ip::address_v4::loopback(), 0}, {.stuck = 300ms}, "test",
                       [this](tcp::socket socket, Seat&) { return pour(std::move(socket)); });
  std::thread running([this] { io_.run(); });
  asio::io_context client;
  tcp::socket socket(client);
  socket.open(tcp::v4());
  socket.set_option(asio::socket_base::receive_buffer_size(2048));
  socket.connect(listener.endpoint());
  const Ended ended = ended_.get_future().get();
  EXPECT_EQ(ended.why, asio::error::timed_out) << "it went on to its deadline";
  EXPECT_LE(ended.taken, 256U * 1024);
  listener.close();
  running.join();
}

}  // namespace
}  // namespace ringfence::core
