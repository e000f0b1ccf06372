// What `show capf` answers on a whole instance: each thing that keeps a phone from its LSC is
// brought about, and named with its evidence.

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/audit_log.h"
#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/certificates/issue.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/fetch_store.h"
#include "core/phones/phone_store.h"
#include "core/phones/security_profile_store.h"
#include "core/trust/list_store.h"
#include "core/trust/trust_list.h"
#include "tests/fleet/fleet.h"
#include "tests/support/command.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using core::Access;
using core::Schema;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto kPatience = 120s;
const std::string kCapf = "Cisco Certificate Authority Proxy Function";

std::string text_of(const boost::json::value& value) {
  return std::string(value.as_string());
}

class CapfAnswers : public testing::Test {
 protected:
  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  void sh(const std::string& words) {
    const test::Result done = instance_.sh("--yes " + words);
    ASSERT_EQ(done.status, 0) << words << ": " << done.out << done.err;
  }

  fleet::Options options(std::vector<std::string> names, fleet::Scenario scenario) {
    fleet::Options options;
    options.names = std::move(names);
    options.port_offset = instance_.port_offset();
    options.scenario = scenario;
    return options;
  }

  /// expect_likely asks for a phone's status: the check is a problem, and the summary says `cause`.
  void expect_likely(const std::string& phone, const std::string& check, const std::string& cause) {
    const boost::json::object status = instance_.json("show capf status " + phone);
    EXPECT_THAT(text_of(status.at("summary")), HasSubstr("Most likely: " + cause)) << check;
    EXPECT_EQ(finding(status, check), "problem") << boost::json::serialize(status);
  }

  std::string finding(const boost::json::object& status, const std::string& check) {
    for (const boost::json::value& one : status.at("checks").as_array())
      if (text_of(one.at("name")) == check) return text_of(one.at("finding"));
    return "no such check";
  }

  std::filesystem::path db(const std::string& name) { return instance_ / "db" / name; }

  /// saw writes an event as CAPF does.
  void saw(const std::string& phone, const std::string& kind, const std::string& detail) {
    core::Database capf(db("capf.db"), Schema::capf, Access::read_write);
    core::EnrolmentStore(capf).happened(
        {0, core::SystemClock().now(), phone, "192.0.2.9:40000", kind, detail});
  }

  test::Instance instance_;
};

TEST_F(CapfAnswers, NameEachThingThatKeepsAPhoneFromItsLsc) {
  std::filesystem::create_directories(instance_.state());
  std::ofstream(instance_ / "ringfence.toml")
      << "[node]\nhost = \"no-such-node\"\ndomain = \"invalid\"\n";
  start();
  const auto names = fleet::count_names(3);
  const std::string& phone = names[0];
  const std::string& wrong = names[1];
  const std::string& absent = names[2];
  // A fresh CAPF ends a second before the longest LSC would: nobody needs to hear of that.
  EXPECT_TRUE(instance_.json("show capf report").at("warnings").as_array().empty());

  // A phone that never came: nothing is known of what it fetched.
  sh("utils phone add " + absent + " operation install");
  expect_likely(absent, "Registration", "the phone is not registered");
  const boost::json::object unknown = instance_.json("show capf status " + absent);
  EXPECT_EQ(finding(unknown, "ITL of the phone"), "unknown");
  EXPECT_EQ(finding(unknown, "Configuration"), "unknown");
  EXPECT_EQ(finding(unknown, "CAPF service"), "ok");
  EXPECT_EQ(finding(unknown, "CAPF port"), "ok") << "a real handshake with the real certificate";
  EXPECT_EQ(finding(unknown, "Name"), "problem") << "no-such-node.invalid does not resolve";
  EXPECT_EQ(instance_.sh("show capf status SEPFFFFFFFFFFFF").status, 1);

  // Two phones come; one types a wrong authentication string.
  sh("utils phone add " + phone + " model CP-8861 operation install");
  sh("utils phone add " + wrong + " operation install auth_mode auth-string auth_string 4711471");
  auto with_strings = options({phone, wrong}, fleet::Scenario::stay);
  with_strings.auth_strings[wrong] = "0000000";
  fleet::Fleet fleet(with_strings);
  fleet.start();
  ASSERT_TRUE(fleet.wait_until(
      [&](const fleet::Report& r) { return r.phone(phone).enrolments == 1 && r.registered() == 2; },
      kPatience));
  EXPECT_TRUE(test::eventually([&] {
    return text_of(instance_.json("show phone " + wrong).at("operation_status"))
        .ends_with("Invalid Authentication String");
  }));
  expect_likely(wrong, "Authentication string", "the phone sent a wrong authentication string");

  // The audit log has the wrong string, which no command caused.
  EXPECT_TRUE(test::eventually([&] {
    core::Database admin(db("admin.db"), Schema::admin, Access::read_only);
    for (const core::AuditRecord& record : core::AuditLog(admin).last(1000))
      if (record.event == "CAPF_AUTH_STRING_REFUSED" &&
          record.detail.find(wrong) != std::string::npos)
        return true;
    return false;
  }));

  // The other is well: the report says so, filtered, as CSV, and as JSON.
  const boost::json::object report = instance_.json("show capf report lsc installed");
  ASSERT_EQ(report.at("phones").as_array().size(), 1U);
  const boost::json::object& row = report.at("phones").as_array()[0].as_object();
  EXPECT_EQ(text_of(row.at("name")), phone);
  EXPECT_EQ(text_of(row.at("lsc_key")), "RSA 2048");
  EXPECT_EQ(text_of(row.at("operation_status")), "Upgrade Success");
  EXPECT_FALSE(row.at("lsc_confirmed").is_null());
  EXPECT_FALSE(row.at("lsc_issuer_expires").is_null());
  EXPECT_EQ(report.at("with_lsc").as_int64(), 1);
  EXPECT_EQ(instance_.json("show capf report status failed").at("failed").as_int64(), 1);
  EXPECT_EQ(instance_.json("show capf report lsc none").at("phones").as_array().size(), 2U);
  const test::Result csv = instance_.sh("show capf report format csv model CP-88*");
  EXPECT_THAT(csv.out, testing::StartsWith("name,model,description,"));
  EXPECT_THAT(csv.out, AllOf(HasSubstr("\r\n" + phone + ",CP-8861,"), Not(HasSubstr(wrong))));
  EXPECT_THAT(instance_.sh("show capf status " + phone).out,
              HasSubstr(phone + ": Upgrade Success. Nothing is to be done by the phone."));

  // The configuration changed and the phone was not told; then the time it had is over.
  sh("set phone capf " + phone + " operation install");
  expect_likely(phone, "Configuration", "the phone has not fetched its configuration since");
  const test::Result past =
      instance_.sh("set phone capf " + phone + " operation install completes_by 2020:01:01:00");
  EXPECT_EQ(past.status, 1);
  EXPECT_THAT(past.out + past.err, HasSubstr("2020:01:01:00, has passed"));
  test::sqlite3(instance_.state() / "db" / "admin.db",
                "update phone set completes_by = 1577836800 where name = '" + phone + "'");
  expect_likely(phone, "Operation Completes By", "the time it had to be completed by");
  EXPECT_THAT(text_of(instance_.json("show capf status " + phone).at("operation_status")),
              HasSubstr("User Initiated Request Late/Timedout"));
  sh("set phone capf " + phone + " operation install");

  // The service is stopped.
  sh("utils service stop " + kCapf);
  expect_likely(phone, "CAPF service", kCapf + " is STOPPED");
  EXPECT_EQ(finding(instance_.json("show capf status " + phone), "CAPF port"), "problem");

  // A mode that is not the profile's, a MIC under LSC precedence, a key below the minimum.
  {
    core::Database admin(db("admin.db"), Schema::admin, Access::read_write);
    core::SecurityProfile profile;
    profile.name = "Secure";
    profile.auth_mode = core::AuthMode::lsc;
    core::SecurityProfileStore(admin).save(profile);
  }
  sh("set phone device " + phone + " security_profile Secure");
  expect_likely(phone, "Security profile", "the phone's authentication mode is not that of its");
  sh("set phone capf " + absent + " operation install auth_mode lsc");
  saw(absent, "mic_under_lsc_precedence", "the phone showed its MIC though it holds an LSC");
  expect_likely(absent, "MIC under LSC precedence", "the phone uses its MIC while the mode");
  sh("set phone capf " + absent + " operation install auth_mode null-string");
  saw(absent, "type_mismatch", "the phone answered with a certificate");
  expect_likely(absent, "Authentication mode", "the phone authenticates by another mode");
  sh("set capf policy min_rsa_bits 3072");
  expect_likely(absent, "Key", "the key that the phone is asked for is below");
  const test::Result small = instance_.sh("set phone capf " + absent + " operation install");
  EXPECT_EQ(small.status, 1);
  EXPECT_THAT(small.out,
              HasSubstr("RSA 2048 is below this node's minimum of 3072; 'set capf policy "
                        "min_rsa_bits 2048' lowers it"));
  std::ofstream(instance_ / "small.csv")
      << "name,operation,rsa_bits\nSEP0000000000AA,install,1024\n";
  EXPECT_THAT(instance_.sh("utils phone import " + (instance_ / "small.csv").string()).out,
              HasSubstr("phone SEP0000000000AA: RSA 1024 is below this node's minimum"));
  EXPECT_EQ(instance_.sh("show phone SEP0000000000AA").status, 1) << "nothing was imported";
  sh("set capf policy min_rsa_bits 2048");

  // A key that waits for an offline CA, and a certificate that nobody confirmed.
  {
    core::Database capf(db("capf.db"), Schema::capf, Access::read_write);
    core::EnrolmentStore store(capf);
    const core::Time now = core::SystemClock().now();
    store.requested({absent, 99, {1}, "RSA 2048", "CP-8861", "192.0.2.9:1", now, {}});
    core::IssuedCertificate stale;
    stale.phone = absent;
    stale.serial = {0xfe, 0xed};
    stale.issued_at = now - 1h;
    stale.not_after = now + 1h;
    store.issued(stale);
  }
  expect_likely(absent, "Offline CA", "its CSR waits for the offline CA's certificate");
  EXPECT_EQ(finding(instance_.json("show capf status " + absent), "Stale LSC"), "problem");
  EXPECT_EQ(instance_.json("show capf report lsc stale").at("stale").as_int64(), 1);
  EXPECT_EQ(instance_.json("show capf report lsc csr").at("phones").as_array().size(), 1U);

  // CAPF is regenerated while the phone is away: its ITL names the old certificate.
  sh("utils service start " + kCapf);
  sh("set phone device " + phone + " security_profile -");
  fleet.stop();
  instance_.sh("--yes set cert regen CAPF");  // its phones do not come back, so no status
  const boost::json::object old = instance_.json("show capf status " + phone);
  EXPECT_THAT(text_of(old.at("summary")),
              HasSubstr("Most likely: the phone's ITL names another CAPF certificate"));
  EXPECT_EQ(finding(old, "ITL of the phone"), "problem");
  EXPECT_EQ(finding(old, "CAPF in the phone's ITL"), "ok");

  // It fetched a list without a CAPF entry.
  {
    const core::EvpPkey key(EVP_RSA_gen(2048));
    const core::Time now = core::SystemClock().now();
    const core::X509Cert signer =
        core::issue_self_signed(core::Unit::call_manager, {"x", {}}, *key, nullptr, now);
    std::vector<core::RecordRequest> records(1);
    records[0].certificate = signer.get();
    core::ListVersion version;
    version.kind = core::ListKind::itl;
    version.signer = "CallManager";
    version.reason = "test";
    version.file = core::build_trust_list(
        core::ListKind::itl, records, {signer.get(), key.get(), nullptr}, core::Digest::sha1, now);
    version.sha1 = core::to_hex(core::digest(core::Digest::sha1, version.file));
    version.published = now - 1h;
    core::Database admin(db("admin.db"), Schema::admin, Access::read_write);
    core::ListStore(admin).add(version);
    core::Database tftp(db("tftp.db"), Schema::tftp, Access::read_write);
    core::FetchStore(tftp).save(
        {{phone, "ITL" + phone + ".tlv", version.sha1, "192.0.2.9", now + 1s}});
  }
  expect_likely(phone, "CAPF in the phone's ITL",
                "the ITL that the phone fetched has no CAPF entry");

  // The served list is damaged.
  std::filesystem::resize_file(instance_ / "tftp" / "ITLFile.tlv", 100);
  EXPECT_EQ(finding(instance_.json("show capf status " + phone), "Served ITL"), "problem");
}

TEST_F(CapfAnswers, FetchCertificatesAndTellOfTheirEnd) {
  std::filesystem::create_directories(instance_.state());
  const auto script = instance_ / "sendmail";
  std::ofstream(script) << "#!/bin/sh\ncat >> " << (instance_ / "mails").string() << "\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  std::ofstream(instance_ / "ringfence.toml")
      << "[mail]\ncommand = \"" << script.string() << " -t -i\"\n";
  start();
  const std::string phone = fleet::count_names(1).front();

  // LSCs of one day; the policy is live at once.
  sh("set capf policy validity_days 1");
  sh("set capf policy notify_to anna@example.com;ben@example.com");
  sh("utils capf set keep_alive 30");
  EXPECT_EQ(instance_.sh("set capf policy validity_days 1826").status, 1);
  const boost::json::object policy = instance_.json("show capf policy");
  EXPECT_EQ(policy.at("validity_days").as_int64(), 1);
  EXPECT_EQ(policy.at("keep_alive_minutes").as_int64(), 30);
  EXPECT_EQ(policy.at("notify_to").as_array().size(), 2U);
  EXPECT_THAT(text_of(policy.at("mail_command")), HasSubstr("sendmail -t -i"));
  sh("utils phone add " + phone + " operation install");
  fleet::Fleet fleet(options({phone}, fleet::Scenario::stay));
  fleet.start();
  ASSERT_TRUE(fleet.wait_until(
      [&](const fleet::Report& r) {
        return r.phone(phone).enrolments == 1 && r.phone(phone).registered;
      },
      kPatience));

  // Troubleshoot fetches what the phone has, and show prints it.
  const test::Result none = instance_.sh("show capf certificate " + phone + " lsc");
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.out, HasSubstr("operation troubleshoot"));
  EXPECT_EQ(instance_.sh("show capf certificate ../../etc/passwd lsc").status, 1);
  sh("set phone capf " + phone + " operation troubleshoot");
  sh("utils phone reset " + phone);
  EXPECT_TRUE(test::eventually([&] {
    return text_of(instance_.json("show phone " + phone).at("operation_status")) ==
           "Troubleshoot Success";
  }));
  const boost::json::object fetched = instance_.json("show capf certificate " + phone + " lsc");
  EXPECT_EQ(text_of(fetched.at("serial")),
            text_of(instance_.json("show phone " + phone).at("lsc_serial")));
  EXPECT_THAT(text_of(fetched.at("pem")), testing::StartsWith("-----BEGIN CERTIFICATE-----"));
  EXPECT_EQ(text_of(instance_.json("show phone " + phone).at("fetched_lsc")),
            text_of(fetched.at("file")));

  // The monitor finds it, mails once, and remembers that across a restart.
  const boost::json::object found = instance_.json("utils capf monitor run");
  EXPECT_EQ(found.at("looked_at").as_int64(), 1);
  EXPECT_EQ(found.at("expiring").as_int64(), 1);
  EXPECT_THAT(text_of(found.at("notice")), HasSubstr("mail sent to anna@example.com"));
  const auto mails = [&] { return core::text_of(core::read_file(instance_ / "mails", 1 << 20)); };
  const std::string mail = mails();
  EXPECT_THAT(mail, AllOf(HasSubstr("To: anna@example.com,\n ben@example.com\n"), HasSubstr(phone),
                          HasSubstr("1 about to expire")));
  sh("utils capf monitor run");
  EXPECT_EQ(mails(), mail);
  fleet.stop();
  instance_.stop();
  start();
  EXPECT_THAT(instance_.sh("utils capf monitor run").out, HasSubstr("was given at"));
  EXPECT_EQ(mails(), mail);
  EXPECT_EQ(instance_.json("show capf report expires_within 2").at("phones").as_array().size(), 1U);
  EXPECT_EQ(instance_.json("show capf report expires_within 0").at("phones").as_array().size(), 0U);
}

}  // namespace
}  // namespace ringfence
