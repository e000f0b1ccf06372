// The files as phones and other people's clients fetch them: real token, real databases.
#include "services/tftp/server.h"

#include <sys/wait.h>

#include <future>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/phones/phone_store.h"
#include "core/trust/signed_file.h"
#include "services/tftp/files.h"
#include "services/tftp/http.h"
#include "tests/support/paused_signer.h"
#include "tests/unit/services/tvs/node.h"

namespace ringfence::services::tftp {
namespace {

namespace asio = core::asio;
using core::Bytes;
using core::BytesView;
using namespace std::chrono_literals;

/// Ran is what a client program did.
struct Ran {
  int status = 0;
  std::string output;
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen(("timeout 60 " + command + " 2>&1").c_str(), "r");
  std::array<char, 65536> chunk{};
  while (const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), pipe)) {
    ran.output.append(chunk.data(), count);
  }
  const int status = ::pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return ran;
}

/// UdpClient speaks TFTP packet by packet.
class UdpClient {
 public:
  explicit UdpClient(core::udp::endpoint server, const std::string& here = "127.0.0.1")
      : server_(std::move(server)) {
    socket_.open(core::udp::v4());
    const core::udp::endpoint any(asio::ip::make_address(here), 0);
    socket_.bind(any);
  }

  void send(BytesView bytes) { send_to(bytes, server_); }

  void send_to(BytesView bytes, const core::udp::endpoint& peer) {
    socket_.send_to(asio::buffer(bytes.data(), bytes.size()), peer);
  }

  /// receive waits up to `patience` for a datagram; empty when none came.
  Bytes receive(std::chrono::milliseconds patience = 5s) {
    Bytes bytes(70000);
    std::size_t count = 0;
    socket_.async_receive_from(asio::buffer(bytes), from,
                               [&](boost::system::error_code failed, std::size_t received) {
                                 if (!failed) count = received;
                               });
    io_.restart();
    io_.run_for(patience);
    if (!io_.stopped()) {
      socket_.cancel();
      io_.run();
    }
    bytes.resize(count);
    return bytes;
  }

  core::udp::endpoint from;

 private:
  core::udp::endpoint server_;
  asio::io_context io_;
  core::udp::socket socket_{io_};
};

Bytes asked(const std::string& file) {
  ReadRequest request;
  request.file = file;
  return request_packet(request);
}

Bytes ack(std::uint16_t block) {
  core::Writer writer;
  writer.u16(4).u16(block);
  return writer.take();
}

/// fetch gets a whole file with a client of our own; empty when it was refused.
Bytes fetch(const core::udp::endpoint& server, const std::string& file,
            const std::string& here = "127.0.0.1") {
  UdpClient client(server, here);
  client.send(asked(file));
  Bytes content;
  while (true) {
    const Bytes packet = client.receive();
    if (packet.size() < 4 || packet[1] != 3) return {};
    content.insert(content.end(), packet.begin() + 4, packet.end());
    const auto block = static_cast<std::uint16_t>(packet[2] << 8 | packet[3]);
    client.send_to(ack(block), client.from);
    if (packet.size() < 516) return content;
  }
}

class TftpServerTest : public testing::Test {
 protected:
  TftpServerTest() {
    core::Phone phone;
    phone.name = "SEP001122334455";
    phone.model = "CP-8861";
    core::PhoneStore(node.admin).save({phone}, core::PhoneStore::Ask::changed_only);
  }

  void TearDown() override {
    server.close();
    for (HttpServer* each : {&http, &https}) each->close();
    running.join();
    pool.join();
  }

  std::string tftp_url(const std::string& file) const {
    return fmt::format("'tftp://127.0.0.1:{}/{}'", server.endpoint().port(), file);
  }

  std::string http_url(const std::string& file) const {
    return fmt::format("'http://127.0.0.1:{}/{}'", http.endpoint().port(), file);
  }

  std::string https_url(const std::string& file) const {
    return fmt::format("'https://127.0.0.1:{}/{}'", https.endpoint().port(), file);
  }

  /// verified tells whether a phone that holds the node's ITL accepts `file`.
  bool verified(BytesView file) const {
    const core::TrustList list = core::parse_trust_list(node.itl);
    try {
      core::verify_file(file, core::find_signer_in(list));
      return true;
    } catch (const core::Error&) {
      return false;
    }
  }

  test::Node node;
  std::string itl = core::text_of(node.itl);
  core::Database admin{node.database("admin.db"), core::Schema::admin, core::Access::read_only};
  core::Database journal{node.database("tftp.db"), core::Schema::tftp, core::Access::read_write};
  core::Token token{node.signer.socket("tftp")};
  FileSource files{admin,
                   token,
                   node.clock,
                   {node.folder / "tftp", node.database("capf.db")},
                   core::ConfigNode{"127.0.0.1", 5060, 5061, 2445, 3804, ""}};
  Identity identity{admin, token, node.clock, Clients::unasked};
  std::unique_ptr<FetchLog> fetches = std::make_unique<FetchLog>(journal, admin);
  asio::io_context io;
  asio::thread_pool pool{2};
  core::SigningPool handshakes;
  core::SigningPool signing;
  const Pools pools{pool, handshakes, signing};
  const asio::ip::address loopback = asio::ip::address_v4::loopback();
  Server server{io, pools, files, *fetches, node.clock, {loopback, 0}};
  HttpServer http{io, pools, files, *fetches, node.clock, nullptr, {loopback, 0}};
  HttpServer https{io, pools, files, *fetches, node.clock, &identity, {loopback, 0}};
  test::Running running{io};
};

TEST_F(TftpServerTest, ServesOtherPeoplesClients) {
  EXPECT_EQ(run("curl -s " + tftp_url("ITLFile.tlv")).output, itl);
  EXPECT_EQ(run("curl -s --tftp-blksize 1400 " + tftp_url("ITLSEP001122334455.tlv")).output, itl);
  EXPECT_EQ(run("curl -s --tftp-no-options " + tftp_url("ITLCSFanna.tlv")).output, itl);
  const std::string here = "cd " + node.folder.path().string() + " && ";
  const std::string port = std::to_string(server.endpoint().port());
  run("sh -c '" + here + "tftp -m binary 127.0.0.1 " + port + " -c get ITLFile.tlv hpa.tlv'");
  EXPECT_EQ(core::read_file(node.folder / "hpa.tlv", 100000), node.itl);
  const Ran atftp = run("sh -c '" + here + "atftp --option \"blksize 1024\" --option \"tsize 0\" " +
                        "-g -r ITLFile.tlv -l atftp.tlv 127.0.0.1 " + port + "'");
  EXPECT_EQ(atftp.status, 0) << atftp.output;
  EXPECT_EQ(core::read_file(node.folder / "atftp.tlv", 100000), node.itl);

  EXPECT_EQ(run("curl -s " + http_url("ITLFile.tlv")).output, itl);
  EXPECT_EQ(
      run("curl -s " + http_url("ITLFile.tlv") + " " + http_url("ITLSEPAABBCCDDEEFF.tlv")).output,
      itl + itl);
  const Ran head = run("curl -sI " + http_url("ITLFile.tlv"));
  EXPECT_THAT(head.output, testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head.output, testing::HasSubstr(fmt::format("Content-Length: {}\r\n", itl.size())));
  EXPECT_EQ(run("curl -sk " + https_url("ITLFile.tlv")).output, itl);
  const std::string ec = "--ciphers ECDHE-ECDSA-AES256-GCM-SHA384 --tls-max 1.2 ";
  EXPECT_EQ(run("curl -sk " + ec + https_url("ITLFile.tlv")).output, itl);
  const std::string rsa = "--ciphers ECDHE-RSA-AES128-GCM-SHA256 --tls-max 1.2 ";
  EXPECT_EQ(run("curl -sk " + rsa + https_url("ITLFile.tlv")).output, itl);
  EXPECT_THAT(run("curl -skv " + https_url("ITLFile.tlv") + " -o /dev/null").output,
              testing::HasSubstr("CN=ringfence-EC"));
}

TEST_F(TftpServerTest, SignsConfigurationsForKnownPhonesOnly) {
  const Bytes plain = fetch(server.endpoint(), "SEP001122334455.cnf.xml");
  EXPECT_THAT(core::text_of(plain), testing::HasSubstr("<address>127.0.0.1</address>"));
  const Bytes signed_file = fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn");
  ASSERT_TRUE(verified(signed_file));
  EXPECT_EQ(core::text_of(core::content_of(signed_file)), core::text_of(plain));
  EXPECT_EQ(run("curl -s " + http_url("SEP001122334455.cnf.xml.sgn")).output,
            core::text_of(signed_file));
  EXPECT_EQ(run("curl -sk " + https_url("SEP001122334455.cnf.xml.sgn")).output,
            core::text_of(signed_file));
  EXPECT_TRUE(verified(fetch(server.endpoint(), "XMLDefault.cnf.xml.sgn")));
  for (const std::string unknown :
       {"SEP00112233445F.cnf.xml", "SEP00112233445F.cnf.xml.sgn", "CTLFile.tlv", "ITL.tlv",
        "CTLSEP001122334455.tlv", "ITLnobody.tlv", ".cnf.xml", ".sgn", "admin.db",
        "ITLFile.tlv.sgn", "ITLFile.tlv.good"}) {
    EXPECT_EQ(fetch(server.endpoint(), unknown), Bytes()) << unknown;
    EXPECT_EQ(run("curl -s -o /dev/null -w '%{http_code}' " + http_url(unknown)).output, "404");
  }
  // A change of the record changes the file; the signer may be gone for what is kept.
  core::Phone changed = *core::PhoneStore(admin).find("SEP001122334455");
  changed.description = "Anna <Novak>";
  core::PhoneStore(node.admin).save({changed}, core::PhoneStore::Ask::changed_only);
  const Bytes fresh = fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn");
  EXPECT_TRUE(verified(fresh));
  EXPECT_THAT(core::text_of(fresh), testing::HasSubstr("Anna &lt;Novak&gt;"));
  node.signer.stop();
  EXPECT_EQ(fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn"), fresh);
  files.reload();
  EXPECT_EQ(fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn"), Bytes());
  EXPECT_EQ(run("curl -s -o /dev/null -w '%{http_code}' " + http_url("SEP001122334455.cnf.xml.sgn"))
                .output,
            "503");
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);
}

TEST_F(TftpServerTest, SendsAPhoneToCapfUntilItsOperationSucceeded) {
  core::Phone phone = *core::PhoneStore(admin).find("SEP001122334455");
  phone.capf.operation = core::Operation::install;
  phone.capf.completes_by = node.clock.now() + 24h;
  core::PhoneStore(node.admin).save({phone}, core::PhoneStore::Ask::changed_only);
  phone = *core::PhoneStore(admin).find("SEP001122334455");
  const auto mode = [&] {
    const Bytes file = fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn");
    EXPECT_TRUE(verified(file));
    const std::string text = core::text_of(core::content_of(file));
    const std::string tag = "<capfAuthMode>";
    const auto at = text.find(tag);
    return at == std::string::npos ? std::string() : text.substr(at + tag.size(), 1);
  };
  EXPECT_EQ(mode(), "2");
  core::Database capf(node.database("capf.db"), core::Schema::capf, core::Access::read_write);
  core::EnrolmentStore journal_of_capf(capf);
  core::Outcome outcome{phone.name, phone.capf.request, core::Operation::install,
                        core::OperationStatus::key_generation_failed, node.clock.now()};
  journal_of_capf.finished(outcome);
  EXPECT_EQ(mode(), "2") << "one failure kept the phone away for good";
  outcome.status = core::OperationStatus::success;
  journal_of_capf.finished(outcome);
  EXPECT_EQ(mode(), "0") << "an old file stayed kept";
}

TEST_F(TftpServerTest, SignsWithTheKeyThatTheServedListKnows) {
  const std::string name = "SEP001122334455.cnf.xml.sgn";
  const Bytes before = fetch(server.endpoint(), name);
  EXPECT_TRUE(verified(before));
  // The certificate has changed; its list is not published yet.
  node.regenerate(core::Unit::call_manager);
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);
  EXPECT_TRUE(verified(fetch(server.endpoint(), name)));
  files.reload();
  EXPECT_TRUE(verified(fetch(server.endpoint(), name)));
  node.publish();
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);
  const Bytes after = fetch(server.endpoint(), name);
  EXPECT_TRUE(verified(after));
  EXPECT_NE(after, before);
  // A list that knows none of our keys is a stranger's, and phones hold another one.
  std::filesystem::remove(node.itl_path().string() + ".good");
  node.token.destroy({"CallManager", 1});
  node.regenerate(core::Unit::call_manager);
  node.token.destroy({"CallManager", 2});
  EXPECT_FALSE(verified(fetch(server.endpoint(), name)));
  node.publish();
  EXPECT_TRUE(verified(fetch(server.endpoint(), name)));
}

TEST_F(TftpServerTest, KeepsTheLastGoodListWhenTheFileIsBad) {
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);
  core::write_atomically(node.itl_path(), BytesView(node.itl).first(1000));
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);
  std::filesystem::remove(node.itl_path());
  EXPECT_EQ(fetch(server.endpoint(), "ITLSEP001122334455.tlv"), node.itl);
  Bytes altered = node.itl;
  altered.back() ^= 1;
  core::write_atomically(node.itl_path(), altered);
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);

  // A start with the bad file finds the copy that admin left.
  ListFile restarted(node.itl_path(), Absence::keep_last, [&](BytesView file) {
    if (!verified(file)) throw core::Error(core::Code::refused, "altered");
  });
  ASSERT_TRUE(restarted.current());
  EXPECT_EQ(restarted.current()->bytes, node.itl);

  const Bytes before = node.itl;
  node.regenerate(core::Unit::capf);
  node.publish();
  ASSERT_NE(node.itl, before);
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);

  // A CTL is served while it is there.
  const auto ctl = node.folder / "tftp" / "CTLFile.tlv";
  core::write_atomically(ctl, node.itl);
  EXPECT_EQ(fetch(server.endpoint(), "CTLSEP001122334455.tlv"), node.itl);
  std::filesystem::remove(ctl);
  EXPECT_EQ(fetch(server.endpoint(), "CTLFile.tlv"), Bytes());
}

TEST_F(TftpServerTest, WritesDownATransferThatEndsWhileTheServerDoes) {
  UdpClient client(server.endpoint());
  client.send(asked("ITLSEP001122334455.tlv"));
  Bytes packet = client.receive();
  server.close();
  while (packet.size() == 516) {
    client.send_to(ack(static_cast<std::uint16_t>(packet[2] << 8 | packet[3])), client.from);
    packet = client.receive();
  }
  ASSERT_GT(packet.size(), 4U);
  client.send_to(ack(static_cast<std::uint16_t>(packet[2] << 8 | packet[3])), client.from);
  for (HttpServer* each : {&http, &https}) each->close();
  running.join();
  fetches.reset();
  const auto fetched = core::FetchStore(journal).last_itl("SEP001122334455");
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->file, "ITLSEP001122334455.tlv");
}

TEST_F(TftpServerTest, ShrugsOffWhatIsNoRequest) {
  UdpClient client(server.endpoint());
  for (const std::string name : {"../admin.db", "/etc/passwd", "..\\\\admin.db", "tftp/ITLFile.tlv",
                                 "", "%2e%2e/x", "a b"}) {
    client.send(asked(name));
    const Bytes answer = client.receive();
    EXPECT_EQ(core::to_hex(BytesView(answer).first(4)), "00050001") << name;
  }
  Bytes write = asked("ITLFile.tlv");
  write[1] = 2;
  client.send(write);
  EXPECT_EQ(client.receive(), error_packet(Failure::access_violation, "this server is read only"));
  client.send(core::from_hex("000141"));
  EXPECT_EQ(core::to_hex(BytesView(client.receive()).first(4)), "00050004");

  std::mt19937 random(1350);
  UdpClient noise(server.endpoint());
  noise.send({});
  for (int byte = 0; byte < 256; ++byte) noise.send(Bytes{static_cast<std::uint8_t>(byte)});
  for (int i = 0; i < 1000; ++i) {
    Bytes bytes(random() % 700);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    noise.send(bytes);
  }
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);
}

TEST_F(TftpServerTest, NamesTheOtherNodesOfTheClusterAsSoonAsTheyAreThere) {
  const auto text = [&](const std::string& name) {
    return core::text_of(fetch(server.endpoint(), name));
  };
  const std::string alone = text("SEP001122334455.cnf.xml");
  const Bytes signed_alone = fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn");
  core::ClusterNode other;
  other.name = "voice-b";
  other.addresses = {"192.0.2.8"};
  other.ports = {15060, 15061, 12445, 13804};
  other.services = {core::NodeService::call_manager, core::NodeService::tvs};
  core::NodeStore nodes(node.admin);
  other.id = nodes.save(other, node.clock.now());
  for (const std::string name : {"SEP001122334455.cnf.xml", "XMLDefault.cnf.xml"}) {
    EXPECT_THAT(text(name), testing::HasSubstr("<port>12445</port>\n        "
                                               "<address>192.0.2.8</address>"))
        << name;
    EXPECT_THAT(text(name), testing::HasSubstr("<processNodeName>192.0.2.8</processNodeName>"));
  }
  const Bytes signed_two = fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn");
  EXPECT_THAT(core::text_of(signed_two), testing::HasSubstr("192.0.2.8"));
  EXPECT_TRUE(verified(signed_two));
  nodes.remove(other.id);
  EXPECT_EQ(text("SEP001122334455.cnf.xml"), alone);
  EXPECT_EQ(
      core::text_of(core::content_of(fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn"))),
      core::text_of(core::content_of(signed_alone)));
}

TEST_F(TftpServerTest, TalksToItsClientAlone) {
  fetch(server.endpoint(), "XMLDefault.cnf.xml");  // so that its address is known to be there
  UdpClient client(server.endpoint());
  client.send(asked("ITLFile.tlv"));
  client.send(asked("ITLFile.tlv"));
  const Bytes first = client.receive();
  ASSERT_EQ(first, data_packet(1, BytesView(node.itl).first(512)));
  EXPECT_NE(client.from.port(), server.endpoint().port());
  const core::udp::endpoint transfer = client.from;

  UdpClient stranger(server.endpoint());
  stranger.send_to(ack(1), transfer);
  EXPECT_EQ(core::to_hex(BytesView(stranger.receive()).first(4)), "00050005");

  // The repeated request began no second transfer: its answer was on its way. Nothing more comes
  // before the client asks again, since who never acknowledges may not be there at all.
  EXPECT_EQ(client.receive(1500ms), Bytes());
  client.send(asked("ITLFile.tlv"));
  EXPECT_EQ(client.receive(), first);
  EXPECT_EQ(client.from, transfer);

  // An acknowledgement twice gives one block (the Sorcerer's Apprentice).
  client.send_to(ack(1), transfer);
  client.send_to(ack(1), transfer);
  EXPECT_EQ(client.receive(), data_packet(2, BytesView(node.itl).subspan(512, 512)));
  EXPECT_EQ(client.receive(100ms), Bytes());

  // The same port asking again, after progress, begins anew.
  client.send(asked("ITLFile.tlv"));
  EXPECT_EQ(client.receive(), first);
  EXPECT_NE(client.from, transfer);
}

/// greedy_request asks for a long patience and large blocks.
Bytes greedy_request(const std::string& file) {
  core::Writer writer;
  writer.u16(1).text(file).u8(0).text("octet").u8(0);
  writer.text("timeout").u8(0).text("255").u8(0).text("blksize").u8(0).text("65464").u8(0);
  return writer.take();
}

TEST_F(TftpServerTest, ServesOthersThoughOneAddressAsksTwoThousandTimes) {
  std::vector<std::unique_ptr<UdpClient>> greedy;
  for (int i = 0; i < 2000; ++i) {
    greedy.push_back(std::make_unique<UdpClient>(server.endpoint(), "127.0.0.2"));
    greedy.back()->send(greedy_request("ITLFile.tlv"));
  }
  const auto asked_at = std::chrono::steady_clock::now();
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv", "127.0.0.3"), node.itl);
  EXPECT_LT(std::chrono::steady_clock::now() - asked_at, 5s) << "the client's own patience";
  EXPECT_GT(server.counters().at("dropped").as_uint64(), 0U) << "one address has not all of it";
}

/// answers_to_silence counts the bytes that come for `request` when nothing is ever acknowledged.
std::size_t answers_to_silence(const core::udp::endpoint& server, const Bytes& request) {
  UdpClient client(server);
  client.send(request);
  std::size_t bytes = 0;
  while (true) {
    const Bytes packet = client.receive(6s);  // longer than any patience of the server's
    if (packet.empty()) return bytes;
    bytes += packet.size();
  }
}

TEST_F(TftpServerTest, IsNoAmplifierForForgedRequests) {
  const std::vector<Bytes> requests{greedy_request("ITLFile.tlv"),
                                    greedy_request("nobody.tlv"),
                                    asked("nobody.tlv"),
                                    asked("a"),
                                    Bytes{0, 1},
                                    Bytes{0, 2}};
  std::vector<std::future<std::size_t>> sent;
  for (const Bytes& request : requests) {
    sent.push_back(std::async(std::launch::async, answers_to_silence, server.endpoint(), request));
  }
  auto plain =
      std::async(std::launch::async, answers_to_silence, server.endpoint(), asked("ITLFile.tlv"));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_LE(sent[i].get(), 3 * requests[i].size()) << i;
  }
  EXPECT_EQ(plain.get(), 516U) << "one block without options, and never again";
}

TEST_F(TftpServerTest, IsNoAmplifierForManyForgedRequestsWithoutOptions) {
  constexpr std::size_t kRequests = 40;
  constexpr std::size_t kLoan = 516;
  std::vector<std::unique_ptr<UdpClient>> forged;
  for (std::size_t i = 0; i < kRequests; ++i) {
    forged.push_back(std::make_unique<UdpClient>(server.endpoint(), "127.0.0.2"));
    forged.back()->send(asked("ITLFile.tlv"));
  }
  // Each transfer waits for its loan, and is let go; from then on nothing can come.
  ASSERT_TRUE(test::eventually([&] {
    return server.counters().at("dropped").as_uint64() +
               server.counters().at("failed").as_uint64() >=
           kRequests;
  }));
  std::size_t bytes = 0;
  for (const auto& client : forged) bytes += client->receive(0ms).size();
  EXPECT_LE(bytes, 3 * kRequests * asked("ITLFile.tlv").size() + kLoan);
  for (const auto& client : forged) client->send(greedy_request("ITLFile.tlv"));
  std::size_t with_options = 0;
  for (const auto& client : forged) with_options += client->receive(100ms).size();
  EXPECT_GT(with_options, 0U);
  EXPECT_LE(with_options, 3 * kRequests * greedy_request("ITLFile.tlv").size());
  EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv", "127.0.0.3"), node.itl);
}

TEST_F(TftpServerTest, RepeatsInTimeThoughOldAcknowledgementsKeepComing) {
  UdpClient client(server.endpoint());
  client.send(asked("ITLFile.tlv"));
  client.receive();
  const core::udp::endpoint transfer = client.from;
  client.send_to(ack(1), transfer);
  const Bytes second = client.receive();
  // Its time-out is a second; acknowledging the first block again and again must not put it off.
  int sent = 0;
  Bytes again;
  for (; again.empty() && sent < 100; ++sent) {
    client.send_to(ack(1), transfer);
    again = client.receive(100ms);
  }
  EXPECT_EQ(again, second);
  EXPECT_LT(sent, 100);
}

TEST_F(TftpServerTest, SignsFilesWhileHandshakesHoldEveryThread) {
  std::promise<void> open;
  const std::shared_future<void> gate = open.get_future().share();
  auto stuck = [gate] { gate.wait(); };
  for (int i = 0; i < 64; ++i) {
    asio::co_spawn(io, handshakes.run(stuck, loopback), asio::detached);
  }
  ASSERT_TRUE(test::eventually([&] { return handshakes.waiting() == 64; }));
  EXPECT_TRUE(verified(fetch(server.endpoint(), "SEP001122334455.cnf.xml.sgn")));
  EXPECT_EQ(handshakes.waiting(), 64U) << "they were to wait all the time";
  open.set_value();
  ASSERT_TRUE(test::eventually([&] { return handshakes.waiting() == 0; }));
}

TEST_F(TftpServerTest, AnswersOptionsThatWereAskedOnly) {
  UdpClient client(server.endpoint());
  ReadRequest request;
  request.file = "ITLFile.tlv";
  request.options.size = true;
  client.send(request_packet(request));
  core::Writer expected;
  expected.u16(6).text("tsize").u8(0).text(std::to_string(node.itl.size())).u8(0);
  EXPECT_EQ(client.receive(), expected.view());
}

TEST_F(TftpServerTest, ServesManyAtOnceAndRecordsEachFetch) {
  constexpr int kClients = 200;
  std::vector<core::Phone> phones;
  for (int i = 0; i < kClients; ++i) phones.emplace_back().name = fmt::format("SEP{:012X}", i);
  core::PhoneStore(node.admin).save(phones, core::PhoneStore::Ask::changed_only);
  // A silent TLS client and a slow HTTP one wait meanwhile.
  core::tcp::socket silent(io);
  silent.connect(https.endpoint());
  core::tcp::socket slow(io);
  slow.connect(http.endpoint());
  asio::write(slow, asio::buffer("GET /ITL", 8));

  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int part = 0; part < 8; ++part) {
    clients.emplace_back([&, part] {
      for (int i = part; i < kClients; i += 8) {
        if (fetch(server.endpoint(), fmt::format("ITLSEP{:012X}.tlv", i)) == node.itl) ++good;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, kClients);
  EXPECT_EQ(run("curl -sk " + https_url("ITLSEPFFFFFFFFFFFF.tlv")).output, itl);
  EXPECT_EQ(
      run("curl -s -X POST -d x -o /dev/null -w '%{http_code}' " + http_url("ITLFile.tlv")).output,
      "405");

  const std::string sha1 = core::to_hex(core::digest(core::Digest::sha1, node.itl));
  // The last acknowledgement may be on its way still; the journal follows within 100 ms of it.
  core::FetchStore store(journal);
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!(store.last_itls().size() >= kClients && store.last_itl("")) &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_EQ(store.last_itls().size(), kClients) << "a stranger's invented name is no device";
  ASSERT_TRUE(store.last_itl(""));
  EXPECT_EQ(store.last_itl("")->file, "ITLSEPFFFFFFFFFFFF.tlv");
  const auto one = store.last_itl("SEP000000000007");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->sha1, sha1);
  EXPECT_EQ(one->file, "ITLSEP000000000007.tlv");
  EXPECT_EQ(one->peer, "127.0.0.1");
}

/// HttpsClient is a connection of its own that is kept alive.
class HttpsClient {
 public:
  explicit HttpsClient(const core::tcp::endpoint& server) : stream_(io_, context_) {
    stream_.next_layer().connect(server);
    stream_.handshake(asio::ssl::stream_base::client);
  }

  /// head asks for a file's head and returns the status line.
  std::string head(const std::string& file) {
    const std::string request = "HEAD /" + file + " HTTP/1.1\r\nHost: x\r\n\r\n";
    asio::write(stream_, asio::buffer(request));
    std::string answer;
    asio::read_until(stream_, asio::dynamic_buffer(answer), "\r\n\r\n");
    return answer.substr(0, answer.find("\r\n"));
  }

 private:
  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  asio::ssl::stream<core::tcp::socket> stream_;
};

TEST_F(TftpServerTest, ServesFilesWhileSignaturesHang) {
  constexpr std::size_t kClients = 32;
  const std::string kept = "SEP001122334455.cnf.xml.sgn";
  const Bytes kept_file = fetch(server.endpoint(), kept);
  ASSERT_TRUE(verified(kept_file));
  HttpsClient inside(https.endpoint());
  test::PausedSigner paused(node.signer);
  // These want a handshake, those a configuration that is signed for them.
  std::vector<core::Phone> known;
  for (std::size_t i = 0; i < kClients; ++i) known.emplace_back().name = fmt::format("CSF{}", i);
  core::PhoneStore(node.admin).save(known, core::PhoneStore::Ask::changed_only);
  std::vector<std::future<std::string>> shaking;
  std::vector<std::future<std::string>> asking;
  for (std::size_t i = 0; i < kClients; ++i) {
    shaking.push_back(std::async(std::launch::async, [&] {
      HttpsClient client(https.endpoint());
      return client.head("ITLFile.tlv");
    }));
    asking.push_back(std::async(std::launch::async, [&, i] {
      return run("curl -s -o /dev/null -w '%{http_code}' " +
                 http_url(fmt::format("CSF{}.cnf.xml.sgn", i)))
          .output;
    }));
  }
  const auto waiting = [&] { return handshakes.waiting() + signing.waiting(); };
  ASSERT_TRUE(test::eventually([&] { return waiting() == 2 * kClients; }));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(fetch(server.endpoint(), "ITLFile.tlv"), node.itl);
    EXPECT_EQ(inside.head("ITLFile.tlv"), "HTTP/1.1 200 OK");
  }
  EXPECT_EQ(fetch(server.endpoint(), kept), kept_file);
  EXPECT_EQ(run("curl -s " + http_url("ITLFile.tlv")).output, itl);
  EXPECT_EQ(waiting(), 2 * kClients) << "they were to wait all the time";
  paused.resume();
  for (auto& client : shaking) EXPECT_EQ(client.get(), "HTTP/1.1 200 OK");
  for (auto& client : asking) EXPECT_EQ(client.get(), "200");
}

TEST_F(TftpServerTest, RefusesHttpThatIsNone) {
  const auto code = [&](const std::string& options, const std::string& file) {
    return run("curl -s --path-as-is -o /dev/null -w '%{http_code}' " + options + http_url(file))
        .output;
  };
  EXPECT_EQ(code("", "../admin.db"), "404");
  EXPECT_EQ(code("", "%2e%2e%2fadmin.db"), "404");
  EXPECT_EQ(code("", "ITL%zz"), "400");
  EXPECT_EQ(code("", std::string(600, 'a')), "400");
  EXPECT_EQ(code("-X DELETE ", "ITLFile.tlv"), "405");
  EXPECT_EQ(code("-d body ", "ITLFile.tlv"), "405");
  EXPECT_EQ(code("-H 'X: " + std::string(9000, 'a') + "' ", "ITLFile.tlv"), "431");
  EXPECT_EQ(code("", "ITL%46ile.tlv"), "200");
  core::tcp::socket raw(io);
  raw.connect(http.endpoint());
  asio::write(raw, asio::buffer("\x16\x03\x01 rubbish\r\n\r\n", 15));
  std::string answer;
  boost::system::error_code ended;
  asio::read(raw, asio::dynamic_buffer(answer), ended);
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace ringfence::services::tftp
