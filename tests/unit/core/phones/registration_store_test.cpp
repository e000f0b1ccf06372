#include "core/phones/registration_store.h"

#include <gtest/gtest.h>

#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using std::chrono::seconds;

const Time kNow = from_seconds(1'795'255'200);

Registration registration(const std::string& device, const std::string& contact) {
  return {device,
          contact,
          device,
          "call-1@host",
          "udp",
          "127.0.0.1:40000",
          "Cisco-CP8861/14.1",
          kNow,
          kNow,
          kNow + seconds(60)};
}

class RegistrationStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "callmanager.db", Schema::callmanager, Access::read_write};
  RegistrationStore store_{database_};
};

TEST_F(RegistrationStoreTest, KeepsEveryFieldPerContact) {
  Registration second = registration("SEP1", "sip:b@127.0.0.1:2");
  second.contact_user = "b";
  second.transport = "tcp";
  store_.save(registration("SEP1", "sip:a@127.0.0.1:1"));
  store_.save(std::vector{registration("SEP2", "sip:c@127.0.0.1:3"), second});
  Registration renewed = second;
  renewed.call_id = "call-2@host";
  renewed.refreshed_at = kNow + seconds(5);
  renewed.expires_at = kNow + seconds(65);
  store_.save(renewed);
  const auto found = store_.find("SEP1");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].contact, "sip:a@127.0.0.1:1");
  EXPECT_EQ(found[0].contact_user, "SEP1");
  EXPECT_EQ(found[1].device, "SEP1");
  EXPECT_EQ(found[1].contact_user, "b");
  EXPECT_EQ(found[1].call_id, "call-2@host");
  EXPECT_EQ(found[1].transport, "tcp");
  EXPECT_EQ(found[1].peer, "127.0.0.1:40000");
  EXPECT_EQ(found[1].user_agent, "Cisco-CP8861/14.1");
  EXPECT_EQ(found[1].registered_at, kNow);
  EXPECT_EQ(found[1].refreshed_at, kNow + seconds(5));
  EXPECT_EQ(found[1].expires_at, kNow + seconds(65));
  EXPECT_EQ(store_.list().size(), 3U);
  EXPECT_TRUE(store_.find("SEP3").empty());
}

TEST_F(RegistrationStoreTest, KeepsWhereThePhoneListensAndSinceWhenItIsSilent) {
  Registration one = registration("SEP1", "sip:a@127.0.0.1:1");
  EXPECT_TRUE(one.answers());
  one.target = "127.0.0.1:5060";
  one.silent_since = kNow + seconds(7);
  store_.save(std::vector{one, registration("SEP2", "sip:b@127.0.0.1:1")});
  auto rows = store_.list();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].target, "127.0.0.1:5060");
  EXPECT_EQ(rows[0].silent_since, kNow + seconds(7));
  EXPECT_FALSE(rows[0].answers());
  EXPECT_TRUE(rows[1].answers());
  one.silent_since.reset();
  store_.save(one);
  EXPECT_TRUE(store_.find("SEP1").at(0).answers());
}

TEST_F(RegistrationStoreTest, KeepsWhatEachAddressRegistered) {
  Registration other = registration("SEP1", "sip:a@127.0.0.1:1");
  other.peer = "127.0.0.9:40000";
  store_.save(std::vector{registration("SEP1", "sip:a@127.0.0.1:1"), other});
  ASSERT_EQ(store_.find("SEP1").size(), 2U);
  store_.remove("SEP1", "sip:a@127.0.0.1:1", "127.0.0.9");
  ASSERT_EQ(store_.find("SEP1").size(), 1U);
  EXPECT_EQ(store_.find("SEP1")[0].peer, "127.0.0.1:40000");
}

TEST_F(RegistrationStoreTest, KnowsWhenTheRegistrarStopped) {
  EXPECT_EQ(store_.registrar(), std::nullopt);
  store_.registrar_started(kNow);
  EXPECT_EQ(store_.registrar().value().started, kNow);
  EXPECT_EQ(store_.registrar().value().stopped, std::nullopt);
  store_.registrar_stopped(kNow + seconds(9));
  EXPECT_EQ(store_.registrar().value().stopped, kNow + seconds(9));
  store_.registrar_started(kNow + seconds(20));
  EXPECT_EQ(store_.registrar().value().started, kNow + seconds(20));
  EXPECT_EQ(store_.registrar().value().stopped, std::nullopt);
}

TEST_F(RegistrationStoreTest, ForgetsWhatWasRemovedOrExpired) {
  store_.save(registration("SEP1", "sip:a"));
  store_.save(registration("SEP1", "sip:b"));
  Registration longer = registration("SEP2", "sip:c");
  longer.expires_at = kNow + seconds(61);
  store_.save(longer);
  store_.remove("SEP1", "sip:a", "127.0.0.1");
  store_.remove("SEP1", "sip:b", "127.0.0.2");
  store_.remove("SEP9", "sip:a", "127.0.0.1");
  EXPECT_EQ(store_.list().size(), 2U);
  store_.remove_expired(kNow + seconds(60));
  ASSERT_EQ(store_.list().size(), 1U);
  EXPECT_EQ(store_.list()[0].device, "SEP2");
}

TEST_F(RegistrationStoreTest, KeepsWhatAResetWasAnswered) {
  store_.reset_sent({4, "SEP2", "reset", kNow, std::nullopt, 0});
  store_.reset_sent(std::vector{ResetRow{4, "SEP1", "reset", kNow, std::nullopt, 0},
                                ResetRow{5, "SEP1", "restart", kNow, std::nullopt, 0}});
  store_.reset_answered(4, "SEP1", 200, kNow, "10.0.0.5");
  store_.reset_answered(4, "SEP1", 200, kNow + seconds(1), "10.6.6.6");
  store_.reset_answered(4, "SEP9", 200, kNow);
  const auto rows = store_.resets(4);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].id, 4);
  EXPECT_EQ(rows[0].device, "SEP1");
  EXPECT_EQ(rows[0].kind, "reset");
  EXPECT_EQ(rows[0].sent_at, kNow);
  EXPECT_EQ(rows[0].status, 200);
  EXPECT_EQ(rows[0].answered_at, kNow + seconds(1));
  EXPECT_EQ(rows[0].answered_by, "10.0.0.5 10.6.6.6");
  EXPECT_EQ(rows[1].answered_by, "");
  EXPECT_EQ(rows[1].device, "SEP2");
  EXPECT_EQ(rows[1].status, 0);
  EXPECT_EQ(rows[1].answered_at, std::nullopt) << "an answer was left from the row before";
  EXPECT_TRUE(store_.resets(6).empty());
}

}  // namespace
}  // namespace ringfence::core
