// Enrolments, deletions and troubleshooting as they should go.
#include "core/crypto/x509.h"
#include "tests/integration/capf/enrolling.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;
using core::AuthMode;
using core::Bytes;
using core::KeyOrder;
using core::Operation;

TEST_F(CapfServer, GivesAPhoneAnRsaCertificateThatOpensslVerifies) {
  core::Phone record = phone();
  record.capf.key_order = KeyOrder::rsa_only;
  house().save(record);
  RunningServer server(house());

  MiniPhone client(server.port());
  const Said request = client.hear();
  EXPECT_EQ(request.command, 1);
  EXPECT_EQ(request.value(7), Bytes{3});
  EXPECT_EQ(request.value(8), Bytes{0});
  client.say(2, name_element(kPhone) + kNullString);
  const Said key_request = client.hear();
  EXPECT_EQ(key_request.command, 3);
  EXPECT_EQ(key_request.session, request.session);
  EXPECT_EQ(key_request.value(10), (Bytes{0x08, 0x00}));
  EXPECT_EQ(key_request.value(17), Bytes{0});
  client.say(17);  // it takes a while
  const Bytes key = spki(rsa_key(2048).get());
  Said last;
  const Bytes lsc = client.enrol(key, last);
  EXPECT_EQ(last.command, 15);
  EXPECT_EQ(last.value(1), Bytes{1});
  EXPECT_TRUE(client.ended());

  EXPECT_TRUE(house().verified(lsc));
  const core::X509Cert certificate = core::parse_certificate(lsc);
  EXPECT_EQ(core::common_name_of(*certificate), "CP-8861-SEP001122334455");
  EXPECT_EQ(core::spki_of(*certificate), key);
  EXPECT_EQ(house().status(kPhone), "Upgrade Success");
  const auto held = house().journal.held(kPhone);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->der, lsc);
  EXPECT_EQ(held->key, "RSA 2048");
  EXPECT_TRUE(held->delivered_at);
}

TEST_F(CapfServer, AsksForTheStringAgainAndIssuesAnEllipticCertificate) {
  core::Phone record = phone("SEP0000000000A1");
  record.capf.auth_mode = AuthMode::auth_string;
  record.capf.auth_string = "482915";
  record.capf.ec_bits = 384;
  house().save(record);
  RunningServer server(house());

  auto client = authenticated(server.port(), record.name);
  const Said again = client->hear();
  EXPECT_EQ(again.command, 1);
  EXPECT_EQ(again.value(8), Bytes{1});
  client->say(2, name_element(record.name) + element(8, {1}) + password_element("482915"));
  const Said key_request = client->hear();
  EXPECT_EQ(key_request.value(17), Bytes{1});
  EXPECT_EQ(key_request.value(18), Bytes{1});
  Said last;
  const Bytes lsc = client->enrol(spki(ec_key("P-384").get()), last);
  EXPECT_EQ(last.value(1), Bytes{1});
  EXPECT_TRUE(house().verified(lsc));
}

TEST_F(CapfServer, RefusesWrongStringsAndThenMakesThePhoneWait) {
  core::Phone record = phone("SEP0000000000A2");
  record.capf.auth_mode = AuthMode::auth_string;
  record.capf.auth_string = "482915";
  house().save(record);
  RunningServer server(house());

  testing::internal::CaptureStderr();
  for (int i = 0; i < 4; ++i) {
    MiniPhone client(server.port());
    client.hear();
    client.say(2, name_element(record.name) + password_element("731064"));
    const Said answer = client.hear();
    if (i < 3) {
      EXPECT_EQ(answer.command, 15);
      EXPECT_EQ(answer.value(1), Bytes{7});
    } else {
      EXPECT_EQ(answer.command, 16);
      EXPECT_EQ(answer.value(12).size(), 4U);
    }
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("Invalid Authentication String"), std::string::npos);
  EXPECT_EQ(log.find("731064"), std::string::npos);
  EXPECT_EQ(log.find("482915"), std::string::npos);
  EXPECT_EQ(house().status(record.name), "Upgrade Failed: Invalid Authentication String");
  EXPECT_EQ(server.records().failed_count(), 3U);
}

TEST_F(CapfServer, SpeaksJabbersSecondVersion) {
  core::Phone record = phone("CSFanna");
  record.model.clear();
  record.capf.key_order = KeyOrder::ec_preferred;
  house().save(record);
  RunningServer server(house());

  MiniPhone client(server.port());
  client.hear();
  client.say(2, name_element("CSFanna") + element(7, {2}));
  const Said key_request = client.hear();
  EXPECT_EQ(key_request.command, 3);
  EXPECT_EQ(key_request.body, (Bytes{10, 0, 2, 0x08, 0x00}));
  Said last;
  const Bytes lsc = client.enrol(spki(rsa_key(2048).get()), last);
  EXPECT_EQ(last.value(1), Bytes{1});
  EXPECT_TRUE(house().verified(lsc));
  EXPECT_EQ(core::common_name_of(*core::parse_certificate(lsc)), "CSFanna");
}

TEST_F(CapfServer, TurnsAwayAnUnknownDevice) {
  RunningServer server(house());
  auto client = authenticated(server.port(), "SEPFFFFFFFFFFFF");
  const Said answer = client->hear();
  EXPECT_EQ(answer.command, 15);
  EXPECT_EQ(answer.value(1), Bytes{9});
}

TEST_F(CapfServer, DeletesAnLscThatItGave) {
  const std::string name = "SEP0000000000A3";
  house().save(phone(name));
  RunningServer server(house());
  Said last;
  auto first = authenticated(server.port(), name);
  first->hear();
  first->enrol(new_key(), last);
  ASSERT_TRUE(house().journal.held(name));

  core::Phone record = phone(name);
  record.capf.operation = Operation::remove;
  house().save(record);
  auto second = authenticated(server.port(), name);
  EXPECT_EQ(second->hear().command, 13);
  second->say(14, element(1, {1}));
  EXPECT_EQ(second->hear().value(1), Bytes{1});
  EXPECT_EQ(house().status(name), "Delete Success");
  EXPECT_FALSE(house().journal.held(name));
}

TEST_F(CapfServer, KeepsTheCertificatesThatAPhoneShowsForTroubleshooting) {
  core::Phone record = phone("SEP0000000000A4");
  record.capf.operation = Operation::troubleshoot;
  house().save(record);
  RunningServer server(house());
  auto client = authenticated(server.port(), record.name);
  EXPECT_EQ(client->hear().value(3), Bytes{1});
  const Bytes der = house().certificates.own(core::Unit::capf)->der;  // any certificate will do
  client->say(12, element(4, element(1, Bytes{0, 1} + der)));
  EXPECT_EQ(client->hear().value(3), Bytes{2});
  client->say(12, element(1, {0}));
  EXPECT_EQ(client->hear().value(1), Bytes{1});
  EXPECT_EQ(house().status(record.name), "Troubleshoot Success");
  EXPECT_TRUE(std::filesystem::exists(house().folder / "trace" / "SEP0000000000A4-LSC.pem"));
  EXPECT_FALSE(std::filesystem::exists(house().folder / "trace" / "SEP0000000000A4-MIC.pem"));
}

}  // namespace
}  // namespace ringfence::test
