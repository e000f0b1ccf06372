// TVS as phones meet it: real token, real TLS, real admin.db.
#include "services/tvs/server.h"

#include <future>
#include <map>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "core/trust/node_store.h"
#include "tests/support/command.h"
#include "tests/support/eventually.h"
#include "tests/support/paused_signer.h"
#include "tests/unit/services/tvs/node.h"

namespace ringfence::services::tvs {
namespace {

namespace asio = core::asio;
using core::Bytes;
using core::BytesView;
using namespace std::chrono_literals;

/// Client is a phone's connection: it takes any certificate and tells which it was.
class Client {
 public:
  explicit Client(const core::tcp::endpoint& server) : stream_(io_, context_) {
    stream_.next_layer().connect(server);
    stream_.handshake(asio::ssl::stream_base::client);
  }

  Bytes certificate() {
    const core::X509Cert shown(SSL_get1_peer_certificate(stream_.native_handle()));
    return core::to_der(*shown);
  }

  Bytes ask(BytesView request) {
    send(request);
    Bytes answer(kHeaderBytes);
    asio::read(stream_, asio::buffer(answer));
    const std::size_t length = std::size_t{answer[8]} << 8 | answer[9];
    answer.resize(kHeaderBytes + length);
    asio::read(stream_, asio::buffer(answer.data() + kHeaderBytes, length));
    return answer;
  }

  void send(BytesView bytes) { asio::write(stream_, asio::buffer(bytes.data(), bytes.size())); }

  /// closed tells whether the server ends the connection without another byte.
  bool closed() {
    std::uint8_t byte = 0;
    boost::system::error_code failed;
    asio::read(stream_, asio::buffer(&byte, 1), failed);
    return failed.failed();
  }

  void leave() { stream_.next_layer().close(); }

 private:
  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  asio::ssl::stream<core::tcp::socket> stream_;
};

constexpr const char* kPhone = "SEP001122334455";

class TvsServerTest : public testing::Test {
 protected:
  explicit TvsServerTest(Times times = {})
      : server(io, {pool, signing, book, known, *signs}, {asio::ip::address_v4::loopback(), 0},
               times) {
    core::Phone phone;
    phone.name = kPhone;
    core::Database writer(node.database("admin.db"), core::Schema::admin, core::Access::read_write);
    core::PhoneStore(writer).save({phone}, core::PhoneStore::Ask::changed_only);
  }

  /// seen returns the signs of a device, or of this machine when nobody is known, once there are
  /// `count`; their times are left out.
  std::vector<core::TrustSign> seen(const std::string& device, std::size_t count) {
    std::vector<core::TrustSign> found;
    const core::TrustSignStore store(own);
    EXPECT_TRUE(test::eventually([&] {
      found = device.empty() ? store.of_peer("127.0.0.1") : store.of(device);
      return found.size() >= count;
    }));
    for (core::TrustSign& sign : found) sign.at = {};
    return found;
  }

  std::string serial(core::Unit unit) const {
    return core::serial_text(core::serial_of(*node.certificate(unit)));
  }

  void TearDown() override {
    server.close();
    running.join();
    pool.join();
  }

  Query query_for(core::Unit unit) const {
    const core::X509Cert certificate = node.certificate(unit);
    return {"CP-8861-SEP001122334455", core::subject_of(*certificate),
            core::issuer_of(*certificate), core::serial_of(*certificate)};
  }

  test::Node node;
  core::Database admin{node.database("admin.db"), core::Schema::admin, core::Access::read_only};
  core::Token token{node.signer.socket("tvs")};
  Book book{admin, token};
  core::PhoneStore known{admin};
  core::Database own{node.database("tvs.db"), core::Schema::tvs, core::Access::read_write};
  core::WriteGroup writes{own};
  std::unique_ptr<core::TrustSignLog> signs = std::make_unique<core::TrustSignLog>(own, writes);
  asio::io_context io;
  asio::thread_pool pool{2};
  core::SigningPool signing;
  Server server;
  test::Running running{io};
};

TEST_F(TvsServerTest, VouchesForTheSignersOfOtherNodesFromTheirImportOn) {
  const core::EvpPkey key(EVP_RSA_gen(2048));
  const core::X509Cert signer = core::issue_self_signed(core::Unit::call_manager, {"voice-b", {}},
                                                        *key, nullptr, node.clock.now());
  const Query query = {"CP-8861-SEP001122334455", core::subject_of(*signer),
                       core::issuer_of(*signer), core::serial_of(*signer)};
  Client client(server.endpoint());
  const std::string unknown = "07000101";
  EXPECT_EQ(core::to_hex(BytesView(client.ask(to_bytes(1, query))).subspan(10)), unknown);
  core::ClusterNode other;
  other.name = "voice-b";
  other.addresses = {"192.0.2.8"};
  other.services = {core::NodeService::tftp};
  other.certificates[core::Unit::call_manager] = core::shared_certificate(core::to_der(*signer));
  core::NodeStore nodes(node.admin);
  other.id = nodes.save(other, node.clock.now());
  const Bytes answer = client.ask(to_bytes(2, query));
  EXPECT_EQ(core::to_hex(BytesView(answer).subspan(10, 5)), "0700010002");
  EXPECT_EQ(Bytes(answer.begin() + 17, answer.end() - 12), core::to_der(*signer));
  EXPECT_EQ(core::to_hex(BytesView(answer).last(12)), "080002000309000400015180");
  nodes.remove(other.id);
  EXPECT_EQ(core::to_hex(BytesView(client.ask(to_bytes(3, query))).subspan(10)), unknown);
}

TEST_F(TvsServerTest, AnswersWhatPhonesAskAndSurvivesWhatTheyShouldNot) {
  Client client(server.endpoint());
  EXPECT_EQ(client.certificate(), node.store.own(core::Unit::tvs)->der);

  // A query for the signer of the ITL: status 0, the certificate, roles 0 and 3, a day.
  const Bytes answer = client.ask(to_bytes(0x3e9, query_for(core::Unit::call_manager)));
  const Bytes der = node.store.own(core::Unit::call_manager)->der;
  EXPECT_EQ(core::to_hex(BytesView(answer).first(8)), "57010400000003e9");
  EXPECT_EQ(core::to_hex(BytesView(answer).subspan(10, 5)), "0700010002");
  EXPECT_EQ(Bytes(answer.begin() + 17, answer.end() - 12), der);
  EXPECT_EQ(core::to_hex(BytesView(answer).last(12)), "080002000309000400015180");

  // More on the same connection: a certificate to verify, and strangers.
  const Request verify = Verify{"CSFanna", node.store.own(core::Unit::capf)->der};
  EXPECT_EQ(core::to_hex(client.ask(to_bytes(2, verify))),
            "570102000000000"
            "2000f"
            "07000100"
            "08000104"
            "09000400015180");
  const Request stranger = Query{"ATA001122334455", "CN=x", "CN=x", {1, 2, 3}};
  EXPECT_EQ(core::to_hex(client.ask(to_bytes(3, stranger))),
            "570104000000000300"
            "04"
            "07000101");
  const Request forged = Verify{"", {0x30, 0x03, 0x02, 0x01, 0x01}};
  EXPECT_EQ(core::to_hex(client.ask(to_bytes(4, forged))),
            "570102000000000400"
            "04"
            "07000101");

  // Silent ones, before and after the handshake, delay nobody.
  std::vector<core::tcp::socket> silent;
  for (int i = 0; i < 20; ++i) {
    silent.emplace_back(io).connect(server.endpoint());
  }
  Client idle(server.endpoint());
  for (int i = 0; i < 5; ++i) {
    Client next(server.endpoint());
    EXPECT_EQ(next.ask(to_bytes(1, stranger)).size(), 14U);
  }

  // Wrong protocol, version, command, length: logged and closed.
  for (const std::string wrong :
       {"58010300000000010004", "57020300000000010004", "57010200000000010004",
        "5701030000000001ffff", "57010300000000010000"}) {
    Client bad(server.endpoint());
    bad.send(core::from_hex(wrong));
    EXPECT_TRUE(bad.closed()) << wrong;
  }
  // Truncated at every length, then left alone.
  const Bytes whole = to_bytes(5, stranger);
  for (std::size_t length = 1; length < whole.size(); ++length) {
    Client cut(server.endpoint());
    cut.send(BytesView(whole).first(length));
    cut.leave();
  }
  // No TLS at all.
  core::tcp::socket plain(io);
  plain.connect(server.endpoint());
  asio::write(plain, asio::buffer(whole));
  std::array<char, 64> alert{};
  boost::system::error_code ended;
  asio::read(plain, asio::buffer(alert), ended);
  EXPECT_TRUE(ended);

  EXPECT_EQ(client.ask(to_bytes(6, stranger)).size(), 14U);
  const boost::json::object counters = server.counters();
  EXPECT_EQ(counters.at("queries").to_number<int>(), 8);
  EXPECT_EQ(counters.at("verifications").to_number<int>(), 2);
  EXPECT_EQ(counters.at("malformed").to_number<int>(), 5);
}

TEST_F(TvsServerTest, KnowsNewCertificatesAtOnceAndVouchesForTheOldSigner) {
  Client before(server.endpoint());
  const Request old_signer = query_for(core::Unit::call_manager);
  node.regenerate(core::Unit::call_manager);
  const Request new_signer = query_for(core::Unit::call_manager);
  EXPECT_GT(before.ask(to_bytes(1, new_signer)).size(), 500U);
  const Bytes old_answer = before.ask(to_bytes(2, old_signer));
  EXPECT_EQ(core::to_hex(BytesView(old_answer).last(11)), "0800010009000400015180");

  node.regenerate(core::Unit::tvs);
  EXPECT_GT(before.ask(to_bytes(3, new_signer)).size(), 500U);
  Client after(server.endpoint());
  EXPECT_EQ(after.certificate(), node.store.own(core::Unit::tvs)->der);
  EXPECT_NE(after.certificate(), before.certificate());

  // Without the signer the last identity stays, and answers go on where TLS stands already.
  node.signer.stop();
  EXPECT_GT(after.ask(to_bytes(4, new_signer)).size(), 500U);
}

TEST_F(TvsServerTest, AnswersWhoIsInWhileHandshakesWaitForTheSigner) {
  constexpr std::size_t kPhones = 32;
  const Request stranger = Query{"ATA001122334455", "CN=x", "CN=x", {1, 2, 3}};
  Client inside(server.endpoint());
  EXPECT_EQ(inside.ask(to_bytes(1, stranger)).size(), 14U);
  // The first of them has to fetch the new certificate's key, and the rest waits for that.
  node.regenerate(core::Unit::tvs);
  test::PausedSigner paused(node.signer);
  std::vector<std::future<Bytes>> phones;
  for (std::size_t i = 0; i < kPhones; ++i) {
    phones.push_back(std::async(std::launch::async, [&] {
      Client phone(server.endpoint());
      EXPECT_EQ(phone.ask(to_bytes(1, stranger)).size(), 14U);
      return phone.certificate();
    }));
  }
  ASSERT_TRUE(test::eventually([&] { return signing.waiting() == kPhones; }));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(inside.ask(to_bytes(1, stranger)).size(), 14U);
  EXPECT_EQ(signing.waiting(), kPhones) << "they were to wait all the time";
  paused.resume();
  const Bytes fresh = node.store.own(core::Unit::tvs)->der;
  for (auto& phone : phones) EXPECT_EQ(phone.get(), fresh);
}

class ImpatientTvsTest : public TvsServerTest {
 protected:
  ImpatientTvsTest() : TvsServerTest(Times{50ms, 50ms}) {}
};

TEST_F(ImpatientTvsTest, ClosesWhoSaysNothing) {
  core::tcp::socket silent(io);
  silent.connect(server.endpoint());
  std::uint8_t byte = 0;
  boost::system::error_code ended;
  asio::read(silent, asio::buffer(&byte, 1), ended);
  EXPECT_TRUE(ended);
}

TEST_F(TvsServerTest, KeepsWhatAQuestionShowsOfAPhone) {
  using enum core::TrustSignKind;
  Client client(server.endpoint());
  client.ask(to_bytes(1, query_for(core::Unit::call_manager)));
  client.ask(to_bytes(2, Query{kPhone, "CN=x", "CN=x", {0x0a, 0xbc}}));
  // No phone: a name that only ends as one does, and one that nobody knows.
  client.ask(to_bytes(3, Query{"CP-8861-XSEP001122334455", "CN=y", "CN=y", {1}}));
  client.ask(to_bytes(4, Query{"CP-8861-SEP00112233445", "CN=y", "CN=y", {1}}));
  // Nor one that stands behind anything but a model.
  client.ask(to_bytes(5, Query{"anything-" + std::string(kPhone), "CN=y", "CN=y", {2}}));
  const std::string tvs = serial(core::Unit::tvs);
  const std::string signer = serial(core::Unit::call_manager);
  const std::vector<core::TrustSign> kept = seen(kPhone, 3);
  ASSERT_EQ(kept.size(), 3U);
  std::map<core::TrustSignKind, std::string> subjects;
  for (const core::TrustSign& sign : kept) {
    EXPECT_EQ(sign.peer, "127.0.0.1");
    subjects[sign.kind] = sign.subject;
  }
  const std::map<core::TrustSignKind, std::string> expected = {
      {tls_trusted, tvs}, {tvs_vouched, signer}, {tvs_denied, "0ABC"}};
  EXPECT_EQ(subjects, expected);
  client.leave();
  EXPECT_EQ(core::TrustSignStore(own).of_peer("127.0.0.1").size(), 0U);
}

TEST_F(TvsServerTest, KeepsThatSomebodyRefusedTheCertificate) {
  using enum core::TrustSignKind;
  {
    Client client(server.endpoint());
    client.leave();  // it has seen the certificate and says nothing
  }

  const std::string tvs = serial(core::Unit::tvs);
  const auto hung_up = seen("", 1);
  ASSERT_EQ(hung_up.size(), 1U);
  EXPECT_EQ(hung_up[0].kind, tls_left);
  EXPECT_EQ(hung_up[0].subject, tvs);

  const std::string port = std::to_string(server.endpoint().port());
  // openssl verifies against no CA at all, and says so by an alert.
  EXPECT_NE(test::run({"openssl", "s_client", "-connect", "127.0.0.1:" + port,
                       "-verify_return_error", "-tls1_2"})
                .status,
            0);
  EXPECT_TRUE(test::eventually([&] { return seen("", 1).back().detail == "unknown CA"; }));
}

}  // namespace
}  // namespace ringfence::services::tvs
