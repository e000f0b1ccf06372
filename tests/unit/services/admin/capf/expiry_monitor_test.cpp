// The expiry monitor, its mail and the audit of CAPF's events, on real databases and a fake
// sendmail that keeps what it got.
#include "services/admin/capf/expiry_monitor.h"

#include <sys/stat.h>

#include <fstream>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/base/error.h"
#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "core/phones/security_event_store.h"
#include "core/storage/setting_store.h"
#include "services/admin/capf/event_audit.h"
#include "services/admin/capf/mail.h"
#include "services/admin/capf/policy.h"
#include "services/admin/capf/report.h"
#include "services/admin/node/house.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

using core::Code;
using core::Error;
using std::chrono::days;
using std::chrono::hours;
using testing::HasSubstr;
using testing::Not;

std::string text_of_file(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class ExpiryMonitorTest : public testing::Test {
 protected:
  ExpiryMonitorTest() {
    write_script("cat >> " + (folder_ / "mails").string() + "\n");
    std::ofstream(folder_ / "ringfence.toml") << "[node]\nhost = \"n1\"\n[mail]\ncommand = \"" +
                                                     (folder_ / "sendmail").string() + " -t\"\n";
    house_ = std::make_unique<House>(folder_.path());
    capf_ = std::make_unique<core::Database>(house_->config.capf_db(), core::Schema::capf,
                                             core::Access::read_write);
    now_ = house_->clock.now();
    notify({"anna@example.com"});
  }

  ExpiryMonitor::Parts parts() {
    return {house_->config,       house_->clock,  house_->database,
            house_->certificates, house_->phones, [this] { return house_->neighbours.capf(); }};
  }

  EventAudit::Parts audit_parts() {
    return {house_->database, [this] { return house_->neighbours.capf(); },
            [this](const std::string& who, const std::string& event, const std::string& detail) {
              house_->acts.record(who, event, detail);
            }};
  }

  PolicyParts policy_parts(ExpiryMonitor& monitor) {
    return {house_->database, house_->config, house_->clock, house_->certificates, monitor};
  }

  core::CapfPolicy policy() { return core::CapfPolicyStore(house_->database).load(); }

  core::admin::CapfReport report_of(const core::admin::CapfReportRequest& request) {
    return capf_report({house_->certificates, house_->phones, house_->neighbours.capf()}, policy(),
                       request, now_);
  }

  void write_script(const std::string& body) {
    const auto script = folder_ / "sendmail";
    std::ofstream(script) << "#!/bin/sh\n" << body;
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  }

  void notify(std::vector<std::string> to) {
    core::CapfPolicyStore store(house_->database);
    core::CapfPolicy policy = store.load();
    policy.notify_to = std::move(to);
    store.save(policy);
  }

  void add_phone(const std::string& name, core::Time until) {
    core::Phone phone;
    phone.name = name;
    house_->phones.save({phone}, core::PhoneStore::Ask::changed_only);
    core::IssuedCertificate lsc;
    lsc.phone = name;
    lsc.serial = core::Bytes{static_cast<std::uint8_t>(++serials_), 0x11};
    lsc.issuer = "CN=CAPF-1";
    lsc.key = "RSA 2048";
    lsc.issued_at = now_ - days(100);
    lsc.not_after = until;
    core::EnrolmentStore store(*capf_);
    store.issued(lsc);
    store.confirmed(lsc.serial, now_ - days(100));
  }

  /// set_back makes the last run and notice look older.
  void set_back(std::chrono::seconds by) {
    core::SettingStore settings(house_->database);
    auto kept = boost::json::parse(*settings.find("capf.expiry_monitor")).as_object();
    for (const char* name : {"last_run", "noticed"})
      kept[name] = kept[name].as_int64() - by.count();
    settings.save("capf.expiry_monitor", boost::json::serialize(kept));
  }

  std::size_t mails() const {
    const std::string text = text_of_file(folder_ / "mails");
    std::size_t count = 0;
    for (std::size_t at = text.find("Subject: "); at != std::string::npos;
         at = text.find("Subject: ", at + 1))
      ++count;
    return count;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<House> house_;
  std::unique_ptr<core::Database> capf_;
  core::Time now_;
  int serials_ = 0;
};

TEST_F(ExpiryMonitorTest, FindsNothingWhereNothingExpires) {
  add_phone("SEP000000000001", now_ + days(300));
  ExpiryMonitor monitor(parts());
  EXPECT_FALSE(monitor.last().last_run.has_value());
  const auto findings = monitor.run();
  EXPECT_EQ(findings.looked_at, 1);
  EXPECT_EQ(findings.expired + findings.expiring, 0);
  EXPECT_EQ(findings.notice, "nothing to tell");
  EXPECT_EQ(mails(), 0U);
}

TEST_F(ExpiryMonitorTest, MailsOneSummaryOfWhatExpires) {
  add_phone("SEP000000000001", now_ - days(1));
  add_phone("SEP000000000002", now_ + days(10));
  add_phone("SEP000000000003", now_ + days(300));
  const auto findings = ExpiryMonitor(parts()).run();
  EXPECT_EQ(findings.expired, 1);
  EXPECT_EQ(findings.expiring, 1);
  EXPECT_EQ(findings.notice, "mail sent to anna@example.com");
  EXPECT_TRUE(findings.last_mail.has_value());
  const std::string mail = text_of_file(folder_ / "mails");
  EXPECT_THAT(mail, HasSubstr("From: Ringfence <ringfence@n1>\nTo: anna@example.com\n"
                              "Subject: Ringfence n1: 1 LSC expired, 1 about to expire\n"));
  EXPECT_THAT(mail, HasSubstr("SEP000000000001"));
  EXPECT_THAT(mail, HasSubstr("SEP000000000002"));
  EXPECT_THAT(mail, Not(HasSubstr("SEP000000000003")));
  EXPECT_THAT(mail, HasSubstr("show capf report expires_within 30"));
}

TEST_F(ExpiryMonitorTest, GivesTheSameNoticeOnceWithinItsTimeAlsoAcrossRestarts) {
  add_phone("SEP000000000002", now_ + days(10));
  ExpiryMonitor(parts()).run();
  ExpiryMonitor again(parts());
  EXPECT_THAT(again.run().notice, HasSubstr("was given at"));
  again.run_if_due();
  EXPECT_EQ(mails(), 1U);
  set_back(hours(23));
  again.run_if_due();
  EXPECT_EQ(mails(), 1U);
  set_back(hours(2));
  again.run_if_due();
  EXPECT_EQ(mails(), 2U) << "a day is over";
  add_phone("SEP000000000004", now_ + days(11));
  EXPECT_EQ(again.run().notice, "mail sent to anna@example.com") << "this is news";
  EXPECT_EQ(mails(), 3U);
}

TEST_F(ExpiryMonitorTest, LooksEveryHourWhileSomethingIsUrgent) {
  add_phone("SEP000000000001", now_ + hours(20));
  ExpiryMonitor monitor(parts());
  monitor.run();
  monitor.run_if_due();
  EXPECT_EQ(mails(), 1U);
  set_back(hours(1));
  monitor.run_if_due();
  EXPECT_EQ(mails(), 2U);
}

TEST_F(ExpiryMonitorTest, TellsOfCapfsOwnCertificate) {
  const core::EvpPkey key(EVP_RSA_gen(2048));
  const core::X509Cert certificate = core::issue_self_signed(core::Unit::capf, {"n1", {}}, *key,
                                                             nullptr, now_ - days(5 * 365 - 10));
  house_->certificates.replace({core::Unit::capf, core::to_der(*certificate), {}, now_}, {});
  const auto findings = ExpiryMonitor(parts()).run();
  EXPECT_THAT(findings.capf, HasSubstr("CN=CAPF-"));
  EXPECT_THAT(text_of_file(folder_ / "mails"), HasSubstr("CAPF's own certificate"));
  const auto warnings = capf_warnings(house_->certificates, policy(), now_);
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_THAT(warnings[0], HasSubstr("The CAPF certificate expires at"));
  EXPECT_THAT(warnings[1], HasSubstr("days, not for the 1825 of validity_days."));
}

TEST_F(ExpiryMonitorTest, TriesAMailAgainThatCouldNotBeSent) {
  add_phone("SEP000000000002", now_ + days(10));
  write_script("echo no route to the mail host >&2; exit 75\n");
  ExpiryMonitor monitor(parts());
  const auto failed = monitor.run();
  EXPECT_THAT(failed.notice, HasSubstr("the mail could not be sent"));
  EXPECT_THAT(failed.notice, HasSubstr("ended with status 75: no route to the mail host"));
  monitor.run_if_due();
  EXPECT_THAT(monitor.last().notice, HasSubstr("could not be sent")) << "not before five minutes";
  write_script("cat >> " + (folder_ / "mails").string() + "\n");
  set_back(std::chrono::minutes(5));
  monitor.run_if_due();
  EXPECT_EQ(mails(), 1U);
  EXPECT_EQ(monitor.last().notice, "mail sent to anna@example.com");
}

TEST_F(ExpiryMonitorTest, LogsAloneWhenNobodyIsToBeTold) {
  notify({});
  add_phone("SEP000000000002", now_ + days(10));
  EXPECT_THAT(ExpiryMonitor(parts()).run().notice, HasSubstr("nobody is to be told by mail"));
  EXPECT_EQ(mails(), 0U);
}

TEST(NoticeBody, StaysSmallHoweverManyExpire) {
  ExpirySurvey survey;
  survey.at = core::from_seconds(1'795'255'200);
  survey.looked_at = 100'000;
  for (int i = 0; i < 100'000; ++i)
    survey.lscs.push_back({fmt::format("SEP{:012}", i), std::string(32, 'A'), survey.at + days(3)});
  const std::string body = notice_body(survey, "n1", 30);
  EXPECT_LT(body.size(), 20'000U);
  EXPECT_THAT(body, HasSubstr("and 99800 more\n"));
}

TEST(SendMail, EndsACommandThatDoesNotEnd) {
  const auto begun = std::chrono::steady_clock::now();
  try {
    send_mail({"/bin/sh", "-c", "exec sleep 600"}, "text", std::chrono::seconds(1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::io);
    EXPECT_STREQ(error.what(), "/bin/sh did not end within 1 s");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60));
  EXPECT_THROW(send_mail({"/nonexistent/sendmail"}, "text", std::chrono::seconds(5)), Error);
  EXPECT_THROW(send_mail({}, "text", std::chrono::seconds(5)), Error);
}

TEST(SendMail, HandsOverALargeTextToACommandThatReadsNothing) {
  send_mail({"/bin/true"}, std::string(1 << 20, 'x'), std::chrono::seconds(20));
}

TEST_F(ExpiryMonitorTest, AuditsWrongStringsOnceAcrossRestarts) {
  core::SecurityEventStore store(*capf_);
  store.add({0, now_, "SEP000000000001", "192.0.2.1:9", "auth_string_refused", "wrong"});
  const auto records = [&] {
    std::vector<std::string> events;
    for (const core::AuditRecord& record : house_->audit.last(100)) events.push_back(record.event);
    return events;
  };
  EventAudit first(audit_parts());
  first.copy();
  first.copy();
  EXPECT_EQ(records(), (std::vector<std::string>{"CAPF_AUTH_STRING_REFUSED"}));
  EXPECT_THAT(house_->audit.last(1).front().detail, HasSubstr("SEP000000000001"));
  core::EnrolmentStore journal(*capf_);
  for (int i = 0; i < 60; ++i)  // as many as the phone's evidence holds, and more
    journal.happened({0, now_, "SEP000000000001", "192.0.2.1:9", "lost", "gone"});
  store.add({0, now_, "SEP000000000001", "192.0.2.1:9", "auth_string_throttled", "wait"});
  EventAudit(audit_parts()).copy();  // as after a restart
  EventAudit(audit_parts()).copy();
  EXPECT_EQ(records(),
            (std::vector<std::string>{"CAPF_AUTH_STRING_REFUSED", "CAPF_AUTH_STRING_THROTTLED"}));
  EXPECT_EQ(house_->audit.first_broken(), 0);
}

TEST_F(ExpiryMonitorTest, ReportsPageByPage) {
  std::vector<core::Phone> phones;
  for (std::size_t i = 0; i < kReportPage + 10; ++i) {
    core::Phone phone;
    phone.name = fmt::format("SEP{:012}", i);
    phones.push_back(phone);
  }
  house_->phones.save(phones, core::PhoneStore::Ask::changed_only);
  add_phone("SEP000000000003", now_ + days(10));
  core::admin::CapfReportRequest request;
  auto report = report_of(request);
  EXPECT_EQ(report.phones.size(), kReportPage);
  EXPECT_EQ(report.with_lsc, 1);
  ASSERT_TRUE(report.next.has_value());
  request.after = *report.next;
  report = report_of(request);
  EXPECT_EQ(report.phones.size(), 10U);
  EXPECT_FALSE(report.next.has_value());
  request.after.clear();
  request.lsc = "installed";
  report = report_of(request);
  ASSERT_EQ(report.phones.size(), 1U);
  EXPECT_EQ(report.phones[0].name, "SEP000000000003");
  EXPECT_TRUE(report.next.has_value()) << "more phones to look at, though none may fit";
}

class ReportFilterTest : public testing::Test {
 protected:
  ReportFilterTest() {
    row_.name = "SEP001122334455";
    row_.model = "CP-8861";
    row_.device_pool = "Floor 2";
    row_.lsc = "installed";
    row_.lsc_issuer = "CN=CAPF-7f0ae8d7;O=Ringfence";
    row_.lsc_expires = "2026-12-01T00:00:00Z";
    row_.lsc_issuer_expires = "2031-11-20T00:00:00Z";
    row_.operation = "install";
    row_.operation_status = "Upgrade Failed: Invalid LSC";
  }

  bool fits(const core::admin::CapfReportRequest& request) const {
    return ReportFilter(request, core::from_seconds(1'795'255'200)).fits(row_);
  }

  core::admin::CapfReportPhone row_;
};

TEST_F(ReportFilterTest, TakesAllWithoutAFilterAndOnlyWhatFitsEachOne) {
  using Request = core::admin::CapfReportRequest;
  EXPECT_TRUE(fits({}));
  const auto with = [](auto member, auto value) {
    Request request;
    request.*member = value;
    return request;
  };
  EXPECT_TRUE(fits(with(&Request::name, "sep0011*55")));
  EXPECT_FALSE(fits(with(&Request::name, "sep0011")));
  EXPECT_TRUE(fits(with(&Request::model, "CP-88?1")));
  EXPECT_FALSE(fits(with(&Request::device_pool, "Default")));
  EXPECT_TRUE(fits(with(&Request::lsc, "installed")));
  EXPECT_FALSE(fits(with(&Request::lsc, "stale")));
  EXPECT_FALSE(fits(with(&Request::lsc, "csr")));
  EXPECT_TRUE(fits(with(&Request::expires_before, "2026-12-02")));
  EXPECT_FALSE(fits(with(&Request::expires_before, "2026-12-01")));
  EXPECT_TRUE(fits(with(&Request::expires_within, 10)));
  EXPECT_FALSE(fits(with(&Request::expires_within, 5)));
  EXPECT_TRUE(fits(with(&Request::issuer, "capf-7F0A")));
  EXPECT_FALSE(fits(with(&Request::issuer, "CAPF-0000")));
  EXPECT_TRUE(fits(with(&Request::issuer_expires_before, "2032-01-01")));
  EXPECT_FALSE(fits(with(&Request::auth_string, "set")));
  EXPECT_TRUE(fits(with(&Request::auth_string, "not-set")));
  EXPECT_TRUE(fits(with(&Request::status, "failed")));
  EXPECT_TRUE(fits(with(&Request::status, "*invalid lsc")));
  EXPECT_FALSE(fits(with(&Request::status, "pending")));
  EXPECT_TRUE(fits(with(&Request::operation, "install")));
}

TEST_F(ReportFilterTest, RefusesWhatCannotBe) {
  core::admin::CapfReportRequest request;
  request.lsc = "lost";
  EXPECT_THROW(fits(request), Error);
  request.lsc.reset();
  request.expires_before = "2026-02-30";
  EXPECT_THROW(fits(request), Error);
  request.expires_before = "tomorrow";
  EXPECT_THROW(fits(request), Error);
}

TEST_F(ExpiryMonitorTest, ChangesOnePolicyAtATime) {
  ExpiryMonitor monitor(parts());
  EXPECT_EQ(set_policy(policy_parts(monitor), {"min_rsa_bits", "1024"}).min_rsa_bits, 1024);
  EXPECT_EQ(set_policy(policy_parts(monitor), {"notify_to", "a@x.org; b@x.org"}).notify_to.size(),
            2U);
  EXPECT_TRUE(set_policy(policy_parts(monitor), {"notify_to", "none"}).notify_to.empty());
  EXPECT_EQ(set_policy(policy_parts(monitor), {"issuer", "offline-ca"}).issuer, "offline-ca");
  EXPECT_THROW(set_policy(policy_parts(monitor), {"validity_days", "1826"}), Error);
  EXPECT_THROW(set_policy(policy_parts(monitor), {"validity_days", "many"}), Error);
  EXPECT_THROW(set_policy(policy_parts(monitor), {"colour", "red"}), Error);
  const auto now = show_policy(policy_parts(monitor));
  EXPECT_EQ(now.validity_days, 1825);
  EXPECT_EQ(now.min_rsa_bits, 1024);
}

}  // namespace
}  // namespace ringfence::services::admin
