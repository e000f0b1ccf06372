// TLS over a socket's descriptor, with a real peer of OpenSSL's.
#include "core/net/tls_stream.h"

#include <future>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "core/base/bytes.h"
#include "core/net/listener.h"
#include "core/net/signing_pool.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;

std::shared_ptr<asio::ssl::context> certified() {
  const EvpPkey key(EVP_EC_gen("P-256"));
  const X509Cert certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  EXPECT_EQ(SSL_CTX_use_certificate(context->native_handle(), certificate.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context->native_handle(), key.get()), 1);
  SSL_CTX_set_num_tickets(context->native_handle(), 0);
  return context;
}

/// Peer is the other end: blocking, asio's own stream.
class Peer {
 public:
  explicit Peer(const tcp::endpoint& server) {
    stream.next_layer().connect(server);
    stream.handshake(asio::ssl::stream_base::client);
  }

  asio::io_context io;
  asio::ssl::context context{asio::ssl::context::tls_client};
  asio::ssl::stream<tcp::socket> stream{io, context};
};

class TlsStreamTest : public testing::Test {
 protected:
  using Talk = std::function<Task<void>(TlsStream&)>;

  ~TlsStreamTest() override {
    if (listener_) listener_->close();
    for (std::thread& thread : threads_) thread.join();
  }

  /// serve lets `talk` have each connection; what ends it comes to `ended`.
  tcp::endpoint serve(Talk talk) {
    talk_ = std::move(talk);
    const auto handler = [this](tcp::socket socket, Seat&) { return handle(std::move(socket)); };
    const tcp::endpoint anywhere(asio::ip::address_v4::loopback(), 0);
    listener_ = std::make_unique<TcpListener>(io_, anywhere, Limits{}, "test", handler);
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { io_.run(); });
    return listener_->endpoint();
  }

  std::promise<error_code> ended;

 private:
  Task<void> handle(tcp::socket socket) {
    const SigningPool::Choose choose = [this] { return context_; };
    auto shaken = pool_.shake_hands(std::move(socket), choose, 30s);
    TlsStream stream = co_await std::move(shaken);
    error_code failed;
    try {
      co_await talk_(stream);
    } catch (const boost::system::system_error& error) {
      failed = error.code();
    }
    ended.set_value(failed);
  }

  Talk talk_;
  std::shared_ptr<asio::ssl::context> context_ = certified();
  SigningPool pool_{{2, 10}};
  asio::io_context io_;
  std::unique_ptr<TcpListener> listener_;
  std::vector<std::thread> threads_;
};

constexpr std::size_t kMuch = 3'000'000;  // more than any socket's buffer

Task<void> give_back(TlsStream& stream) {
  Bytes bytes(kMuch);
  const auto room = asio::buffer(bytes);
  co_await asio::async_read(stream, room, asio::use_awaitable);
  const auto whole = asio::buffer(bytes);
  co_await asio::async_write(stream, whole, asio::use_awaitable);
  co_await stream.async_shutdown(asio::use_awaitable);
}

TEST_F(TlsStreamTest, CarriesMuchMoreThanASocketHolds) {
  Peer peer(serve(give_back));
  Bytes sent(kMuch);
  for (std::size_t i = 0; i < sent.size(); ++i)
    sent[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  asio::write(peer.stream, asio::buffer(sent));
  Bytes got(kMuch);
  asio::read(peer.stream, asio::buffer(got));
  EXPECT_EQ(got, sent);
  error_code goodbye;
  peer.stream.shutdown(goodbye);
  EXPECT_FALSE(goodbye) << goodbye.message();
  EXPECT_FALSE(ended.get_future().get());
}

Task<void> read_one(TlsStream& stream) {
  std::array<char, 16> bytes{};
  const auto room = asio::buffer(bytes);
  co_await stream.async_read_some(room, asio::use_awaitable);
}

TEST_F(TlsStreamTest, EndsAReadWithThePeersGoodbye) {
  Peer peer(serve(read_one));
  error_code ignored;
  auto goodbye = std::async(std::launch::async, [&] { peer.stream.shutdown(ignored); });
  EXPECT_EQ(ended.get_future().get(), asio::error::eof);
  goodbye.get();
}

TEST_F(TlsStreamTest, EndsAReadWhenThePeerVanishes) {
  Peer peer(serve(read_one));
  peer.stream.next_layer().set_option(asio::socket_base::linger(true, 0));
  peer.stream.next_layer().close();
  EXPECT_EQ(ended.get_future().get(), asio::error::connection_reset);
}

TEST_F(TlsStreamTest, EndsAReadWithOpensslsReasonForBytesThatAreNoRecord) {
  Peer peer(serve(read_one));
  asio::write(peer.stream.next_layer(), asio::buffer("\x17\x03\x03\x00\x04oops", 9));
  EXPECT_EQ(ended.get_future().get().category(), asio::error::get_ssl_category());
}

Task<void> read_in_time(TlsStream& stream) {
  const Deadline deadline(stream.next_layer(), 100ms);
  co_await read_one(stream);
}

TEST_F(TlsStreamTest, EndsAReadWhenItsSocketIsClosedMeanwhile) {
  Peer peer(serve(read_in_time));
  EXPECT_EQ(ended.get_future().get(), asio::error::operation_aborted);
}

Task<void> write_in_time(TlsStream& stream) {
  const Deadline deadline(stream.next_layer(), 200ms);
  const Bytes more_than_both_sockets_hold(20 * kMuch);
  const auto whole = asio::buffer(more_than_both_sockets_hold);
  co_await asio::async_write(stream, whole, asio::use_awaitable);
}

TEST_F(TlsStreamTest, EndsAWriteToAPeerThatTakesNothing) {
  Peer peer(serve(write_in_time));
  EXPECT_EQ(ended.get_future().get(), asio::error::operation_aborted);
}

}  // namespace
}  // namespace ringfence::core
