// Enrolments among clients that are silent, slow or mad, and while the server's own parts fail.
#include <unistd.h>

#include <future>

#include <fmt/format.h>

#include "core/crypto/x509.h"
#include "tests/integration/capf/enrolling.h"
#include "tests/support/paused_signer.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;
using core::Bytes;
using core::Operation;

TEST_F(CapfServer, ServesTwentyPhonesWhileOthersAreSilentSlowOrMad) {
  std::vector<core::Phone> phones;
  for (int i = 0; i < 20; ++i) phones.push_back(phone(fmt::format("SEP0000000001{:02X}", i)));
  house().phones.save(phones, core::PhoneStore::Ask::again);
  RunningServer server(house());

  const core::Fd silent = connect_to(server.port());
  MiniPhone silent_in_tls(server.port());
  MiniPhone half(server.port());
  half.hear();
  half.send_raw({0x55, 2, 0, 0});  // and nothing more
  MiniPhone mad(server.port());
  mad.hear();
  mad.send_raw(core::from_hex("5502ffffffffffff"));
  EXPECT_EQ(mad.hear().value(1), Bytes{7});
  EXPECT_TRUE(mad.ended());
  const core::Fd no_tls = connect_to(server.port());
  ASSERT_EQ(::write(no_tls.get(), "GET / HTTP/1.0\r\n\r\n", 18), 18);

  std::vector<std::future<Bytes>> lscs;
  for (const core::Phone& record : phones) {
    lscs.push_back(std::async(std::launch::async, [&server, name = record.name] {
      auto client = authenticated(server.port(), name);
      client->hear();
      Said last;
      Bytes lsc = client->enrol(new_key(), last);
      EXPECT_EQ(last.command, 15);
      return lsc;
    }));
  }
  for (std::size_t i = 0; i < phones.size(); ++i) {
    ASSERT_TRUE(house().verified(lscs[i].get())) << phones[i].name;
    EXPECT_EQ(house().status(phones[i].name), "Upgrade Success");
  }
  EXPECT_EQ(server.records().issued_count(), 20U);
}

TEST_F(CapfServer, EndsAClientThatNeverShakesHandsOrNeverAnswers) {
  services::capf::Bounds bounds;
  bounds.handshake = 1s;
  services::capf::Patience patience;
  patience.message = 1s;
  RunningServer server(house(), bounds, patience);
  const core::Fd silent = connect_to(server.port());
  MiniPhone silent_in_tls(server.port());
  silent_in_tls.hear();
  char byte = 0;
  EXPECT_EQ(::read(silent.get(), &byte, 1), 0);
  EXPECT_TRUE(silent_in_tls.ended());
}

TEST_F(CapfServer, RecordsAPhoneThatNeverSendsItsKey) {
  house().save(phone("SEP0000000000A5"));
  services::capf::Patience patience;
  patience.key = 1s;
  {
    RunningServer server(house(), {}, patience);
    auto client = authenticated(server.port(), "SEP0000000000A5");
    EXPECT_EQ(client->hear().command, 3);
    EXPECT_TRUE(client->ended());
  }
  EXPECT_EQ(house().status("SEP0000000000A5"), "Upgrade Failed: Key Generation Failed/Timeout");
}

TEST_F(CapfServer, LeavesAStaleCertificateAndAFailedOperationWhenThePhoneVanishes) {
  const std::string name = "SEP0000000000A6";
  house().save(phone(name));
  RunningServer server(house());
  auto lost = authenticated(server.port(), name);
  lost->hear();
  lost->say(4, element(9, new_key()));
  EXPECT_EQ(lost->hear().command, 9);
  lost.reset();
  EXPECT_TRUE(eventually(
      [&] { return house().status(name) == "Upgrade Failed: Phone Communication Failure"; }));
  EXPECT_FALSE(house().journal.held(name));
  const auto stale = house().journal.stale();
  EXPECT_EQ(std::count_if(stale.begin(), stale.end(),
                          [&](const core::IssuedCertificate& row) { return row.phone == name; }),
            1);

  auto client = authenticated(server.port(), name);
  client->hear();
  Said last;
  const Bytes lsc = client->enrol(new_key(), last);
  EXPECT_EQ(house().status(name), "Upgrade Success");
  EXPECT_EQ(house().journal.held(name)->der, lsc);
}

TEST_F(CapfServer, LeavesTheOperationPendingWhenItStopsItself) {
  const std::string name = "SEP0000000000AB";
  house().save(phone(name));
  std::unique_ptr<MiniPhone> client;
  {
    RunningServer server(house());
    client = authenticated(server.port(), name);
    EXPECT_EQ(client->hear().command, 3);
  }
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(house().status(name), "Operation Pending");
}

TEST_F(CapfServer, HangsUpTheOldConnectionOfAPhoneThatCameBack) {
  house().save(phone("SEP0000000000A7"));
  RunningServer server(house());
  auto old = authenticated(server.port(), "SEP0000000000A7");
  EXPECT_EQ(old->hear().command, 3);
  auto fresh = authenticated(server.port(), "SEP0000000000A7");
  EXPECT_EQ(fresh->hear().command, 3);
  EXPECT_TRUE(old->ended());
  Said last;
  EXPECT_TRUE(house().verified(fresh->enrol(new_key(), last)));
}

TEST_F(CapfServer, FinishesWithTheOldAuthorityAndBeginsWithTheNew) {
  house().save(phone("SEP0000000000A8"));
  house().save(phone("SEP0000000000A9"));
  RunningServer server(house());
  auto before = authenticated(server.port(), "SEP0000000000A8");
  EXPECT_EQ(before->hear().command, 3);
  const Bytes old_authority = house().certificates.own(core::Unit::capf)->der;
  EXPECT_EQ(before->server_certificate(), old_authority);

  house().regenerate();
  const Bytes new_authority = house().certificates.own(core::Unit::capf)->der;
  ASSERT_NE(new_authority, old_authority);
  auto after = authenticated(server.port(), "SEP0000000000A9");
  EXPECT_EQ(after->hear().command, 3);
  EXPECT_EQ(after->server_certificate(), new_authority);
  Said last;
  EXPECT_TRUE(house().verified(after->enrol(new_key(), last)));
  const Bytes old_lsc = before->enrol(new_key(), last);
  EXPECT_EQ(last.value(1), Bytes{1});
  EXPECT_EQ(core::issuer_of(*core::parse_certificate(old_lsc)),
            core::subject_of(*core::parse_certificate(old_authority)));
}

TEST_F(CapfServer, AsksThePhoneToComeBackWhileTheSignerIsDown) {
  const std::string name = "SEP0000000000AA";
  house().save(phone(name));
  RunningServer server(house());
  auto client = authenticated(server.port(), name);
  EXPECT_EQ(client->hear().command, 3);
  house().signer.reset();
  client->say(4, element(9, new_key()));
  const Said answer = client->hear();
  EXPECT_EQ(answer.command, 16);
  const Bytes delay = answer.value(12);
  ASSERT_EQ(delay.size(), 4U);
  EXPECT_GE(delay[3], 30);
  EXPECT_LT(delay[3], 60);
  EXPECT_EQ(house().status(name), "Operation Pending");

  house().signer = std::make_unique<SignerProcess>(house().folder.path());
  auto again = authenticated(server.port(), name);
  EXPECT_EQ(again->hear().command, 3);
  Said last;
  EXPECT_TRUE(house().verified(again->enrol(new_key(), last)));
}

TEST_F(CapfServer, GoesOnWithSessionsWhileSignaturesHang) {
  constexpr std::size_t kPhones = 32;
  std::vector<core::Phone> records;
  for (std::size_t i = 0; i < 2 * kPhones; ++i) {
    records.push_back(phone(fmt::format("SEP0000000002{:02X}", i)));
  }
  house().phones.save(records, core::PhoneStore::Ask::again);
  RunningServer server(house());
  MiniPhone inside(server.port());
  EXPECT_EQ(inside.hear().command, 1);
  std::vector<std::unique_ptr<MiniPhone>> with_keys;
  for (std::size_t i = 0; i < kPhones; ++i) {
    with_keys.push_back(authenticated(server.port(), records[i].name));
    EXPECT_EQ(with_keys.back()->hear().command, 3);
  }

  // These wait for their LSC, those for their handshake.
  PausedSigner paused(*house().signer);
  std::vector<std::future<int>> issued;
  std::vector<std::future<int>> shaken;
  for (std::size_t i = 0; i < kPhones; ++i) {
    issued.push_back(std::async(std::launch::async, [&, i] {
      Said last;
      with_keys[i]->enrol(new_key(), last);
      return last.command;
    }));
    shaken.push_back(std::async(std::launch::async, [&, i] {
      return authenticated(server.port(), records[kPhones + i].name)->hear().command;
    }));
  }
  ASSERT_TRUE(eventually([&] { return server.signing().waiting() == 2 * kPhones; }));
  inside.say(2, name_element("SEPFFFFFFFFFFFF") + kNullString);
  EXPECT_EQ(inside.hear().value(1), Bytes{9}) << "an unknown device is told so at once";
  EXPECT_TRUE(inside.ended());
  EXPECT_EQ(server.signing().waiting(), 2 * kPhones) << "they were to wait all the time";
  paused.resume();
  for (auto& command : issued) EXPECT_EQ(command.get(), 15);
  for (auto& command : shaken) EXPECT_EQ(command.get(), 3);
}

TEST_F(CapfServer, GivesAKeyThatRacesWithItselfToOnePhone) {
  constexpr std::size_t kPhones = 4;
  std::vector<core::Phone> records;
  for (std::size_t i = 0; i < kPhones; ++i)
    records.push_back(phone(fmt::format("SEP0000000003{:02X}", i)));
  house().phones.save(records, core::PhoneStore::Ask::again);
  RunningServer server(house());
  std::vector<std::unique_ptr<MiniPhone>> phones;
  for (const core::Phone& record : records) {
    phones.push_back(authenticated(server.port(), record.name));
    EXPECT_EQ(phones.back()->hear().command, 3);
  }

  const Bytes key = new_key();
  PausedSigner paused(*house().signer);  // until each was found to bring a key that nobody has
  for (const auto& each : phones) each->say(4, element(9, key));
  ASSERT_TRUE(eventually([&] { return server.signing().waiting() == kPhones; }));
  paused.resume();
  std::size_t winners = 0;
  for (std::size_t i = 0; i < kPhones; ++i) {
    const Said answer = phones[i]->hear();
    if (answer.command == 9) {
      ++winners;
      continue;
    }
    EXPECT_EQ(answer.command, 15) << "RETRY LATER would not help";
    EXPECT_EQ(answer.value(1), Bytes{7});
    EXPECT_EQ(house().status(records[i].name), "Upgrade Failed: Key Generation Failed/Timeout");
  }
  EXPECT_EQ(winners, 1U);
}

TEST_F(CapfServer, WarnsOnceThatItsOwnEndCutsLscsShort) {
  const core::OwnCertificate own = *house().certificates.own(core::Unit::capf);
  services::capf::SignerHealth health;
  services::capf::CapfIssuer issuer(house().capf_token, own, health);
  testing::internal::CaptureStderr();
  issuer.issue(phone(), new_key(), std::chrono::days(1825), house().clock.now());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  for (int i = 0; i < 2; ++i) {
    const auto lsc = issuer.issue(phone(), new_key(), std::chrono::days(4000), house().clock.now());
    EXPECT_EQ(lsc.not_after, core::not_after_of(*core::parse_certificate(own.der)));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("CAPF_VALIDITY_CUT asked_days=4000"), std::string::npos);
  EXPECT_EQ(log.find("CAPF_VALIDITY_CUT"), log.rfind("CAPF_VALIDITY_CUT"));
}

TEST_F(CapfServer, ClosesConnectionsAboveItsLimits) {
  services::capf::Bounds bounds;
  bounds.connections = {100, 2};
  RunningServer server(house(), bounds);
  MiniPhone first(server.port());
  MiniPhone second(server.port());
  const core::Fd third = connect_to(server.port());
  char byte = 0;
  EXPECT_LE(::read(third.get(), &byte, 1), 0);
  EXPECT_EQ(first.hear().command, 1);
  EXPECT_EQ(second.hear().command, 1);
}

}  // namespace
}  // namespace ringfence::test
