// TLS handshakes that wait for a signature, and everything else that must not.
#include "core/net/signing_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/base/error.h"
#include "core/crypto/handles.h"
#include "tests/support/eventually.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;
using boost::system::system_error;
using test::eventually;
using TlsContext = Handle<SSL_CTX, SSL_CTX_free>;
using Tls = Handle<SSL, SSL_free>;

const tcp::endpoint kAnywhere(asio::ip::address_v4::loopback(), 0);

/// Gate is where handshakes wait just before they sign, as they do for a signer that hangs.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++came_;
    opened_.wait(lock, [this] { return open_; });
  }

  void close() { set(false); }

  void open() { set(true); }

  std::size_t came() const {
    const std::lock_guard lock(mutex_);
    return came_;
  }

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    opened_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = true;
  std::size_t came_ = 0;
};

int wait_at_gate(SSL*, void* gate) {
  static_cast<Gate*>(gate)->pass();
  return 1;
}

/// certified returns a server context with a new P-256 key whose use waits at `gate`.
std::shared_ptr<asio::ssl::context> certified(Gate& gate) {
  const EvpPkey key(EVP_EC_gen("P-256"));
  const X509Cert certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  EXPECT_EQ(SSL_CTX_use_certificate(native, certificate.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(native, key.get()), 1);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_cert_cb(native, wait_at_gate, &gate);
  return context;
}

/// Client is a TLS client over memory, so that a test sends its bytes as it likes.
class Client {
 public:
  explicit Client(const tcp::endpoint& server, int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method())), tls_(SSL_new(context_.get())) {
    SSL_set_min_proto_version(tls_.get(), version);
    SSL_set_max_proto_version(tls_.get(), version);
    SSL_set_bio(tls_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(tls_.get());
    socket.connect(server);
  }

  /// begin sends the first message and nothing more.
  void begin() {
    EXPECT_EQ(SSL_do_handshake(tls_.get()), -1);
    send();
  }

  /// finish shakes hands to the end; the last bytes wait to be sent.
  void finish() {
    int result = 0;
    while ((result = SSL_do_handshake(tls_.get())) != 1) {
      ASSERT_EQ(SSL_get_error(tls_.get(), result), SSL_ERROR_WANT_READ);
      send();
      ASSERT_TRUE(receive());
    }
  }

  void connect() {
    finish();
    send();
  }

  void write(std::string_view text) {
    SSL_write(tls_.get(), text.data(), static_cast<int>(text.size()));
  }

  /// send sends what is ready, in pieces of at most `piece` bytes.
  void send(std::size_t piece = 65536) {
    char* bytes = nullptr;
    BIO* const output = SSL_get_wbio(tls_.get());
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(output, &bytes));
    for (std::size_t at = 0; at < size; at += piece) {
      asio::write(socket, asio::buffer(bytes + at, std::min(piece, size - at)));
    }
    BIO_reset(output);
  }

  /// read returns the server's next text, empty when it closes instead.
  std::string read() {
    std::array<char, 256> text{};
    int size = 0;
    while ((size = SSL_read(tls_.get(), text.data(), text.size())) <= 0) {
      if (SSL_get_error(tls_.get(), size) != SSL_ERROR_WANT_READ || !receive()) return {};
    }
    return {text.data(), static_cast<std::size_t>(size)};
  }

  std::string talk(std::string_view text) {
    write(text);
    send();
    return read();
  }

  /// closed waits until the server ends the connection.
  bool closed() {
    while (receive()) continue;
    return true;
  }

 private:
  bool receive() {
    std::array<char, 16384> bytes{};
    error_code failed;
    const std::size_t count = socket.read_some(asio::buffer(bytes), failed);
    if (failed) return false;
    BIO_write(SSL_get_rbio(tls_.get()), bytes.data(), static_cast<int>(count));
    return true;
  }

  asio::io_context io_;
  TlsContext context_;
  Tls tls_;

 public:
  tcp::socket socket{io_};
};

/// Ends are how conversations ended: a text each.
class Ends {
 public:
  void add(std::string end) {
    const std::lock_guard lock(mutex_);
    ends_.push_back(std::move(end));
  }

  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> ends_;
};

class SigningPoolTest : public testing::Test {
 protected:
  static constexpr std::size_t kThreads = 4;

  ~SigningPoolTest() override {
    gate.open();
    if (listener) listener->close();
    if (pool) pool->close();
    for (std::thread& thread : threads) thread.join();
  }

  /// serve starts a TLS server that says back what it hears, on two io threads.
  void serve(SigningPool::Bounds bounds = {kThreads, 100},
             std::chrono::steady_clock::duration after = 30s) {
    patience = after;
    pool = std::make_unique<SigningPool>(bounds);
    const auto handler = [this](tcp::socket socket, Seat&) { return echo(std::move(socket)); };
    listener = std::make_unique<TcpListener>(io, kAnywhere, Limits{}, "test", handler);
    for (int i = 0; i < 2; ++i) threads.emplace_back([this] { io.run(); });
  }

  Task<void> echo(tcp::socket socket) {
    try {
      const SigningPool::Choose choose = [this] { return context; };
      auto shaken = pool->shake_hands(std::move(socket), choose, patience);
      TlsStream stream = co_await std::move(shaken);
      std::array<char, 256> text{};
      while (true) {
        const auto room = asio::buffer(text);
        const std::size_t count = co_await stream.async_read_some(room, asio::use_awaitable);
        const auto said = asio::buffer(text, count);
        co_await asio::async_write(stream, said, asio::use_awaitable);
      }
    } catch (const system_error& error) {
      ends.add(error.code().message());
      throw;
    }
  }

  std::unique_ptr<Client> begun() {
    auto client = std::make_unique<Client>(listener->endpoint());
    client->begin();
    return client;
  }

  Gate gate;
  std::shared_ptr<asio::ssl::context> context = certified(gate);
  Ends ends;
  std::chrono::steady_clock::duration patience{};
  asio::io_context io;
  std::unique_ptr<SigningPool> pool;
  std::unique_ptr<TcpListener> listener;
  std::vector<std::thread> threads;
};

TEST_F(SigningPoolTest, LetsOthersGoOnWhileEveryThreadWaitsForASignature) {
  serve();
  Client inside(listener->endpoint());
  inside.connect();
  EXPECT_EQ(inside.talk("before"), "before");
  gate.close();
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < 5 * kThreads; ++i) clients.push_back(begun());
  ASSERT_TRUE(eventually([&] { return pool->waiting() == clients.size(); }));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(inside.talk("meanwhile"), "meanwhile");
  EXPECT_EQ(pool->waiting(), clients.size());
  gate.open();
  for (const auto& client : clients) {
    client->connect();
    EXPECT_EQ(client->talk("after"), "after");
  }
  EXPECT_EQ(pool->waiting(), 0U);
}

TEST_F(SigningPoolTest, LosesNothingThatFollowsTheHandshakeAtOnce) {
  serve();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(listener->endpoint(), version);
    client.finish();
    client.write("in one");
    client.send();
    EXPECT_EQ(client.read(), "in one");
  }
}

TEST_F(SigningPoolTest, UnderstandsAPeerThatSendsByteByByte) {
  serve();
  Client client(listener->endpoint());
  client.socket.set_option(tcp::no_delay(true));
  client.begin();
  client.finish();
  client.send(1);
  EXPECT_EQ(client.talk("slow"), "slow");
}

TEST_F(SigningPoolTest, ShutsDownWhoIsSilentOrWaitsForASignatureTooLong) {
  serve({kThreads, 100}, 500ms);
  gate.close();
  Client silent(listener->endpoint());
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < 2 * kThreads; ++i) clients.push_back(begun());
  EXPECT_TRUE(silent.closed());
  for (const auto& client : clients) EXPECT_TRUE(client->closed());
  const std::size_t hang = gate.came();
  EXPECT_GT(hang, 0U);
  EXPECT_LE(hang, kThreads);
  gate.open();
  ASSERT_TRUE(eventually([&] { return ends.all().size() == 2 * kThreads + 1; }));
  EXPECT_EQ(gate.came(), hang) << "nobody signs for who is gone";
  EXPECT_THAT(ends.all(), testing::Each("Connection timed out"));
}

TEST_F(SigningPoolTest, RefusesMoreThanMayWait) {
  serve({1, 1});
  gate.close();
  const auto first = begun();
  ASSERT_TRUE(eventually([&] { return gate.came() == 1; }));
  const auto second = begun();
  ASSERT_TRUE(eventually([&] { return pool->waiting() == 2; }));
  testing::internal::CaptureStderr();
  const auto third = begun();
  EXPECT_TRUE(third->closed());
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_THAT(lines, testing::HasSubstr("TLS_BUSY peer=127.0.0.1 "));
  EXPECT_TRUE(eventually([&] { return !ends.all().empty(); }));
  EXPECT_THAT(ends.all(), testing::ElementsAre("Connection refused"));
  gate.open();
  first->connect();
  second->connect();
  EXPECT_EQ(first->talk("first"), "first");
  EXPECT_EQ(second->talk("second"), "second");
}

TEST_F(SigningPoolTest, GivesEachPeerItsTurn) {
  serve({1, 100});
  const auto greedy = asio::ip::make_address("10.0.0.1");
  const auto honest = asio::ip::make_address("10.0.0.2");
  std::promise<void> open;
  auto hold = [gate = open.get_future().share()] { gate.wait(); };
  auto add_greedy = [this] { ends.add("greedy"); };
  auto add_honest = [this] { ends.add("honest"); };
  std::vector<std::future<void>> all;
  all.push_back(asio::co_spawn(io, pool->run(hold, greedy), asio::use_future));
  ASSERT_TRUE(eventually([&] { return pool->waiting() == 1; }));
  for (int i = 0; i < 20; ++i)
    all.push_back(asio::co_spawn(io, pool->run(add_greedy, greedy), asio::use_future));
  ASSERT_TRUE(eventually([&] { return pool->waiting() == 21; }));
  all.push_back(asio::co_spawn(io, pool->run(add_honest, honest), asio::use_future));
  ASSERT_TRUE(eventually([&] { return pool->waiting() == 22; }));
  open.set_value();
  for (std::future<void>& one : all) one.get();
  const auto order = ends.all();
  ASSERT_EQ(order.size(), 21U);
  EXPECT_LE(std::find(order.begin(), order.end(), "honest") - order.begin(), 2);
}

TEST_F(SigningPoolTest, TheLongestLinePaysForANewcomerWhenAllPlacesAreTaken) {
  serve({1, 3});
  const auto greedy = asio::ip::make_address("10.0.0.1");
  const auto honest = asio::ip::make_address("10.0.0.2");
  std::promise<void> open;
  std::atomic<bool> holds = false;
  auto hold = [&holds, gate = open.get_future().share()] {
    holds = true;
    gate.wait();
  };
  auto nothing = [] {};
  std::vector<std::future<void>> all;
  all.push_back(asio::co_spawn(io, pool->run(hold, greedy), asio::use_future));
  ASSERT_TRUE(eventually([&] { return holds.load(); }));
  for (int i = 0; i < 3; ++i)
    all.push_back(asio::co_spawn(io, pool->run(nothing, greedy), asio::use_future));
  ASSERT_TRUE(eventually([&] { return pool->waiting() == 4; }));
  auto last = asio::co_spawn(io, pool->run(nothing, honest), asio::use_future);
  ASSERT_TRUE(eventually([&] {
    return std::any_of(all.begin(), all.end(), [](const std::future<void>& one) {
      return one.wait_for(0s) == std::future_status::ready;
    });
  }));
  open.set_value();
  EXPECT_NO_THROW(last.get());
  int refused = 0;
  for (std::future<void>& one : all) {
    try {
      one.get();
    } catch (const system_error& error) {
      EXPECT_EQ(error.code(), asio::error::connection_refused);
      ++refused;
    }
  }
  EXPECT_EQ(refused, 1);
}

TEST_F(SigningPoolTest, EndsWithTheSignatureAtHandWhenItIsClosed) {
  serve({1, 100});
  gate.close();
  const auto first = begun();
  ASSERT_TRUE(eventually([&] { return gate.came() == 1; }));
  const auto second = begun();
  const auto third = begun();
  Client silent(listener->endpoint());
  ASSERT_TRUE(eventually([&] { return pool->waiting() == 3 && listener->connections() == 4; }));
  listener->close();
  pool->close();
  gate.open();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  EXPECT_EQ(gate.came(), 1U) << "it waits for one signature, not for all";
  EXPECT_EQ(listener->connections(), 0U);
  EXPECT_TRUE(first->closed());
  EXPECT_TRUE(third->closed());
}

TEST_F(SigningPoolTest, EndsWhatIsNoTlsWithAnAlert) {
  serve();
  Client client(listener->endpoint());
  asio::write(client.socket, asio::buffer("\x17\x03\x03\x00\x01x", 6));
  std::array<unsigned char, 7> alert{};
  asio::read(client.socket, asio::buffer(alert));
  EXPECT_THAT(alert, testing::ElementsAre(21, 3, testing::_, 0, 2, 2, 10)) << "unexpected message";
  EXPECT_TRUE(client.closed());
  Client gone(listener->endpoint());
  gone.begin();
  gone.socket.close();
  ASSERT_TRUE(eventually([&] { return ends.all().size() == 2; }));
  EXPECT_THAT(ends.all().front(), testing::HasSubstr("(SSL routines)"));
}

TEST_F(SigningPoolTest, RunsWorkUntilItIsClosed) {
  serve();
  auto add = [this] {
    ends.add("done");
    return 7;
  };
  auto first = asio::co_spawn(io, pool->run(add, asio::ip::address()), asio::use_future);
  EXPECT_EQ(first.get(), 7);
  pool->close();
  auto second = asio::co_spawn(io, pool->run(add, asio::ip::address()), asio::use_future);
  EXPECT_THROW(second.get(), system_error);
  EXPECT_THAT(ends.all(), testing::ElementsAre("done"));
}

}  // namespace
}  // namespace ringfence::core
