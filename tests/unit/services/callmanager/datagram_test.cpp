// What a datagram, whose source can be forged, may do to a phone that has a connection.
#include <gtest/gtest.h>

#include "services/callmanager/registrar.h"

namespace ringfence::services::callmanager {
namespace {

using std::chrono::seconds;

constexpr core::Time kStart{seconds(1'700'000'000)};
const std::string kPhone = "SEP001122334455";

class DatagramTest : public testing::Test {
 protected:
  static constexpr Flow kFlow = 7;

  static Register request(const std::string& call_id, std::uint32_t cseq,
                          const std::string& user = "6001") {
    Register result;
    result.call_id = call_id;
    result.cseq = cseq;
    result.to_user = kPhone;
    Contact contact;
    contact.uri = "sip:" + user + "@10.0.0.7:5060";
    contact.user = user;
    contact.device_name = kPhone;
    result.contacts = {contact};
    result.expires = seconds(120);
    result.transport = "udp";
    result.peer = "10.0.0.7:5060";
    return result;
  }

  void SetUp() override {
    Register over_tcp = request("one@phone", 1);
    over_tcp.transport = "tcp";
    ASSERT_EQ(receive(over_tcp, kStart, kFlow).status, 200);
  }

  /// expect_untouched expects the connection's contact as it was, and no other.
  void expect_untouched() {
    const auto contacts = registrar_.contacts(kPhone, kStart + seconds(1));
    ASSERT_EQ(contacts.size(), 1U);
    EXPECT_EQ(contacts[0].flow, kFlow);
    EXPECT_EQ(contacts[0].row.call_id, "one@phone");
    EXPECT_EQ(contacts[0].row.refreshed_at, kStart);
    EXPECT_TRUE(registrar_.uses(kFlow));
  }

  Verdict receive(const Register& what, core::Time now, Flow flow = 0) {
    return registrar_.receive(what, flow, devices_, now);
  }

  Registrar registrar_{{seconds(3600), seconds(0)}};
  const Devices devices_{{kPhone, {"stamp"}}};
};

TEST_F(DatagramTest, NeitherErasesNorReplacesNorRefreshesIt) {
  Register star = request("forged@host", 1);
  star.contacts.clear();
  star.every_contact = true;
  star.expires = seconds(0);
  Register leave = request("one@phone", 2);
  leave.expires = seconds(0);
  Register alive = request("forged@host", 1);
  alive.contacts[0].keep_alive = true;
  for (const Register& forged : {star, leave, alive, request("forged@host", 1),
                                 request("one@phone", 2), request("forged@host", 1, "other")}) {
    const Verdict verdict = receive(forged, kStart + seconds(1));
    EXPECT_EQ(verdict.status, 503);
    EXPECT_TRUE(verdict.changes.empty());
    expect_untouched();
  }
}

TEST_F(DatagramTest, FromElsewherePushesItOutNeither) {
  registrar_.heard(key_of(registrar_.contacts(kPhone, kStart)[0].row), false, kStart);
  for (int host = 0; host < 60; ++host)
    for (int line = 0; line < 3; ++line) {
      Register forged = request("forged@host", 1, std::to_string(line));
      forged.peer = "10.6.6." + std::to_string(host) + ":5060";
      receive(forged, kStart + seconds(1));
    }
  EXPECT_TRUE(registrar_.uses(kFlow));
}

TEST_F(DatagramTest, CountsOnceTheConnectionHasEnded) {
  registrar_.flow_ended(kFlow);
  EXPECT_EQ(receive(request("two@phone", 1), kStart + seconds(1)).status, 200);
}

}  // namespace
}  // namespace ringfence::services::callmanager
