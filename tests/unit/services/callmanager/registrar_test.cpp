#include <algorithm>
#include <map>

#include "tests/unit/services/callmanager/registrar_fixture.h"

namespace ringfence::services::callmanager {
namespace {

using std::chrono::seconds;

TEST_F(RegistrarTest, KeepsWhatAResetNeeds) {
  const Verdict verdict = receive(request());
  EXPECT_EQ(verdict.status, 200);
  EXPECT_EQ(verdict.device, kPhone);
  EXPECT_TRUE(verdict.registered_anew);
  EXPECT_EQ(verdict.granted, seconds(120));
  ASSERT_EQ(verdict.changes.size(), 1U);
  ASSERT_TRUE(verdict.changes[0].row.has_value());
  const core::Registration& row = *verdict.changes[0].row;
  EXPECT_EQ(row.device, kPhone);
  EXPECT_EQ(row.contact, "sip:6001@10.0.0.7:5060");
  EXPECT_EQ(row.contact_user, "6001");
  EXPECT_EQ(row.call_id, "one@phone");
  EXPECT_EQ(row.transport, "udp");
  EXPECT_EQ(row.peer, "10.0.0.7:5060");
  EXPECT_EQ(row.user_agent, "CP8861");
  EXPECT_EQ(row.registered_at, kStart);
  EXPECT_EQ(row.refreshed_at, kStart);
  EXPECT_EQ(row.expires_at, kStart + seconds(120));
}

TEST_F(RegistrarTest, ARefreshKeepsTheTimeOfRegistration) {
  receive(request());
  const Verdict verdict = receive(request("one@phone", 2), kStart + seconds(60));
  EXPECT_FALSE(verdict.registered_anew);
  ASSERT_EQ(verdict.bindings.size(), 1U);
  EXPECT_EQ(verdict.bindings[0].registered_at, kStart);
  EXPECT_EQ(verdict.bindings[0].refreshed_at, kStart + seconds(60));
  EXPECT_EQ(verdict.bindings[0].expires_at, kStart + seconds(180));
}

TEST_F(RegistrarTest, ANewCallIdIsANewRegistration) {
  receive(request());
  const Verdict verdict = receive(request("two@phone", 1), kStart + seconds(60));
  EXPECT_TRUE(verdict.registered_anew);
  ASSERT_EQ(verdict.bindings.size(), 1U);
  EXPECT_EQ(verdict.bindings[0].registered_at, kStart + seconds(60));
  EXPECT_EQ(verdict.bindings[0].call_id, "two@phone");
}

TEST_F(RegistrarTest, ARegisterAfterExpiryIsANewRegistration) {
  receive(request());
  const Verdict verdict = receive(request("one@phone", 2), kStart + seconds(120));
  EXPECT_TRUE(verdict.registered_anew);
  EXPECT_EQ(verdict.bindings.at(0).registered_at, kStart + seconds(120));
}

TEST_F(RegistrarTest, ARegisterAfterUnregisteringIsANewRegistration) {
  receive(request());
  Register leave = request("one@phone", 2);
  leave.expires = seconds(0);
  const Verdict left = receive(leave, kStart + seconds(10));
  EXPECT_EQ(left.status, 200);
  EXPECT_TRUE(left.bindings.empty());
  EXPECT_EQ(left.granted, seconds(0));
  ASSERT_EQ(left.changes.size(), 1U);
  EXPECT_FALSE(left.changes[0].row.has_value());
  EXPECT_EQ(registrar_.device_count(), 0U);
  EXPECT_TRUE(receive(request("one@phone", 3), kStart + seconds(20)).registered_anew);
}

TEST_F(RegistrarTest, StarTakesEveryContactAway) {
  receive(request("one@phone", 1, "6001"));
  receive(request("two@phone", 1, "6002"));
  EXPECT_EQ(registrar_.contact_count(), 2U);
  EXPECT_EQ(registrar_.device_count(), 1U);
  Register leave = request("one@phone", 2, kPhone);
  leave.contacts.clear();
  leave.every_contact = true;
  leave.expires = seconds(0);
  EXPECT_EQ(receive(leave).changes.size(), 2U);
  EXPECT_EQ(registrar_.contact_count(), 0U);
  EXPECT_EQ(registrar_.device_count(), 0U);
}

TEST_F(RegistrarTest, BoundsTheLifetime) {
  Register hasty = request();
  hasty.expires = seconds(1);
  EXPECT_EQ(receive(hasty).granted, seconds(60));
  Register lazy = request("one@phone", 2);
  lazy.expires = seconds(UINT32_MAX);
  EXPECT_EQ(receive(lazy).granted, seconds(3600));
  Register silent = request("one@phone", 3);
  silent.expires = std::nullopt;
  EXPECT_EQ(receive(silent).granted, seconds(3600));
}

TEST_F(RegistrarTest, AContactsOwnExpiresGoesBeforeTheHeader) {
  Register what = request();
  what.contacts[0].expires = seconds(300);
  EXPECT_EQ(receive(what).granted, seconds(300));
}

TEST_F(RegistrarTest, AnUnknownDeviceIsNotFound) {
  Register what = request();
  what.contacts[0].device_name = "SEP999999999999";
  const Verdict verdict = receive(what);
  EXPECT_EQ(verdict.status, 404);
  EXPECT_EQ(verdict.reason, "no such device");
  EXPECT_EQ(registrar_.device_count(), 0U);
}

TEST_F(RegistrarTest, ADeviceIsFoundByItsInstance) {
  Register what = request();
  what.contacts[0].device_name.clear();
  what.contacts[0].instance = "<urn:uuid:00000000-0000-0000-0000-00112233445f>";
  EXPECT_EQ(receive(what).device, "SEP00112233445F");
}

TEST_F(RegistrarTest, ADeviceIsFoundByToUser) {
  Register what = request();
  what.contacts[0].device_name.clear();
  what.to_user = "CSFanna";
  EXPECT_EQ(receive(what).device, "CSFanna");
}

TEST_F(RegistrarTest, AnOldCSeqChangesNothing) {
  receive(request("one@phone", 5));
  Register old = request("one@phone", 4);
  old.expires = seconds(0);
  const Verdict verdict = receive(old);
  EXPECT_EQ(verdict.status, 400);
  EXPECT_TRUE(verdict.changes.empty());
  EXPECT_EQ(registrar_.contact_count(), 1U);
}

TEST_F(RegistrarTest, APhoneThatComesBackFromAnotherPortReplacesItself) {
  receive(request());
  Register back = request("two@phone");
  back.contacts[0] = contact("6001", 49'152);
  const Verdict verdict = receive(back);
  ASSERT_EQ(verdict.bindings.size(), 1U);
  EXPECT_EQ(verdict.bindings[0].contact, "sip:6001@10.0.0.7:49152");
  ASSERT_EQ(verdict.changes.size(), 2U);
  EXPECT_FALSE(verdict.changes[0].row.has_value());
  EXPECT_EQ(verdict.changes[0].key.contact, "sip:6001@10.0.0.7:5060");
}

TEST_F(RegistrarTest, ARegisterWithoutContactsAsksWhatIsThere) {
  receive(request());
  Register question = request("three@phone", 1, kPhone);
  question.contacts.clear();
  question.expires = std::nullopt;
  const Verdict verdict = receive(question);
  EXPECT_EQ(verdict.status, 200);
  EXPECT_TRUE(verdict.changes.empty());
  EXPECT_EQ(verdict.bindings.size(), 1U);
}

TEST_F(RegistrarTest, AQuestionAboutAnAbsentPhoneLeavesNothingBehind) {
  Register question = request("three@phone", 1, kPhone);
  question.contacts.clear();
  EXPECT_EQ(receive(question).status, 200);
  EXPECT_EQ(registrar_.device_count(), 0U);
}

TEST_F(RegistrarTest, ExpiryDropsWhatIsDueAndNothingElse) {
  receive(request("one@phone", 1, "6001"));
  receive(request("two@phone", 1, "6002"), kStart + seconds(30));
  EXPECT_TRUE(registrar_.expire(kStart + seconds(119)).empty());
  const Changes gone = registrar_.expire(kStart + seconds(120));
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].key.contact, "sip:6001@10.0.0.7:5060");
  EXPECT_EQ(registrar_.contact_count(), 1U);
}

TEST_F(RegistrarTest, ATcpPhoneIsRegisteredWhileItsConnectionLives) {
  receive(request("udp@phone", 1, "6000"));
  for (const std::string user : {"6001", "6002"}) {
    Register tcp = request("tcp@phone", 1, user);
    tcp.transport = "tcp";
    receive(tcp, kStart, 7);
  }
  EXPECT_TRUE(registrar_.uses(7));
  const Changes gone = registrar_.flow_ended(7);
  ASSERT_EQ(gone.size(), 2U);
  for (const Change& change : gone) {
    EXPECT_FALSE(change.row.has_value());
    EXPECT_NE(change.key.contact, "sip:6000@10.0.0.7:5060");
  }
  EXPECT_FALSE(registrar_.uses(7));
  ASSERT_EQ(registrar_.contacts(kPhone, kStart).size(), 1U);
  EXPECT_EQ(registrar_.contacts(kPhone, kStart)[0].row.contact_user, "6000");
  EXPECT_EQ(registrar_.contact_count(), 1U);
  EXPECT_TRUE(registrar_.flow_ended(7).empty()) << "it ends once";
}

TEST_F(RegistrarTest, TheEndOfItsOnlyConnectionForgetsAPhone) {
  Register tcp = request("one@phone", 5);
  tcp.transport = "tcp";
  receive(tcp, kStart, 7);
  registrar_.flow_ended(7);
  EXPECT_EQ(registrar_.device_count(), 0U);
  EXPECT_EQ(registrar_.contact_count(), 0U);
  tcp.cseq = 1;
  EXPECT_TRUE(receive(tcp, kStart, 8).registered_anew);
}

TEST_F(RegistrarTest, TheEndOfAnEarlierConnectionDoesNotTouchTheNext) {
  Register tcp = request();
  tcp.transport = "tcp";
  receive(tcp, kStart, 7);
  tcp.cseq = 2;
  receive(tcp, kStart, 8);
  EXPECT_FALSE(registrar_.uses(7));
  EXPECT_TRUE(registrar_.flow_ended(7).empty());
  ASSERT_EQ(registrar_.contacts(kPhone, kStart).size(), 1U);
  EXPECT_EQ(registrar_.contacts(kPhone, kStart)[0].flow, 8U);
}

TEST_F(RegistrarTest, GrantsWhatCucmGrantsAndBelievesARegistrationForTheGrace) {
  Registrar registrar;
  Register what = request();
  what.expires = seconds(3600);
  const Verdict verdict = registrar.receive(what, 0, devices_, kStart);
  EXPECT_EQ(verdict.granted, seconds(120));
  EXPECT_EQ(registrar.granted_until(verdict.bindings.at(0)), kStart + seconds(120));
  EXPECT_TRUE(registrar.expire(kStart + seconds(124)).empty());
  EXPECT_EQ(registrar.expire(kStart + seconds(125)).size(), 1U);
}

TEST_F(RegistrarTest, AKeepAliveRefreshesAndChangesNothingElse) {
  receive(request());
  Register alive = request("another@phone", 1);
  alive.contacts[0].keep_alive = true;
  alive.contacts[0].uri = "sip:6001@10.0.0.7:1";
  alive.expires = seconds(0);
  const Verdict verdict = receive(alive, kStart + seconds(100));
  EXPECT_EQ(verdict.status, 200);
  EXPECT_FALSE(verdict.registered_anew);
  ASSERT_EQ(verdict.bindings.size(), 1U);
  EXPECT_EQ(verdict.bindings[0].contact, "sip:6001@10.0.0.7:5060");
  EXPECT_EQ(verdict.bindings[0].call_id, "one@phone");
  EXPECT_EQ(verdict.bindings[0].registered_at, kStart);
  EXPECT_EQ(verdict.bindings[0].refreshed_at, kStart + seconds(100));
  EXPECT_GT(verdict.bindings[0].expires_at, kStart + seconds(120));
}

TEST_F(RegistrarTest, AKeepAliveOfAStrangerOrOfNothingLeavesEverythingAsItIs) {
  Register alive = request();
  alive.contacts[0].keep_alive = true;
  EXPECT_EQ(receive(alive).status, 200);
  EXPECT_EQ(registrar_.device_count(), 0U);
  receive(request("one@phone", 2));
  alive.peer = "10.0.0.8:5060";
  EXPECT_TRUE(receive(alive, kStart + seconds(50)).changes.empty());
  EXPECT_EQ(registrar_.contacts(kPhone, kStart)[0].row.refreshed_at, kStart);
}

TEST_F(RegistrarTest, APhoneThatLeftANotifyUnansweredIsSilentUntilItSpeaks) {
  receive(request());
  const ContactKey key{kPhone, "sip:6001@10.0.0.7:5060", "10.0.0.7"};
  const Changes silent = registrar_.heard(key, false, kStart + seconds(10));
  ASSERT_EQ(silent.size(), 1U);
  EXPECT_EQ(silent[0].row->silent_since, kStart + seconds(10));
  EXPECT_EQ(registrar_.silent_count(), 1U);
  EXPECT_TRUE(registrar_.heard(key, false, kStart + seconds(20)).empty()) << "since the first";
  ASSERT_EQ(registrar_.heard(key, true, kStart + seconds(30)).size(), 1U);
  EXPECT_EQ(registrar_.silent_count(), 0U);
  registrar_.heard(key, false, kStart + seconds(40));
  EXPECT_TRUE(receive(request("one@phone", 2)).bindings.at(0).answers());
  EXPECT_TRUE(registrar_.heard({kPhone, "sip:other", "10.0.0.7"}, false, kStart).empty());
  EXPECT_TRUE(registrar_.heard({"SEP0", "sip:other", "10.0.0.7"}, false, kStart).empty());
}

TEST_F(RegistrarTest, KnowsWhereAPhoneListensThatSendsFromAThrowAwayPort) {
  Register what = request();
  what.peer = "10.0.0.7:49152";
  what.contacts[0].host = "10.0.0.7";
  what.contacts[0].port = 5062;
  EXPECT_EQ(receive(what).bindings.at(0).target, "10.0.0.7:5062");
  what.sent_by.rport = true;
  EXPECT_EQ(receive(what).bindings.at(0).target, "") << "as `peer`";
}

TEST_F(RegistrarTest, ReadsBackWhatHasNotExpired) {
  core::Registration row{.device = kPhone,
                         .contact = "sip:6001@10.0.0.7:5060",
                         .contact_user = "6001",
                         .call_id = "one@phone",
                         .transport = "udp",
                         .peer = "10.0.0.7:5060",
                         .user_agent = "",
                         .registered_at = kStart - seconds(500),
                         .refreshed_at = kStart - seconds(10),
                         .expires_at = kStart + seconds(110)};
  core::Registration old = row;
  old.contact_user = "6002";
  old.expires_at = kStart;
  core::Registration tcp = row;
  tcp.contact_user = "6003";
  tcp.transport = "tcp";
  tcp.contact = "sip:6003@10.0.0.7:49152";
  const Changes gone = registrar_.restore({row, old, tcp}, devices_, kStart);
  ASSERT_EQ(gone.size(), 1U) << "no connection of TCP outlives the daemon";
  EXPECT_EQ(gone[0].key.contact, "sip:6003@10.0.0.7:49152");
  EXPECT_FALSE(gone[0].row.has_value());
  EXPECT_EQ(registrar_.contact_count(), 1U);
  const std::vector<Binding> contacts = registrar_.contacts(kPhone, kStart);
  ASSERT_EQ(contacts.size(), 1U);
  EXPECT_EQ(contacts[0].row.call_id, "one@phone");
  EXPECT_FALSE(receive(request("one@phone", 1)).registered_anew);
}

TEST_F(RegistrarTest, WhatItReadsBackAndDoesNotKeepIsGone) {
  std::vector<core::Registration> rows;
  for (int host = 0; host < 60; ++host) {
    rows.push_back({.device = kPhone,
                    .contact = "sip:6001@10.9.9." + std::to_string(host),
                    .contact_user = "6001",
                    .call_id = "one@host",
                    .transport = "udp",
                    .peer = "10.9.9." + std::to_string(host) + ":5060",
                    .user_agent = "",
                    .registered_at = kStart,
                    .refreshed_at = kStart,
                    .expires_at = kStart + seconds(110)});
  }
  core::Registration same_line = rows[0];
  same_line.contact += ":5062";
  rows.insert(rows.begin() + 1, same_line);
  const Changes gone = registrar_.restore(rows, devices_, kStart);
  EXPECT_EQ(registrar_.contact_count(), Registrar::kMany.in_all);
  EXPECT_EQ(gone.size(), rows.size() - Registrar::kMany.in_all);
  for (const Change& change : gone) {
    EXPECT_FALSE(change.row.has_value());
    for (const Binding& kept : registrar_.contacts(kPhone, kStart))
      EXPECT_NE(key_of(kept.row), change.key);
  }
}

TEST_F(RegistrarTest, ForgetsDevicesThatTheAdministratorRemoved) {
  receive(request());
  const Changes gone = registrar_.keep_only({{"CSFanna", {}}});
  EXPECT_EQ(gone.size(), 1U);
  EXPECT_EQ(registrar_.device_count(), 0U);
  EXPECT_EQ(registrar_.contact_count(), 0U);
}

}  // namespace
}  // namespace ringfence::services::callmanager
