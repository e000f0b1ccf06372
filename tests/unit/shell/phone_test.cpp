#include <gmock/gmock.h>

#include "core/admin/capf_api.h"
#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/support/golden.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/shell/commands_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using ::ringfence::test::expect_golden;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST_F(CommandsTest, SaysWhatAnImportUnderstoodAndReadsUtf16) {
  const ringfence::test::TemporaryFolder folder;
  core::write_atomically(folder / "a.csv",
                         core::bytes_of(std::string_view("\xff\xfen\0a\0m\0e\0\n\0", 12)));
  admin->record(
      "phone.import",
      PhoneImported{1, 0, {{"names", 1, {}, "1 name was read as a device name: a as b."}}});
  EXPECT_THAT(output_of("utils phone import " + (folder / "a.csv").string()),
              HasSubstr("1 phone imported (1 added, 0 updated).\n"
                        "1 name was read as a device name: a as b.\n"
                        "The file was UTF-16 text.\n"));
  EXPECT_EQ(admin->last_request().at("csv").as_string(), "name\n");
}

TEST_F(CommandsTest, ImportsPhonesFromAFileOrFromInput) {
  const ::ringfence::test::TemporaryFolder folder;
  core::write_atomically(folder / "phones.csv", core::bytes_of("name\nSEP001122334455\n"));
  admin->record("phone.import", PhoneImported{40, 10, {}});
  EXPECT_EQ(output_of("utils phone import " + (folder / "phones.csv").string()),
            "50 phones imported (40 added, 10 updated).\n");
  EXPECT_EQ(admin->last_request().at("csv").as_string(), "name\nSEP001122334455\n");
  console.input = "name\nCSFanna\n";
  run("utils phone import -");
  EXPECT_EQ(admin->last_request().at("csv").as_string(), "name\nCSFanna\n");
}

TEST_F(CommandsTest, NamesTheLineOfABadImport) {
  admin->record("phone.import",
                core::Error(core::Code::malformed, "line 3: unknown operation 'instal'"));
  EXPECT_EQ(run("utils phone import -"), Status::failed);
  EXPECT_EQ(console.output,
            "line 3: unknown operation 'instal'\nExecuted command unsuccessfully\n");
  EXPECT_EQ(run("utils phone import /nonexistent/phones.csv"), Status::failed);
}

TEST_F(CommandsTest, SendsOnlyTheFieldsThatWereTyped) {
  admin->record("phone.update", phone("SEP001122334455"));
  EXPECT_EQ(run("set phone capf SEP001122334455 operation install auth_mode auth-string "
                "auth_string 123456 rsa_bits 3072"),
            Status::success);
  const auto request = admin->last_request();
  EXPECT_EQ(request.at("operation").as_string(), "install");
  EXPECT_EQ(request.at("auth_string").as_string(), "123456");
  EXPECT_EQ(request.at("rsa_bits").as_int64(), 3072);
  EXPECT_TRUE(request.at("model").is_null());
  EXPECT_TRUE(request.at("completes_by").is_null());
  EXPECT_THAT(console.output, Not(HasSubstr("123456")));
}

TEST_F(CommandsTest, SaysThatAPhoneMustBeToldOfItsOperation) {
  PhoneFacts facts = phone("SEP001122334455");
  facts.operation = "install";
  facts.registered = true;
  admin->record("phone.update", facts);
  EXPECT_THAT(
      output_of("set phone capf SEP001122334455 operation install"),
      HasSubstr("Phone SEP001122334455 updated.\nNOTE: SEP001122334455 takes this up when it "
                "next fetches its configuration. Tell it now with 'utils phone apply-config "
                "SEP001122334455', or add apply to this command.\n"));
}

TEST_F(CommandsTest, TellsAPhoneOfItsOperationWithApply) {
  admin->record("phone.apply_plan", Nothing{});
  admin->record("phone.update", phone("SEP001122334455"));
  admin->record("phone.reset", PhoneReset{1, {}, {}});
  admin->record("phone.reset", PhoneReset{0, {"SEP001122334455"}, {}});
  EXPECT_EQ(run("set phone capf SEP001122334455 operation install apply"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("Apply-config sent to SEP001122334455.\n"));
  EXPECT_EQ(admin->last_request().at("kind").as_string(), "apply-config");
  EXPECT_EQ(run("set phone capf SEP001122334455 apply operation install"), Status::phones_missing);
  EXPECT_THAT(console.output,
              HasSubstr("is not registered: it takes this up when it next starts."));
}

TEST_F(CommandsTest, SaysThatSettingsAreSavedAlsoWhenThePhoneCannotBeTold) {
  admin->record("phone.apply_plan", Nothing{});
  admin->record("phone.update", phone("SEP001122334455"));
  admin->record("phone.reset", core::Error(core::Code::refused, "Cisco CallManager is stopped"));
  EXPECT_EQ(run("set phone capf SEP001122334455 operation install apply"), Status::phones_missing);
  EXPECT_THAT(
      console.output,
      HasSubstr("Phone SEP001122334455 updated.\nWARNING: SEP001122334455 could not be told: "
                "Cisco CallManager is stopped.\n"));
}

TEST_F(CommandsTest, AsksForAnAuthenticationStringUnseen) {
  admin->record("phone.update", phone("SEP001122334455"));
  console.typed = {"98765"};
  EXPECT_EQ(run("set phone capf SEP001122334455 operation install auth_string ask"),
            Status::success);
  EXPECT_EQ(admin->last_request().at("auth_string").as_string(), "98765");
  EXPECT_THAT(console.output, Not(HasSubstr("98765")));
}

TEST_F(CommandsTest, AsksBeforeItResetsAllPhonesAndNotBeforeOne) {
  admin->record("phone.reset_plan", PhoneResetPlan{48});
  admin->record("phone.reset_all", JobStarted{3});
  admin->record("phone.reset", PhoneReset{1, {}, {}});
  JobReport done = job(2, 48, "done", true);
  done.total = 48;
  admin->record("job.wait", done);
  console.typed = {"n"};
  EXPECT_EQ(run("utils phone reset all"), Status::failed);
  EXPECT_EQ(console.output,
            "You are about to reset all 48 registered phones. This action cannot be undone. "
            "Continue? (y/n): n\nReset cancelled.\n");
  EXPECT_THAT(admin->asked(), Not(Contains("phone.reset_all")));
  console.typed = {"y"};
  EXPECT_EQ(run("utils phone reset all"), Status::success);
  EXPECT_THAT(admin->asked(), Contains("phone.reset_all"));
  EXPECT_THAT(console.output, HasSubstr("48 of 48 phones returned."));
  EXPECT_EQ(run("utils phone apply-config SEP001122334455"), Status::success);
  EXPECT_EQ(admin->last_request().at("kind").as_string(), "apply-config");
  EXPECT_EQ(admin->last_request().at("phones").as_array().size(), 1U);
}

TEST_F(CommandsTest, AResetOfAllSaysWhomItLeavesOutAndIsNoSuccess) {
  admin->record("phone.reset_plan", PhoneResetPlan{0, 2, {"2 phones are not told: A, B."}});
  admin->record("phone.reset_all", JobStarted{3});
  JobReport done = job(3, 0, "done", true);
  done.kind = "phone-reset";
  done.total = 0;
  done.left_out = 2;
  admin->record("job.wait", done);
  console.typed = {"y"};
  EXPECT_EQ(run("utils phone reset all"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("NOTE: 2 phones are not told: A, B.\nYou are about to"));
  EXPECT_THAT(console.output, HasSubstr("no phone could be reset.\n2 phones left out"));
}

TEST_F(CommandsTest, RefusesForARunningJobBeforeItsQuestion) {
  admin->record("phone.reset_plan", core::Error(core::Code::conflict, "job 1 still resets phones"));
  admin->record("cert.plan", core::Error(core::Code::conflict, "job 1 still resets phones"));
  for (const std::string line : {"utils phone restart all", "set cert regen CAPF"}) {
    console.output.clear();
    EXPECT_EQ(run(line), Status::failed);
    EXPECT_EQ(console.output, "job 1 still resets phones\nExecuted command unsuccessfully\n");
  }
}

TEST_F(CommandsTest, SaysThatAPhoneIsNotRegistered) {
  admin->record("phone.reset", PhoneReset{0, {"SEP001122334455"}, {}});
  EXPECT_EQ(run("utils phone restart SEP001122334455"), Status::failed);
  EXPECT_EQ(console.output,
            "phone SEP001122334455 is not registered\nExecuted command unsuccessfully\n");
}

TEST_F(CommandsTest, FailsWhenAPhoneRefusesItsResetOrDoesNotAnswer) {
  admin->record("phone.reset", PhoneReset{1, {}, {{"SEP001122334455", 408}}});
  EXPECT_EQ(run("utils phone restart SEP001122334455"), Status::failed);
  EXPECT_EQ(console.output,
            "Did not answer: SEP001122334455\nno phone is known to restart; see that it has power "
            "and reaches this node\nExecuted command unsuccessfully\n");
  admin->record("phone.reset", PhoneReset{1, {}, {{"SEP001122334455", 400}}});
  EXPECT_EQ(run("utils phone restart SEP001122334455"), Status::failed);
  admin->record("phone.reset", PhoneReset{1, {}, {{"SEP001122334455", 400}}});
  EXPECT_THAT(output_of("utils phone restart SEP001122334455"),
              HasSubstr("Refused by SEP001122334455 (400)\n"));
}

TEST_F(CommandsTest, ForcesOnePhoneAsItForcesAll) {
  admin->record("phone.reset", core::Error(core::Code::refused, "no phone is told\nadd: force 1"));
  admin->record("phone.reset", PhoneReset{1, {}, {}});
  EXPECT_EQ(run("utils phone reset SEP001122334455"), Status::failed);
  EXPECT_EQ(run("utils phone reset SEP001122334455 force 1"), Status::success);
  EXPECT_EQ(admin->last_request().at("force").as_int64(), 1);
}

TEST_F(CommandsTest, SavesNothingWhenApplyIsRefused) {
  admin->record("phone.apply_plan", core::Error(core::Code::refused, "no phone is told"));
  EXPECT_EQ(run("set phone capf SEP001122334455 operation install apply"), Status::failed);
  EXPECT_THAT(admin->asked(), testing::ElementsAre("phone.apply_plan"));
  EXPECT_EQ(admin->last_request().at("operation").as_string(), "install");
  EXPECT_EQ(run("set phone capf SEP001122334455 operation install force 1"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("force is for apply"));
}

TEST_F(CommandsTest, ShowsOnePhoneOnANarrowTerminalWithoutBreakingWords) {
  PhoneFacts facts = phone("SEP001122334455");
  facts.itl_signs = {
      {{"2026-11-28T14:17:59Z", "tls_trusted", "127.0.0.1", "4321D9C65AE25811B9C58527", "CAPF"}}};
  admin->record("phone.show", facts);
  console.terminal = true;
  console.width = 50;
  EXPECT_THAT(output_of("show phone SEP001122334455"),
              HasSubstr("What shows which trust list it believes:\n"
                        "2026-11-28T14:17:59Z  trusted a certificate in TLS\n"
                        "   from 127.0.0.1, 4321D9C65AE25811B9C58527, CAPF\n"));
}

TEST_F(CommandsTest, NamesTheLineOfAnImportThatIsNotUtf8) {
  console.input = "name,description\nSEP001122334455,caf\xe9\n";
  EXPECT_EQ(run("utils phone import -"), Status::failed);
  EXPECT_NE(console.output.find("line 2: the text is not UTF-8"), std::string::npos);
}

TEST_F(CommandsTest, ShowsPhonesAndTheCapfReport) {
  PhoneFacts silent;
  silent.name = "CSFanna";
  silent.operation = "install";
  silent.auth_mode = "auth-string";
  silent.auth_string_set = true;
  silent.key_order = "ec-preferred";
  silent.rsa_bits = 2048;
  silent.ec_bits = 384;
  silent.completes_by = "2026:11:28:10";
  silent.operation_status = "Operation Pending";
  silent.itl = "unknown";
  silent.lsc = "none";
  admin->record("phone.list", PhoneList{{silent, phone("SEP001122334455")}});
  admin->record("phone.show", phone("SEP001122334455"));
  CapfReportPhone without;
  without.name = "SEP0011223344FF";
  without.lsc = "none";
  without.operation = "install";
  without.operation_status = "Operation Pending";
  without.stale = 1;
  CapfReportPhone with;
  with.name = "SEP001122334455";
  with.lsc = "installed";
  with.lsc_issuer = "CN=CAPF-7f0ae8d7";
  with.lsc_serial = "0A0B";
  with.lsc_expires = "2031-11-20T10:00:00Z";
  with.lsc_key = "RSA 2048";
  with.lsc_confirmed = "2026-11-21T10:00:00Z";
  with.operation = "none";
  with.operation_status = "Upgrade Success";
  CapfReport report;
  report.phones = {without, with};
  report.with_lsc = report.pending = report.stale = 1;
  report.warnings = {"The CAPF certificate expires at 2026-12-01T00:00:00Z."};
  admin->record("capf.report", report);
  expect_golden("shell/phones.txt",
                transcript({"show phone list", "show phone SEP001122334455", "show capf report"}));
}

TEST_F(CommandsTest, EscapesWhatAPhoneSentBeforeItReachesATerminal) {
  PhoneFacts evil = phone("SEP001122334455");
  evil.description = "\x1b]0;owned\x07\nadmin:forged";
  admin->record("phone.show", evil);
  const std::string text = output_of("show phone SEP001122334455");
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("\\x1b]0;owned\\x07\\x0aadmin:forged"));
}

}  // namespace
}  // namespace ringfence::shell::test
