// What the server does around sessions: limits, deadlines, keep-alive, the door for TLS 1.0.
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bench/crowd.h"
#include "tests/integration/capf/house.h"
#include "tests/integration/capf/mini_phone.h"
#include "tests/support/eventually.h"
#include "tests/support/paused_signer.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;

/// One signer serves all these tests; each makes its own phones and server.
class CapfDoor : public HouseTest {
 protected:
  /// expect_phone saves a phone that shall install an LSC.
  static std::string expect_phone(const std::string& name) {
    core::Phone phone;
    phone.name = name;
    phone.model = "CP-7975G";
    phone.capf.operation = core::Operation::install;
    phone.capf.key_order = core::KeyOrder::ec_only;
    phone.capf.ec_bits = 256;
    phone.capf.completes_by = house().clock.now() + 24h;
    house().save(phone);
    return name;
  }

  /// introduce answers the first request by null string and returns what the server says then.
  static Said introduce(MiniPhone& phone, const std::string& name) {
    EXPECT_EQ(phone.hear().command, 1);
    phone.say(2, name_element(name) + element(8, {2}));
    return phone.hear();
  }

  static void expect_retry_later(const Said& said) {
    EXPECT_EQ(said.command, 16);
    const core::Bytes delay = said.value(12);
    ASSERT_EQ(delay.size(), 4U);
    EXPECT_GE(delay[3], 30);
    EXPECT_LT(delay[3], 60) << "spread over half a minute";
  }

  static std::string openssl(std::uint16_t port, const std::string& options) {
    std::string output;
    run(fmt::format("openssl s_client -connect 127.0.0.1:{} {} < /dev/null", port, options),
        output);
    return output;
  }
};

TEST_F(CapfDoor, SpeaksOldTlsAtItsOwnPortOnly) {
  RunningServer server(house());
  for (const char* cipher : {"ECDHE-RSA-AES128-SHA", "DHE-RSA-AES256-SHA"}) {
    const std::string old = fmt::format("-tls1 -cipher {}:@SECLEVEL=0", cipher);
    EXPECT_THAT(openssl(server.legacy_port(), old),
                testing::AllOf(testing::HasSubstr("Protocol  : TLSv1\n"),
                               testing::HasSubstr("Cipher    : " + std::string(cipher) + "\n"),
                               testing::HasSubstr("Peer signing digest: MD5-SHA1"),
                               testing::HasSubstr("CN = CAPF-")));
    EXPECT_THAT(openssl(server.port(), old), testing::HasSubstr("alert protocol version"));
  }
  EXPECT_THAT(openssl(server.legacy_port(), "-tls1_2"), testing::HasSubstr("Cipher is ECDHE-"));
  EXPECT_THAT(openssl(server.port(), "-tls1_3"), testing::HasSubstr("New, TLSv1.3"));
  EXPECT_THAT(openssl(server.port(), "-tls1_1 -cipher ALL:@SECLEVEL=0"),
              testing::HasSubstr("alert protocol version"));
}

TEST_F(CapfDoor, DecryptsForNobody) {
  RunningServer server(house());
  for (const std::uint16_t port : {server.port(), server.legacy_port()}) {
    const std::string output = openssl(port, "-tls1_2 -cipher AES256-SHA:@SECLEVEL=0");
    EXPECT_THAT(output, testing::HasSubstr("handshake failure")) << port;
  }
}

TEST_F(CapfDoor, EnrolsPhonesThatKnowTls10Only) {
  RunningServer server(house());
  bench::CrowdPlan plan;
  plan.port = server.legacy_port();
  plan.tls = TLS1_VERSION;
  for (int i = 0; i < 3; ++i) {
    plan.names.push_back(expect_phone(fmt::format("SEP0000000000C{}", i)));
    plan.keys.push_back(spki(ec_key("P-256").get()));
  }
  const std::vector<std::string> names = plan.names;
  bench::Crowd crowd(plan);
  EXPECT_TRUE(crowd.run(60s));
  EXPECT_EQ(crowd.result().stored, 3U);
  EXPECT_THAT(crowd.result().failures, testing::IsEmpty());
  for (const std::string& name : names) {
    EXPECT_EQ(house().status(name), "Upgrade Success");
    EXPECT_TRUE(house().verified(house().journal.held(name)->der));
  }
}

TEST_F(CapfDoor, SharesItsLimitsAmongBothPorts) {
  services::capf::Bounds bounds;
  bounds.connections = {100, 2};
  RunningServer server(house(), bounds);
  MiniPhone first(server.port());
  const core::Fd second = connect_to(server.legacy_port());
  ASSERT_TRUE(eventually([&] { return server.server().sessions() == 2; }));
  for (const std::uint16_t port : {server.port(), server.legacy_port()}) {
    const core::Fd third = connect_to(port);
    char byte = 0;
    EXPECT_LE(::read(third.get(), &byte, 1), 0);
  }
  EXPECT_EQ(first.hear().command, 1);
}

TEST_F(CapfDoor, TellsPhonesToComeBackWhenItIsNearlyFull) {
  const std::string welcome = expect_phone("SEP0000000000D0");
  const std::string late = expect_phone("SEP0000000000D1");
  services::capf::Bounds bounds;
  bounds.sessions = 1;
  RunningServer server(house(), bounds);
  MiniPhone first(server.port());
  EXPECT_EQ(introduce(first, welcome).command, 3);
  MiniPhone second(server.port());
  expect_retry_later(introduce(second, late));
  EXPECT_TRUE(second.ended());
  EXPECT_EQ(house().status(late), "Operation Pending");
  EXPECT_EQ(server.server().turned_away(), 1U);
  ASSERT_TRUE(eventually([&] { return !house().journal.events(late).empty(); }));
  const auto events = house().journal.events(late);
  EXPECT_EQ(events[0].kind, "retry_later");
  EXPECT_THAT(events[0].detail, testing::HasSubstr("too many phones are connected"));
  Said last;
  EXPECT_TRUE(house().verified(first.enrol(spki(ec_key("P-256").get()), last)));
}

// Two addresses must not be able to keep everybody else from CAPF.
TEST_F(CapfDoor, LetsThePhonesOfOthersInWhenFewAddressesHaveAllThePlaces) {
  const std::string home = expect_phone("SEP0000000000D8");
  const std::string late = expect_phone("SEP0000000000D9");
  services::capf::Bounds bounds;
  bounds.sessions = 6;
  RunningServer server(house(), bounds);
  std::vector<std::unique_ptr<MiniPhone>> greedy;
  std::vector<std::string> names;
  for (int i = 0; i < 6; ++i) {
    names.push_back(expect_phone(fmt::format("SEP000000000E0{}", i)));
    const char* const from = i < 3 ? "127.0.0.66" : "127.0.0.67";
    greedy.push_back(std::make_unique<MiniPhone>(server.port(), from));
    ASSERT_EQ(introduce(*greedy.back(), names.back()).command, 3);
  }
  MiniPhone phone(server.port());
  ASSERT_EQ(introduce(phone, home).command, 3) << "one of those who hold three gives way";
  EXPECT_EQ(server.server().turned_away(), 0U);
  ASSERT_TRUE(eventually([&] { return server.server().sessions() == 6; }));
  // The other one of the two has most now; who has as many as any is told to come back.
  for (const char* const from : {"127.0.0.66", "127.0.0.67"}) {
    MiniPhone more(server.port(), from);
    expect_retry_later(introduce(more, late));
  }
  EXPECT_EQ(server.server().turned_away(), 2U);
  Said last;
  EXPECT_TRUE(house().verified(phone.enrol(spki(ec_key("P-256").get()), last)));
  for (const std::string& name : names)
    EXPECT_EQ(house().status(name), "Operation Pending") << "who gave way has not failed";
}

TEST_F(CapfDoor, TellsPhonesToComeBackWhileTheSignersQueueIsLong) {
  const std::string name = expect_phone("SEP0000000000D2");
  services::capf::Bounds bounds;
  bounds.signatures = 3;
  RunningServer server(house(), bounds);
  MiniPhone inside(server.port());
  EXPECT_EQ(inside.hear().command, 1);
  PausedSigner paused(*house().signer);
  bench::CrowdPlan plan;
  plan.port = server.port();
  for (int i = 0; i < 8; ++i) {
    plan.names.push_back(expect_phone(fmt::format("SEP00000000E0{:02X}", i)));
    plan.keys.push_back(spki(ec_key("P-256").get()));
  }
  bench::Crowd crowd(plan);
  EXPECT_FALSE(crowd.run(1s)) << "they wait for their handshakes";
  ASSERT_EQ(server.signing().waiting(), 8U);
  inside.say(2, name_element(name) + element(8, {2}));
  expect_retry_later(inside.hear());
  paused.resume();
  EXPECT_TRUE(crowd.run(100s)) << "who is told to come back does";
  EXPECT_EQ(crowd.result().stored, 8U);
}

TEST_F(CapfDoor, AsksNobodyForAKeyWhileTheSignerDoesNotSign) {
  const std::string name = expect_phone("SEP0000000000D3");
  RunningServer server(house());
  MiniPhone inside(server.port());
  EXPECT_EQ(inside.hear().command, 1);
  house().signer.reset();
  EXPECT_THROW(MiniPhone(server.port()), std::runtime_error) << "TLS itself needs the signer";
  inside.say(2, name_element(name) + element(8, {2}));
  expect_retry_later(inside.hear());

  house().signer = std::make_unique<SignerProcess>(house().folder.path());
  MiniPhone again(server.port());
  EXPECT_EQ(introduce(again, name).command, 3);
}

TEST_F(CapfDoor, HangsUpOnPhonesThatDoNotSayGoodbye) {
  services::capf::Bounds bounds;
  bounds.goodbye = 1s;
  RunningServer server(house(), bounds);
  MiniPhone phone(server.port());
  EXPECT_EQ(introduce(phone, "SEPFFFFFFFFFFFF").value(1), core::Bytes{9});
  EXPECT_TRUE(phone.ended());
  EXPECT_TRUE(eventually([&] { return server.server().sessions() == 0; }));
}

/// keep_alive_of returns the time until the kernel asks the peer for a sign of life (/proc/net/tcp,
/// field "tm->when" of timer 2), of the server's end of the connections at `port`.
std::vector<std::chrono::seconds> keep_alive_of(std::uint16_t port) {
  std::ifstream table("/proc/net/tcp");
  std::vector<std::chrono::seconds> found;
  std::string row;
  while (std::getline(table, row)) {
    std::istringstream fields(row);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    std::string queues;
    std::string timer;
    fields >> number >> local >> remote >> state >> queues >> timer;
    if (!local.ends_with(fmt::format(":{:04X}", port)) || state != "01") continue;
    if (timer.starts_with("02:")) found.emplace_back(std::stol(timer.substr(3), nullptr, 16) / 100);
  }
  return found;
}

TEST_F(CapfDoor, KeepsConnectionsAliveByThePolicyOfTheMoment) {
  RunningServer server(house());
  core::CapfPolicyStore policies(house().admin_db);
  const auto minutes_after = [&](int minutes, const std::string& name) {
    core::CapfPolicy policy = policies.load();
    policy.keep_alive_minutes = minutes;
    policies.save(policy);
    MiniPhone phone(server.port());
    EXPECT_EQ(introduce(phone, name).command, 3);
    std::vector<std::chrono::seconds> left;
    EXPECT_TRUE(eventually([&] { return !(left = keep_alive_of(server.port())).empty(); }));
    return left.empty() ? 0s : left.front();
  };
  const auto a_quarter = minutes_after(15, expect_phone("SEP0000000000D4"));
  EXPECT_GT(a_quarter, 14min);
  EXPECT_LE(a_quarter, 15min);
  EXPECT_TRUE(eventually([&] { return keep_alive_of(server.port()).empty(); }));
  const auto an_hour = minutes_after(60, expect_phone("SEP0000000000D5"));
  EXPECT_GT(an_hour, 59min);
  EXPECT_LE(an_hour, 60min);
}

TEST_F(CapfDoor, MeasuresHowLongPhonesWaitForIt) {
  const std::string name = expect_phone("SEP0000000000D6");
  RunningServer server(house());
  MiniPhone phone(server.port());
  EXPECT_EQ(introduce(phone, name).command, 3);
  Said last;
  phone.enrol(spki(ec_key("P-256").get()), last);
  EXPECT_EQ(server.server().handshakes().count(), 1U);
  EXPECT_TRUE(eventually([&] { return server.server().answers().count() == 3; }));
  EXPECT_GT(server.server().answers().quantile(0.5), 0us);
  EXPECT_LE(server.server().answers().quantile(0.5), server.server().answers().quantile(1));
}

}  // namespace
}  // namespace ringfence::test
