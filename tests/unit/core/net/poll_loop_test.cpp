// The loop of sockets and moments, and the sockets it is for.
#include "core/net/poll_loop.h"

#include <thread>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/net/udp_socket.h"
#include "tests/support/eventually.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using Clock = PollLoop::Clock;

const udp::endpoint kAnywhere(asio::ip::address_v4::loopback(), 0);

/// Listener writes down what the loop calls it for.
class Listener : public PollLoop::Waiter {
 public:
  void readable() override {
    Bytes bytes(2000);
    udp::endpoint from;
    const auto count = socket.receive(bytes, from);
    bytes.resize(count.value_or(0));
    received.push_back(bytes);
  }

  void overdue(Clock::time_point now) override {
    ++alarms;
    at = now;
  }

  UdpSocket socket{kAnywhere};
  std::vector<Bytes> received;
  int alarms = 0;
  Clock::time_point at;
};

class PollLoopTest : public testing::Test {
 protected:
  PollLoopTest() { loop.watch(listener.socket.descriptor(), listener); }

  PollLoop loop;
  Listener listener;
  UdpSocket sender{kAnywhere};
};

TEST_F(PollLoopTest, CallsWhoHasSomethingToReceive) {
  sender.send(bytes_of("one"), listener.socket.local());
  sender.send(bytes_of("two"), listener.socket.local());
  while (listener.received.size() < 2) loop.run_once();
  EXPECT_EQ(text_of(listener.received[0]), "one");
  EXPECT_EQ(text_of(listener.received[1]), "two");
}

TEST_F(PollLoopTest, CallsWhoseMomentHasComeAndOnceOnly) {
  const auto due = Clock::now() + 5ms;
  loop.wake_at(listener, due);
  while (listener.alarms == 0) loop.run_once();
  EXPECT_GE(listener.at, due);
  loop.post([] {});
  loop.run_once();
  EXPECT_EQ(listener.alarms, 1);
}

TEST_F(PollLoopTest, LetsAMomentBePutOffAndBroughtForward) {
  loop.wake_at(listener, Clock::now() + 1ms);
  const auto later = Clock::now() + 30ms;
  loop.wake_at(listener, later);
  while (listener.alarms == 0) loop.run_once();
  EXPECT_GE(listener.at, later);
  loop.wake_at(listener, Clock::now() + 1h);
  loop.wake_at(listener, Clock::now() + 1ms);
  while (listener.alarms == 1) loop.run_once();
  EXPECT_EQ(listener.alarms, 2);
}

TEST_F(PollLoopTest, ForgetsWhoIsUnwatched) {
  loop.wake_at(listener, Clock::now());
  sender.send(bytes_of("one"), listener.socket.local());
  loop.unwatch(listener);
  listener.socket = UdpSocket();
  bool posted = false;
  loop.post([&] { posted = true; });
  while (!posted) loop.run_once();
  EXPECT_TRUE(listener.received.empty());
  EXPECT_EQ(listener.alarms, 0);
}

TEST_F(PollLoopTest, RunsWhatOtherThreadsPost) {
  int sum = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 1000; ++turn) loop.post([&] { ++sum; });
    });
  }
  while (sum < 4000) loop.run_once();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 4000);
}

TEST(UdpSocket, RefusesAPortThatIsTaken) {
  const UdpSocket first(kAnywhere);
  try {
    const UdpSocket second(first.local());
    ADD_FAILURE() << "two have it";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::conflict);
  }
}

/// received returns so many datagrams that come to `socket`.
std::vector<Bytes> received(UdpSocket& socket, std::size_t count) {
  std::vector<Bytes> datagrams;
  Bytes buffer(70'000);
  udp::endpoint sender;
  test::eventually([&] {
    while (const auto bytes = socket.receive(buffer, sender))
      datagrams.emplace_back(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*bytes));
    return datagrams.size() >= count;
  });
  return datagrams;
}

TEST(UdpSocket, SendsManyDatagramsByOneCall) {
  UdpSocket from(kAnywhere);
  UdpSocket to(kAnywhere);
  Bytes all(30'000);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i / 1432);
  from.send_each(all, 1432, to.local());
  const std::vector<Bytes> pieces = received(to, 21);
  ASSERT_EQ(pieces.size(), 21U);
  for (std::size_t i = 0; i < 20; ++i)
    EXPECT_EQ(pieces[i], Bytes(1432, static_cast<std::uint8_t>(i)));
  EXPECT_EQ(pieces[20], Bytes(30'000 - 20 * 1432, 20));
}

TEST(UdpSocket, SendsOneByOneWhatTheSystemDoesNotCut) {
  UdpSocket from(kAnywhere);
  UdpSocket to(kAnywhere);
  const Bytes all(70'000, 7);  // more than one datagram of the system can be before it is cut
  from.send_each(all, 2000, to.local());
  EXPECT_EQ(received(to, 35), std::vector<Bytes>(35, Bytes(2000, 7)));
}

TEST(UdpSocket, SendsOneThatIsShort) {
  UdpSocket from(kAnywhere);
  UdpSocket to(kAnywhere);
  from.send_each(bytes_of("short"), 1000, to.local());
  EXPECT_EQ(received(to, 1), std::vector<Bytes>{Bytes({'s', 'h', 'o', 'r', 't'})});
  Bytes buffer(100);
  udp::endpoint sender;
  EXPECT_FALSE(to.receive(buffer, sender)) << "and does not wait for another";
}

}  // namespace
}  // namespace ringfence::core
