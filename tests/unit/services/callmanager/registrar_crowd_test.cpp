// Whose contacts give way when there are too many.
#include <algorithm>
#include <vector>

#include "tests/unit/services/callmanager/registrar_fixture.h"

namespace ringfence::services::callmanager {
namespace {

using std::chrono::seconds;

class CrowdedTest : public RegistrarTest {
 protected:
  static Register from(int host, const std::string& user = "6001") {
    Register made_up = request("bad@host", 1, user);
    made_up.peer = "10.9.9." + std::to_string(host) + ":5060";
    return made_up;
  }

  bool has(std::string_view address) const {
    const std::vector<Binding> contacts = registrar_.contacts(kPhone, kStart);
    return std::any_of(contacts.begin(), contacts.end(),
                       [&](const Binding& one) { return address_in(one.row.peer) == address; });
  }

  std::vector<int> crowd(int hosts) {
    std::vector<int> answers;
    for (int host = 1; host <= hosts; ++host) answers.push_back(receive(from(host)).status);
    return answers;
  }
};

TEST_F(RegistrarTest, NobodyTakesAwayWhatAnotherAddressRegistered) {
  receive(request("one@phone", 1, "6001"));
  Register stranger = request("two@phone", 2, kPhone);
  stranger.peer = "10.9.9.9:5060";
  stranger.contacts.clear();
  stranger.every_contact = true;
  stranger.expires = seconds(0);
  EXPECT_TRUE(receive(stranger).changes.empty());
  Register by_name = request("three@phone", 3, "6001");
  by_name.peer = "10.9.9.9:5060";
  by_name.expires = seconds(0);
  EXPECT_TRUE(receive(by_name).changes.empty());
  EXPECT_EQ(registrar_.contact_count(), 1U);
}

TEST_F(RegistrarTest, OfTooManyContactsTheLeastRecentlyRefreshedGoes) {
  for (std::size_t i = 0; i <= Registrar::kMany.of_an_address; ++i)
    receive(request("one@phone", 1, "u" + std::to_string(i)), kStart + seconds(i));
  EXPECT_EQ(registrar_.contact_count(), Registrar::kMany.of_an_address);
  for (const Binding& binding : registrar_.contacts(kPhone, kStart + seconds(20)))
    EXPECT_NE(binding.row.contact_user, "u0");
}

TEST_F(RegistrarTest, WhoMakesContactsUpDisplacesHisOwn) {
  receive(request("one@phone", 1, "6001"));
  for (int i = 0; i < 50; ++i) {
    Register made_up = request("bad@host", 1, std::to_string(i));
    made_up.peer = "10.9.9.9:" + std::to_string(1000 + i);
    receive(made_up, kStart + seconds(1));
  }
  const std::vector<Binding> contacts = registrar_.contacts(kPhone, kStart);
  EXPECT_EQ(contacts.size(), 1 + Registrar::kMany.of_an_address);
  EXPECT_TRUE(std::any_of(contacts.begin(), contacts.end(),
                          [](const Binding& one) { return one.row.contact_user == "6001"; }));
}

TEST_F(RegistrarTest, NobodyTakesThePlaceOfWhatAnotherAddressRegistered) {
  receive(request("one@phone", 5));
  Register stranger = request("one@phone", 9);  // the same line, contact and Call-ID
  stranger.peer = "10.9.9.9:5060";
  const Verdict verdict = receive(stranger, kStart + seconds(1));
  EXPECT_EQ(verdict.status, 200);
  for (const Change& change : verdict.changes) EXPECT_EQ(change.key.address, "10.9.9.9");
  const std::vector<Binding> contacts = registrar_.contacts(kPhone, kStart);
  ASSERT_EQ(contacts.size(), 2U);
  EXPECT_EQ(contacts[0].row.peer, "10.0.0.7:5060");
  EXPECT_EQ(contacts[0].row.refreshed_at, kStart);
  EXPECT_EQ(receive(request("one@phone", 6), kStart + seconds(2)).status, 200)
      << "the stranger's CSeq is his own";
}

TEST_F(CrowdedTest, WhoComesFromManyAddressesFindsNoPlaceRatherThanTakeThePhones) {
  receive(request());
  const std::vector<int> answers = crowd(100);
  EXPECT_EQ(std::count(answers.begin(), answers.end(), 200), 47);
  EXPECT_EQ(std::count(answers.begin(), answers.end(), 503), 53);
  EXPECT_TRUE(has("10.0.0.7"));
  EXPECT_EQ(registrar_.contact_count(), Registrar::kMany.in_all);
  EXPECT_EQ(receive(from(1, "6002")).status, 200) << "in place of its own";
  EXPECT_EQ(registrar_.contact_count(), Registrar::kMany.in_all);
}

TEST_F(CrowdedTest, ThePhonesProvenAddressFindsAPlaceAlways) {
  crowd(100);
  EXPECT_EQ(receive(request()).status, 503) << "each of these has one contact, and keeps it";
  const Devices proven{{kPhone, {"stamp", "10.0.0.7"}}};
  for (int line = 1; line <= 10; ++line)
    EXPECT_EQ(
        registrar_.receive(request("one@phone", 1, std::to_string(line)), 0, proven, kStart).status,
        200);
  int own = 0;
  for (const Binding& one : registrar_.contacts(kPhone, kStart))
    own += address_in(one.row.peer) == "10.0.0.7" ? 1 : 0;
  EXPECT_EQ(own, 10) << "none in place of its own";
  for (int host = 1; host <= 48; ++host)
    EXPECT_TRUE(has("10.9.9." + std::to_string(host))) << "nor of another's only one";
  EXPECT_EQ(registrar_.contact_count(), Registrar::kMany.in_all + 10);
}

TEST_F(CrowdedTest, ANewcomerTakesTheOldestOfTheAddressThatHasMost) {
  for (int line = 0; line < 16; ++line) {
    receive(from(1, std::to_string(line)), kStart + seconds(line == 5 ? 1 : 2));
    if (line < 15) receive(from(2, std::to_string(line)));
  }
  for (int host = 3; host <= 19; ++host) receive(from(host));
  ASSERT_EQ(registrar_.contact_count(), Registrar::kMany.in_all);
  const Verdict verdict = receive(request(), kStart + seconds(3));
  EXPECT_EQ(verdict.status, 200);
  EXPECT_TRUE(has("10.0.0.7"));
  ASSERT_EQ(verdict.changes.size(), 2U);
  EXPECT_EQ(verdict.changes[0].key, (ContactKey{kPhone, "sip:5@10.0.0.7:5060", "10.9.9.1"}));
  EXPECT_FALSE(verdict.changes[0].row.has_value());
  EXPECT_EQ(registrar_.contact_count(), Registrar::kMany.in_all);
}

TEST_F(CrowdedTest, LinesAreSharedUntilNobodyHasManyMore) {
  for (int host = 1; host <= 3; ++host)
    for (int line = 0; line < 16; ++line) receive(from(host, std::to_string(line)));
  for (int line = 0; line < 16; ++line)
    EXPECT_EQ(receive(request("one@phone", 1, std::to_string(line))).status, 200);
  std::map<std::string, int> shares;
  for (const Binding& one : registrar_.contacts(kPhone, kStart))
    ++shares[std::string(address_in(one.row.peer))];
  ASSERT_EQ(shares.size(), 4U);
  for (const auto& [address, share] : shares) EXPECT_NEAR(share, 12, 1) << address;
  EXPECT_EQ(registrar_.contact_count(), Registrar::kMany.in_all);
}

TEST_F(CrowdedTest, AnOnlyContactThatLivesGivesWayToNobody) {
  receive(request());
  for (int host = 1; host <= 200; ++host)
    for (int line = 0; line < 20; ++line) receive(from(host, std::to_string(line)));
  EXPECT_TRUE(has("10.0.0.7"));
  EXPECT_LE(registrar_.contact_count(), Registrar::kMany.in_all);
}

TEST_F(CrowdedTest, WhatDoesNotAnswerGivesWay) {
  crowd(48);
  registrar_.heard({kPhone, "sip:6001@10.0.0.7:5060", "10.9.9.7"}, false, kStart);
  EXPECT_EQ(receive(request()).status, 200);
  EXPECT_FALSE(has("10.9.9.7"));
  EXPECT_TRUE(has("10.0.0.7"));
}

TEST_F(RegistrarTest, ManyContactsInAllLeaveEachDeviceTwo) {
  Devices devices;
  for (int i = 0; i < 400; ++i) devices.emplace("SEP" + std::to_string(i), Device{});
  for (const auto& [device, stamp] : devices) {
    for (int line = 0; line < 16; ++line) {
      Register what = request("a@b", 1, std::to_string(line));
      what.contacts[0].device_name = device;
      registrar_.receive(what, 0, devices, kStart);
    }
  }
  EXPECT_LE(registrar_.contact_count(), 2 * 400U + 1000U + 16U);
  EXPECT_EQ(registrar_.device_count(), 400U);
}

TEST_F(RegistrarTest, WhoFillsTheHouseKeepsNoPhoneOut) {
  Devices devices;
  for (int i = 0; i < 72; ++i) devices.emplace("SEP" + std::to_string(i), Device{});
  const auto ask = [&](const std::string& device, const std::string& peer, int line) {
    Register what = request("a@b", 1, std::to_string(line));
    what.contacts[0].device_name = device;
    what.peer = peer;
    return registrar_.receive(what, 0, devices, kStart).status;
  };
  for (const auto& [device, known] : devices)
    for (int line = 0; line < 16; ++line) ask(device, "10.9.9.9:5060", line);
  for (const auto& [device, known] : devices) {
    EXPECT_EQ(ask(device, "10.0.0.7:5060", 1), 200) << device;
    EXPECT_EQ(ask(device, "10.0.0.7:5060", 2), 200) << device;
  }
}

TEST_F(RegistrarTest, AnExpiredContactIsNotAsked) {
  receive(request());
  EXPECT_EQ(registrar_.contacts(kPhone, kStart + seconds(119)).size(), 1U);
  EXPECT_TRUE(registrar_.contacts(kPhone, kStart + seconds(120)).empty());
}

}  // namespace
}  // namespace ringfence::services::callmanager
