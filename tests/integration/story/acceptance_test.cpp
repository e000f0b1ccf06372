// Returned means that a phone believes the new list, not that it fetched it: phones that refuse a
// list look refused, and a stranger who acts as a phone is not its return.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <fstream>
#include <future>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/file.h"
#include "tests/fleet/fleet.h"
#include "tests/integration/capf/mini_phone.h"
#include "tests/support/instance.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence {
namespace {

using fleet::Fleet;
using fleet::Report;
using testing::AnyOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto kPatience = 120s;
const std::string kTvs = "Cisco Trust Verification Service";

class AcceptanceStory : public testing::Test {
 protected:
  /// start imports phones that enrol at their first boot: CAPF's TLS proves which list they hold.
  void start(const std::vector<std::string>& names) {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
    std::ofstream csv(instance_ / "phones.csv");
    csv << "name,model,operation,auth_mode,key_order,rsa_bits\n";
    for (const std::string& name : names)
      csv << name << ",CP-8861,install,null-string,rsa-only,2048\n";
    csv.close();
    const test::Result imported =
        instance_.sh("utils phone import " + (instance_ / "phones.csv").string());
    ASSERT_EQ(imported.status, 0) << imported.out << imported.err;
  }

  fleet::Options options(std::vector<std::string> names, bool alarm) {
    fleet::Options options;
    options.names = std::move(names);
    options.port_offset = instance_.port_offset();
    options.alarm = alarm;
    return options;
  }

  static bool enrolled(const Report& report) {
    return report.registered() == report.phones.size() &&
           std::all_of(report.phones.begin(), report.phones.end(),
                       [](const fleet::PhoneReport& phone) { return phone.enrolments == 1; });
  }

  std::string itl_of(const std::string& name) {
    return std::string(instance_.json("show phone " + name).at("itl").as_string());
  }

  /// all_are waits until `show phone list` says so of every phone.
  bool all_are(const std::string& state) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < end) {
      const boost::json::object list = instance_.json("show phone list");
      const auto& phones = list.at("phones").as_array();
      if (std::all_of(phones.begin(), phones.end(), [&](const boost::json::value& phone) {
            return phone.at("itl").as_string() == state;
          }))
        return true;
    }
    return false;
  }

  std::int64_t count(const boost::json::object& job, const char* state) {
    return job.at(state).as_int64();
  }

  /// regenerate goes past a guard that refuses, and returns the job.
  boost::json::object regenerate(const std::string& unit, std::size_t phones) {
    test::Result done = instance_.sh("--yes set cert regen " + unit);
    if (done.out.find("phones returned") == std::string::npos)
      done = instance_.sh(fmt::format("--yes set cert regen {} force {}", unit, phones));
    return instance_.json("show job 1");
  }

  test::Instance instance_;
};

TEST_F(AcceptanceStory, PhonesThatRefuseTheListAreNeitherAcceptedNorReturned) {
  std::vector<std::string> names = fleet::count_names(8);
  start(names);
  const std::vector<std::string> first(names.begin(), names.begin() + 4);
  const std::vector<std::string> second(names.begin() + 4, names.end());
  Fleet with_alarm(options(first, true));
  Fleet without(options(second, false));
  with_alarm.start();
  without.start();
  ASSERT_TRUE(with_alarm.wait_until(enrolled, kPatience)) << to_json(with_alarm.report());
  ASSERT_TRUE(without.wait_until(enrolled, kPatience)) << to_json(without.report());
  ASSERT_TRUE(all_are("accepted")) << instance_.sh("show phone " + names.back()).out;

  ASSERT_EQ(instance_.sh("utils service stop " + kTvs).status, 0);
  const boost::json::object job = regenerate("CallManager", names.size());
  EXPECT_EQ(count(job, "total"), 8);
  EXPECT_EQ(count(job, "returned"), 0) << boost::json::serialize(job);
  EXPECT_EQ(count(job, "refused") + count(job, "unproven"), 8) << boost::json::serialize(job);
  if (count(job, "refused") > 0) {
    EXPECT_THAT(boost::json::serialize(job.at("warnings")),
                HasSubstr("utils service start Cisco Trust Verification Service. Then 'utils phone "
                          "reset all' brings them back."));
  }
  for (const std::string& name : names) EXPECT_THAT(itl_of(name), AnyOf("refused", "fetched"));
  const test::Result shown = instance_.sh("show phone " + names.back());
  EXPECT_THAT(shown.out, HasSubstr("did not ask TVS about the list's signer"));

  // TVS is back: at their next start the phones ask, and take the list.
  ASSERT_EQ(instance_.sh("utils service start " + kTvs).status, 0);
  with_alarm.power_cycle();
  without.power_cycle();
  EXPECT_TRUE(all_are("accepted")) << instance_.sh("show phone " + names.back()).out;

  const test::Result again =
      instance_.sh("utils phone import " + (instance_ / "phones.csv").string());
  EXPECT_EQ(again.status, 0);
  EXPECT_THAT(again.out, HasSubstr("8 phones had done what was asked and are asked anew, because "
                                   "the file names an operation: " +
                                   names[0] + ", "));
}

TEST_F(AcceptanceStory, WhatWasProvenOutlivesARestartAndALostDatabase) {
  const std::vector<std::string> names = fleet::count_names(1);
  start(names);
  Fleet fleet(options(names, false));
  fleet.start();
  ASSERT_TRUE(fleet.wait_until(enrolled, kPatience)) << to_json(fleet.report());
  ASSERT_TRUE(all_are("accepted"));
  const boost::json::object before = instance_.json("show phone " + names[0]);
  fleet.stop();
  ASSERT_EQ(instance_.stop().status, 0);
  for (const char* file : {"tftp.db", "tvs.db", "capf.db", "callmanager.db"})
    for (const char* end : {"", "-wal", "-shm"})
      std::filesystem::remove(instance_ / "db" / (std::string(file) + end));
  ASSERT_EQ(instance_.start().status, 0);
  const boost::json::object after = instance_.json("show phone " + names[0]);
  EXPECT_EQ(after.at("itl").as_string(), "accepted");
  EXPECT_EQ(after.at("itl_evidence"), before.at("itl_evidence"));
  EXPECT_EQ(after.at("itl_list_sha1"), instance_.json("show itl").at("sha1"));

  // A phone that is removed is forgotten: the next one of that name has proven nothing.
  ASSERT_EQ(instance_.sh("--yes utils phone remove " + names[0]).status, 0);
  ASSERT_EQ(instance_.sh("utils phone add " + names[0]).status, 0);
  EXPECT_EQ(itl_of(names[0]), "unknown");
}

/// Stranger is somebody at 127.0.0.2 who acts as a phone.
class Stranger {
 public:
  explicit Stranger(std::uint16_t port_offset) : offset_(port_offset) {}

  void fetch(const std::string& file) const {
    const std::string url = fmt::format("http://127.0.0.1:{}/{}", 6970 + offset_, file);
    EXPECT_EQ(test::run({"curl", "-sf", "--interface", "127.0.0.2", "-o", "/dev/null", url}).status,
              0);
  }

  /// register_as returns whether the registrar took it.
  bool register_as(const std::string& name) const {
    const core::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval patience{5, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    ::inet_pton(AF_INET, "127.0.0.2", &own.sin_addr);
    socklen_t length = sizeof own;
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&own), length) != 0) return false;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &length);
    const int port = ntohs(own.sin_port);
    sockaddr_in to = own;
    to.sin_port = htons(static_cast<std::uint16_t>(5060 + offset_));
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    const std::string text = fmt::format(
        "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:{1};branch=z9hG4bKstrange\r\n"
        "From: <sip:{0}@127.0.0.1>;tag=1\r\nTo: <sip:{0}@127.0.0.1>\r\nCall-ID: strange\r\n"
        "Max-Forwards: 70\r\nCSeq: 1 REGISTER\r\n"
        "Contact: <sip:{0}@127.0.0.2:{1}>;+u.sip!devicename.ccm.cisco.com=\"{0}\"\r\n"
        "Expires: 3600\r\nContent-Length: 0\r\n\r\n",
        name, port);
    ::sendto(socket.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to),
             sizeof to);
    char answer[4096];
    const ssize_t count = ::recv(socket.get(), answer, sizeof answer, 0);
    return count > 11 && std::string_view(answer, 11) == "SIP/2.0 200";
  }

 private:
  const std::uint16_t offset_;
};

TEST_F(AcceptanceStory, AStrangerAtAnotherAddressIsNotThePhonesReturn) {
  const std::vector<std::string> names = fleet::count_names(1);
  start(names);
  Fleet fleet(options(names, true));
  fleet.start();
  ASSERT_TRUE(fleet.wait_until(enrolled, kPatience)) << to_json(fleet.report());
  ASSERT_TRUE(all_are("accepted"));
  fleet.stop();  // without a word: it stays registered

  auto changed =
      std::async(std::launch::async, [this] { return instance_.sh("--yes set cert regen CAPF"); });
  const Stranger stranger(instance_.port_offset());
  const auto end = std::chrono::steady_clock::now() + 20s;
  bool asked = false;
  while (!asked && std::chrono::steady_clock::now() < end) {
    const test::Result job = instance_.sh("--json show job 1");
    asked = job.status == 0 && job.out.find("\"reset_sent\": 1") != std::string::npos;
    asked = asked || job.out.find("\"reset_sent\":1") != std::string::npos;
  }
  ASSERT_TRUE(asked);
  stranger.fetch("ITL" + names[0] + ".tlv");
  stranger.fetch(names[0] + ".cnf.xml.sgn");
  ASSERT_TRUE(stranger.register_as(names[0]));
  changed.get();
  const boost::json::object job = instance_.json("show job 1");
  EXPECT_EQ(count(job, "returned"), 0) << boost::json::serialize(job);
  EXPECT_EQ(count(job, "unproven"), 1) << boost::json::serialize(job);
  EXPECT_NE(itl_of(names[0]), "accepted");
  EXPECT_THAT(instance_.sh("show phone " + names[0]).out,
              HasSubstr("address changed from 127.0.0.1 to 127.0.0.2"));
}

TEST_F(AcceptanceStory, WhoComesToCapfFirstByTheNullStringIsNotThePhone) {
  const std::vector<std::string> names = fleet::count_names(1);
  const std::string& name = names[0];
  start(names);
  const auto capf = static_cast<std::uint16_t>(3804 + instance_.port_offset());
  using test::operator+;
  const core::Bytes by_null_string = test::name_element(name) + test::element(8, {2});
  {
    test::MiniPhone leaves(capf, "127.0.0.66");
    ASSERT_EQ(leaves.hear().command, 1);
    leaves.say(2, by_null_string);
    ASSERT_EQ(leaves.hear().command, 3);
  }
  {
    test::MiniPhone stranger(capf, "127.0.0.66");
    ASSERT_EQ(stranger.hear().command, 1);
    stranger.say(2, by_null_string);
    ASSERT_EQ(stranger.hear().command, 3);
    test::Said last;
    stranger.enrol(test::spki(test::rsa_key(2048).get()), last);
    ASSERT_EQ(last.value(1), core::Bytes{1});
  }
  boost::json::object phone = instance_.json("show phone " + name);
  EXPECT_EQ(phone.at("lsc").as_string(), "installed") << "CUCM takes the null string, too";
  EXPECT_EQ(phone.at("itl").as_string(), "unknown");
  EXPECT_EQ(phone.at("itl_address").as_string(), "") << "a visit proves nothing";
  EXPECT_THAT(
      instance_.sh("show phone " + name).out,
      testing::AllOf(testing::ContainsRegex("LSC enrolled from +: 127.0.0.66:[0-9]+ .unproven"),
                     HasSubstr("trusted a certificate in TLS")));

  // The phone itself is asked anew, comes, and is neither locked out nor a stranger.
  ASSERT_EQ(instance_.sh("set phone capf " + name + " operation install").status, 0);
  Fleet fleet(options(names, false));
  fleet.start();
  ASSERT_TRUE(fleet.wait_until(enrolled, kPatience)) << to_json(fleet.report());
  ASSERT_TRUE(all_are("accepted")) << instance_.sh("show phone " + name).out;
  phone = instance_.json("show phone " + name);
  EXPECT_EQ(phone.at("itl_address").as_string(), "127.0.0.1");
  EXPECT_EQ(phone.at("operation_status").as_string(), "Upgrade Success");
  EXPECT_THAT(std::string(phone.at("lsc_enrolled_from").as_string()),
              testing::StartsWith("127.0.0.1:"));
}

}  // namespace
}  // namespace ringfence
