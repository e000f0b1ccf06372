// Strangers who come in a phone's name before the phone does, or beside it, by hand-written bytes
// over TLS; and what Jabber is told.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/security_event_store.h"
#include "tests/integration/capf/comers.h"
#include "tests/support/eventually.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;

class CapfFirstComer : public ComersTest {};

TEST_F(CapfFirstComer, LeavesTheVirginPhoneItsEnrolmentWhateverStrangersDid) {
  const std::string name = expect_phone("SEP0000000F0001").name;
  RunningServer server(house());
  int taken = 0;
  for (int i = 0; i < 14; ++i) {
    taken += abandons(server.port(), name, kStranger) ? 1 : 0;
    ASSERT_TRUE(eventually([&] { return server.server().sessions() == 0; })) << "its seat is free";
  }
  EXPECT_LE(taken, 12) << "bounded for one address";
  EXPECT_GE(taken, 6);
  EXPECT_EQ(enrols(server.port(), name, kHome), kDone);
  EXPECT_EQ(house().status(name), "Upgrade Success");
  const auto held = house().journal.held(name);
  ASSERT_TRUE(held);
  EXPECT_THAT(core::enrolled_from(*held).value_or(""), testing::StartsWith("127.0.0.1:"))
      << "unproven: anybody could have come by the null string";
  abandons(server.port(), name, kStranger);
  EXPECT_EQ(house().status(name), "Upgrade Success");
}

TEST_F(CapfFirstComer, LetsNobodyHangUpAPhoneByTheNullString) {
  const std::string name = expect_phone("SEP0000000F0002").name;
  RunningServer server(house());
  MiniPhone phone(server.port(), kHome);
  ASSERT_EQ(introduce(phone, name, kByNullString).command, 3);
  std::vector<std::unique_ptr<MiniPhone>> strangers;
  for (int i = 0; i < 20; ++i) {
    strangers.push_back(std::make_unique<MiniPhone>(server.port(), kStranger));
    EXPECT_EQ(introduce(*strangers.back(), name, kByNullString).command, 3);
  }
  Said last;
  EXPECT_TRUE(house().verified(phone.enrol(spki(ec_key("P-256").get()), last)));
  EXPECT_EQ(last.value(1), Bytes{1});
  strangers.clear();
  EXPECT_EQ(house().status(name), "Upgrade Success");
}

TEST_F(CapfFirstComer, MakesNoAddressThePhonesByAVisitThatProvesNothing) {
  const std::string name = expect_phone("SEP0000000F0003").name;
  RunningServer server(house());
  EXPECT_EQ(enrols(server.port(), name, kStranger), kDone);
  EXPECT_THAT(core::enrolled_from(*house().journal.held(name)).value_or(""),
              testing::StartsWith("127.0.0.66:"));
  EXPECT_THAT(server.records().whereabouts(name).known(), testing::IsEmpty());
  // The phone is asked anew, with a string, and fails at home: its own outcome, its own tries.
  expect_phone(name, AuthMode::auth_string);
  const Bytes wrong = kByString + password_element("000000");
  EXPECT_EQ(enrols(server.port(), name, kHome, wrong).second, Bytes{7});
  EXPECT_EQ(house().status(name), "Upgrade Failed: Invalid Authentication String");
  EXPECT_EQ(enrols(server.port(), name, kHome, kByString + password_element("482915")), kDone);
  ASSERT_TRUE(eventually([&] {
    return server.records().whereabouts(name).proven == std::vector<std::string>{kHome};
  }));
  EXPECT_EQ(core::enrolled_from(*house().journal.held(name)), std::nullopt);
  // From now on what strangers fail is not the phone's, and the phone keeps its tries.
  expect_phone(name, AuthMode::auth_string);
  for (int i = 0; i < 30; ++i)
    enrols(server.port(), name, fmt::format("127.0.1.{}", i + 1).c_str(), wrong);
  EXPECT_EQ(house().status(name), "Operation Pending");
  EXPECT_EQ(enrols(server.port(), name, kHome, kByString + password_element("482915")), kDone);
}

TEST_F(CapfFirstComer, GoesByTheRegistrationWhereNothingIsProven) {
  const std::string name = expect_phone("SEP0000000F0004").name;
  registers(name, kHome);
  RunningServer server(house());
  ASSERT_TRUE(abandons(server.port(), name, kStranger));
  ASSERT_TRUE(eventually([&] { return server.server().sessions() == 0; }));
  EXPECT_EQ(house().status(name), "Operation Pending");
  ASSERT_TRUE(abandons(server.port(), name, kHome));
  EXPECT_TRUE(eventually(
      [&] { return house().status(name) == "Upgrade Failed: Phone Communication Failure"; }));
  EXPECT_EQ(
      house().journal.outcome(name, house().phones.find(name)->capf.request)->peer.substr(0, 10),
      "127.0.0.1:");
  EXPECT_EQ(enrols(server.port(), name, kStranger), kDone) << "an LSC by the null string is CUCM's";
  core::SecurityEventStore security(house().capf_db);
  EXPECT_TRUE(eventually([&] {
    for (const core::CapfEvent& event : security.after(0, 1000))
      if (event.phone == name && event.kind == "enrolled_elsewhere") return true;
    return false;
  }));
}

TEST_F(CapfFirstComer, TakesNobodysFailureForThePhonesWhileTwoAddressesRegister) {
  const std::string name = expect_phone("SEP0000000F0005", AuthMode::auth_string).name;
  registers(name, kHome);
  registers(name, kStranger);
  RunningServer server(house());
  const Bytes wrong = kByString + password_element("000000");
  EXPECT_EQ(enrols(server.port(), name, kStranger, wrong).second, Bytes{7});
  EXPECT_EQ(house().status(name), "Operation Pending");
  for (int i = 0; i < 20; ++i)
    enrols(server.port(), name, fmt::format("127.0.2.{}", i + 1).c_str(), wrong);
  EXPECT_EQ(enrols(server.port(), name, kHome, kByString + password_element("482915")), kDone)
      << "nobody uses up its tries";
}

// What a stranger took is no success of the phone's, which still gets its own.
TEST_F(CapfFirstComer, LeavesTheRequestOpenWhenTheLscWentToAStranger) {
  const core::Phone phone = expect_phone("SEP0000000F0015");
  registers(phone.name, kHome);
  RunningServer server(house());
  EXPECT_EQ(enrols(server.port(), phone.name, kStranger), kDone);
  EXPECT_EQ(house().status(phone.name),
            "Upgrade Unproven: at an address that is not known to be the phone's");
  const auto outcome = house().journal.outcome(phone.name, phone.capf.request);
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->peer, testing::StartsWith("127.0.0.66:"));
  EXPECT_EQ(core::capf_visit(phone, outcome, house().clock.now()), core::CapfVisit::due);
  EXPECT_EQ(enrols(server.port(), phone.name, kHome), kDone);
  EXPECT_EQ(house().status(phone.name), "Upgrade Success");
  EXPECT_EQ(core::enrolled_from(*house().journal.held(phone.name)), std::nullopt)
      << "it went to where the phone registers";
}

// An LSC proves no more than what it was given for.
TEST_F(CapfFirstComer, TakesNoAddressForThePhonesByAnLscThatWentToAStranger) {
  const std::string name = expect_phone("SEP0000000F0006").name;
  registers(name, kHome);
  RunningServer server(house());
  const auto key = ec_key("P-256");
  const Bytes own = enrols_with(server.port(), name, kHome, kByNullString, key.get());
  expect_phone(name);
  const auto stolen_key = ec_key("P-256");
  Bytes stolen = enrols_with(server.port(), name, kStranger, kByNullString, stolen_key.get());
  for (int renewal = 0; renewal < 2; ++renewal) {
    expect_phone(name, AuthMode::lsc);
    stolen = enrols_with(server.port(), name, kStranger, shown_lsc(name, stolen, stolen_key.get()),
                         stolen_key.get());
    server.records().flush();
    EXPECT_THAT(server.records().whereabouts(name).proven, testing::IsEmpty());
    EXPECT_EQ(house().journal.held(name)->der, own) << "the phone does not hold it";
    EXPECT_NE(house().status(name), "Upgrade Success");
  }
  // The phone's own LSC, which went to where it registers, is as good as before.
  expect_phone(name, AuthMode::lsc);
  const auto renewed = ec_key("P-256");
  enrols_with(server.port(), name, kHome, shown_lsc(name, own, key.get()), renewed.get());
  EXPECT_EQ(house().status(name), "Upgrade Success");
  EXPECT_TRUE(eventually([&] {
    server.records().flush();
    return server.records().whereabouts(name).proven == std::vector<std::string>{kHome};
  }));
  EXPECT_EQ(core::enrolled_from(*house().journal.held(name)), std::nullopt);
  expect_phone(name, AuthMode::lsc);
  EXPECT_NE(enrols(server.port(), name, kStranger, shown_lsc(name, stolen, stolen_key.get())),
            kDone)
      << "and the stolen one is out of date";
}

// Nobody knows where a virgin phone is: what it then shows is as good as what it was given for.
TEST_F(CapfFirstComer, KeepsTheMarkOfAnLscThatWasRenewedByItself) {
  const std::string name = expect_phone("SEP0000000F0007").name;
  RunningServer server(house());
  const auto key = ec_key("P-256");
  const Bytes lsc = enrols_with(server.port(), name, kHome, kByNullString, key.get());
  EXPECT_EQ(house().status(name), "Upgrade Success");
  expect_phone(name, AuthMode::lsc);
  enrols_with(server.port(), name, kHome, shown_lsc(name, lsc, key.get()), key.get());
  EXPECT_EQ(house().status(name), "Upgrade Success");
  EXPECT_THAT(core::enrolled_from(*house().journal.held(name)).value_or(""),
              testing::StartsWith("127.0.0.1:"));
  server.records().flush();
  EXPECT_THAT(server.records().whereabouts(name).known(), testing::IsEmpty());
}

// cucm-behaviour 0 and 5.6: Jabber speaks version 2 and reads 7 as "nothing to do".
TEST_F(CapfFirstComer, EndsWithReasonSevenForJabberWithNothingPending) {
  core::Phone jabber = expect_phone("CSFjabber");
  RunningServer server(house());
  for (const bool done : {true, false}) {
    if (done) {
      EXPECT_EQ(enrols(server.port(), jabber.name, kHome), kDone);
    } else {
      jabber.capf.operation = Operation::none;
      house().save(jabber);
    }
    for (const std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}}) {
      MiniPhone phone(server.port());
      ASSERT_EQ(phone.hear().command, 1);
      // 55 02 session, then name (13), version (7) and how it authenticates (8), byte by byte.
      Bytes body{13, 0, 10, 'C', 'S', 'F', 'j', 'a', 'b', 'b', 'e', 'r', 0};
      for (const int byte : {7, 0, 1, int{version}, 8, 0, 1, 2})
        body.push_back(static_cast<std::uint8_t>(byte));
      phone.say(2, body);
      const Said end = phone.hear();
      EXPECT_EQ(end.command, 15);
      EXPECT_EQ(end.body, (Bytes{1, 0, 1, static_cast<std::uint8_t>(version == 2 ? 7 : 0)}));
      EXPECT_TRUE(phone.ended());
    }
  }
}

}  // namespace
}  // namespace ringfence::test
