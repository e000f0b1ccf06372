// Listeners, deadlines, the pool, and what shutting down does to them.
#include "core/net/listener.h"

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <future>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/net/daemon.h"
#include "core/net/run.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;

const tcp::endpoint kAnywhere(asio::ip::address_v4::loopback(), 0);

Task<void> echo(tcp::socket socket, Seat& seat) {
  std::string line;
  Deadline deadline(socket, 10s);
  auto buffer = asio::dynamic_buffer(line, 64);
  while (true) {
    const std::size_t count =
        co_await asio::async_read_until(socket, buffer, '\n', asio::use_awaitable);
    seat.heard(Seat::Stage::settled);
    const auto sent = asio::buffer(line.data(), count);
    co_await asio::async_write(socket, sent, asio::use_awaitable);
    line.erase(0, count);
  }
}

Task<void> impatient(tcp::socket socket, Seat&) {
  const Deadline deadline(socket, 30ms);
  char c = 0;
  error_code failed;
  auto token = asio::redirect_error(asio::use_awaitable, failed);
  const auto buffer = asio::buffer(&c, 1);
  co_await socket.async_read_some(buffer, token);
  EXPECT_TRUE(deadline.expired());
}

Task<void> patient(tcp::socket socket, Seat&) {
  Deadline deadline(socket, 50ms);
  deadline.extend(1h);
  asio::steady_timer timer(socket.get_executor(), 120ms);
  co_await timer.async_wait(asio::use_awaitable);
  EXPECT_FALSE(deadline.expired());
  const auto goodbye = asio::buffer("x", 1);
  co_await asio::async_write(socket, goodbye, asio::use_awaitable);
}

Task<void> thrower(tcp::socket socket, Seat&) {
  const std::string peer = peer_text(socket);
  EXPECT_EQ(peer.rfind("127.0.0.1:", 0), 0U);
  throw Error(Code::malformed, "a message that cannot be");
  co_return;
}

/// Running runs an io_context on three threads until it has nothing left to do.
class ListenerTest : public testing::Test {
 protected:
  void TearDown() override {
    for (std::thread& thread : threads) thread.join();
  }

  void run() {
    for (int i = 0; i < 3; ++i) threads.emplace_back([this] { io.run(); });
  }

  tcp::socket connected(const TcpListener& listener, const std::string& from = "127.0.0.1") {
    tcp::socket socket(client, tcp::endpoint(asio::ip::make_address(from), 0));
    socket.connect(listener.endpoint());
    return socket;
  }

  static std::string talk(tcp::socket& socket, std::string line) {
    asio::write(socket, asio::buffer(line));
    asio::read(socket, asio::buffer(line));
    return line;
  }

  static bool closed_by_peer(tcp::socket& socket) {
    char c = 0;
    error_code failed;
    asio::read(socket, asio::buffer(&c, 1), failed);
    return failed == asio::error::eof || failed == asio::error::connection_reset;
  }

  asio::io_context client;
  asio::io_context io;
  std::vector<std::thread> threads;
};

TEST_F(ListenerTest, ServesManyWhileOthersAreSilent) {
  TcpListener listener(io, kAnywhere, {}, "test", echo);
  run();
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 50; ++i) silent.push_back(connected(listener));
  for (int i = 0; i < 20; ++i) {
    tcp::socket socket = connected(listener);
    EXPECT_EQ(talk(socket, "hello\n"), "hello\n");
  }
  listener.close();
}

TEST_F(ListenerTest, ClosingEndsTheConnectionsToo) {
  TcpListener listener(io, kAnywhere, {}, "test", echo);
  run();
  tcp::socket socket = connected(listener);
  EXPECT_EQ(talk(socket, "hello\n"), "hello\n");
  listener.close();
  EXPECT_TRUE(closed_by_peer(socket));
}

TEST_F(ListenerTest, ClosingEndsAConnectionThatIsJustBeginning) {
  for (int round = 0; round < 300; ++round) {
    asio::io_context busy;
    TcpListener listener(busy, kAnywhere, {}, "test", echo);
    std::vector<std::thread> running;
    for (int i = 0; i < 2; ++i) running.emplace_back([&] { busy.run(); });
    tcp::socket socket = connected(listener);
    while (listener.connections() == 0) std::this_thread::yield();
    const auto closed = std::chrono::steady_clock::now();
    listener.close();
    for (std::thread& thread : running) thread.join();
    ASSERT_LT(std::chrono::steady_clock::now() - closed, 5s) << "it went on to its deadline";
  }
}

TEST_F(ListenerTest, RefusesAPortThatIsTaken) {
  TcpListener listener(io, kAnywhere, {}, "test", echo);
  try {
    const TcpListener second(io, listener.endpoint(), {}, "test", echo);
    ADD_FAILURE() << "two listeners on one port";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::conflict);
  }
  listener.close();
  run();
}

TEST_F(ListenerTest, ClosesWhatIsAboveItsLimits) {
  Limits limits;
  limits.connections = 2;
  TcpListener listener(io, kAnywhere, limits, "test", echo);
  run();
  tcp::socket first = connected(listener);
  tcp::socket second = connected(listener);
  EXPECT_EQ(talk(first, "a\n"), "a\n");
  EXPECT_EQ(talk(second, "b\n"), "b\n");
  EXPECT_EQ(listener.connections(), 2U);
  tcp::socket third = connected(listener);
  EXPECT_TRUE(closed_by_peer(third));
  EXPECT_EQ(talk(first, "c\n"), "c\n");
  listener.close();
}

TEST_F(ListenerTest, ClosesWhatIsAboveTheLimitOfAnAddress) {
  Limits limits;
  limits.per_address = 1;
  TcpListener listener(io, kAnywhere, limits, "test", echo);
  run();
  tcp::socket first = connected(listener);
  EXPECT_EQ(talk(first, "a\n"), "a\n");
  tcp::socket second = connected(listener);
  EXPECT_TRUE(closed_by_peer(second));
  tcp::socket other = connected(listener, "127.0.0.2");
  EXPECT_EQ(talk(other, "b\n"), "b\n");
  listener.close();
}

TEST_F(ListenerTest, SeatsANewcomerThoughGreedyOnesHoldEverything) {
  constexpr std::size_t kPlaces = 200;
  TcpListener listener(io, kAnywhere, {.connections = kPlaces, .per_address = 100}, "test", echo);
  run();
  tcp::socket working = connected(listener, "127.0.0.9");
  EXPECT_EQ(talk(working, "a\n"), "a\n");
  std::vector<tcp::socket> silent;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    silent.push_back(connected(listener, i % 2 == 0 ? "127.0.0.2" : "127.0.0.3"));
  }
  while (listener.connections() < kPlaces) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) {
    tcp::socket newcomer = connected(listener, "127.0.0.4");
    EXPECT_EQ(talk(newcomer, "b\n"), "b\n");
  }
  EXPECT_EQ(talk(working, "c\n"), "c\n");
  EXPECT_TRUE(closed_by_peer(silent.front())) << "the idlest gave way";
  EXPECT_LE(listener.connections(), kPlaces + 50);
  listener.close();
}

TEST_F(ListenerTest, WhatAHandlerThrowsEndsItsConnectionAlone) {
  TcpListener listener(io, kAnywhere, {}, "test", thrower);
  run();
  for (int i = 0; i < 3; ++i) {
    tcp::socket socket = connected(listener);
    EXPECT_TRUE(closed_by_peer(socket));
  }
  listener.close();
}

TEST_F(ListenerTest, ADeadlineClosesASilentPeer) {
  TcpListener listener(io, kAnywhere, {}, "test", impatient);
  run();
  tcp::socket socket = connected(listener);
  EXPECT_TRUE(closed_by_peer(socket));
  listener.close();
}

TEST_F(ListenerTest, AnExtendedDeadlineLetsThePeerLive) {
  TcpListener listener(io, kAnywhere, {}, "test", patient);
  run();
  tcp::socket socket = connected(listener);
  char c = 0;
  asio::read(socket, asio::buffer(&c, 1));
  EXPECT_EQ(c, 'x');
  listener.close();
}

/// listening_socket finds the descriptor that listens on `port`.
int listening_socket(std::uint16_t port) {
  for (int fd = 3; fd < 1024; ++fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    int listening = 0;
    socklen_t length = sizeof listening;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || listening == 0)
      continue;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
        ntohs(address.sin_port) == port)
      return fd;
  }
  return -1;
}

TEST_F(ListenerTest, DoesNotSpinWhenAcceptingFailsForAnyReason) {
  TcpListener listener(io, kAnywhere, {}, "test", echo);
  const int fd = listening_socket(listener.endpoint().port());
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::shutdown(fd, SHUT_RDWR), 0);  // from now on accept says EINVAL
  testing::internal::CaptureStderr();
  const std::size_t handlers = io.run_for(500ms);
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_LT(handlers, 100U);
  const auto first = lines.find("TEST_ACCEPT_FAILED");
  EXPECT_NE(first, std::string::npos) << lines;
  EXPECT_EQ(lines.find("TEST_ACCEPT_FAILED", first + 1), std::string::npos) << lines;
  listener.close();
  io.run();
}

Task<std::thread::id> thread_of(asio::thread_pool& pool) {
  auto work = [] { return std::this_thread::get_id(); };
  const std::thread::id there = co_await run_on(pool, work);
  co_return there;
}

Task<void> failing(asio::thread_pool& pool) {
  auto work = [] { throw Error(Code::io, "disk is gone"); };
  co_await run_on(pool, work);
}

TEST(RunOn, WorksOnThePoolAndComesBack) {
  asio::io_context io;
  asio::thread_pool pool(1);
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id there;
  asio::co_spawn(io, thread_of(pool), [&](const std::exception_ptr& failure, std::thread::id id) {
    EXPECT_FALSE(failure);
    EXPECT_TRUE(std::this_thread::get_id() == here);
    there = id;
  });
  io.run();
  EXPECT_FALSE(there == here);
  EXPECT_FALSE(there == std::thread::id());
}

TEST(RunOn, RethrowsWhatTheWorkThrew) {
  asio::io_context io;
  asio::thread_pool pool(1);
  auto ended = asio::co_spawn(io, failing(pool), asio::use_future);
  io.run();
  EXPECT_THROW(ended.get(), Error);
}

int daemon(std::vector<std::string> arguments,
           const std::function<void(const DaemonOptions&)>& body) {
  arguments.insert(arguments.begin(), "test-daemon");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return daemon_main(static_cast<int>(argv.size()), argv.data(), "test-daemon", body);
}

TEST(DaemonMain, AnswersWrongArgumentsWithTwoAndFailuresWithOne) {
  const auto nothing = [](const DaemonOptions&) {};
  EXPECT_EQ(daemon({}, nothing), 2);
  EXPECT_EQ(daemon({"--state", "/tmp", "--color"}, nothing), 2);
  EXPECT_EQ(daemon({"--version"}, nothing), 0);
  EXPECT_EQ(daemon({"--state", "/tmp"}, nothing), 0);
  EXPECT_EQ(daemon({"--state", "/tmp"}, [](const auto&) { throw Error(Code::io, "no"); }), 1);
}

TEST(DaemonMain, RaisesTheFileLimitAndForbidsDumps) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_max, 256);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  rlimit files{};
  rlimit core{};
  int dumpable = 1;
  const int status = daemon({"--state", "/tmp"}, [&](const DaemonOptions&) {
    ::getrlimit(RLIMIT_NOFILE, &files);
    ::getrlimit(RLIMIT_CORE, &core);
    dumpable = ::prctl(PR_GET_DUMPABLE);
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(files.rlim_cur, std::min<rlim_t>(before.rlim_max, 65'536));
  EXPECT_EQ(core.rlim_max, 0U);
  EXPECT_EQ(dumpable, 0);
}

TEST(DaemonMainDeathTest, EndsWithOneWhenAHandlerFails) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto body = [](const DaemonOptions&) {
    asio::io_context io;
    asio::post(io, [] { throw Error(Code::internal, "a bug in a handler"); });
    run_until_stopped(io, 2, [] {});
  };
  EXPECT_EXIT(std::exit(daemon({"--state", "/tmp"}, body)), testing::ExitedWithCode(1),
              "HANDLER_FAILED.*a bug in a handler");
}

TEST(DaemonMain, StopsItsConnectionsWhenTheSignalComes) {
  bool came_back = false;
  const int status = daemon({"--state", "/tmp"}, [&](const DaemonOptions& options) {
    EXPECT_EQ(options.state, "/tmp");
    asio::io_context io;
    TcpListener listener(io, kAnywhere, {}, "test", echo);
    tcp::socket client(io);
    client.connect(listener.endpoint());
    std::raise(SIGTERM);
    run_until_stopped(io, 2, [&] { listener.close(); });
    came_back = true;
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(came_back);
}

}  // namespace
}  // namespace ringfence::core
