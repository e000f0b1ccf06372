// show hsm and utils hsm unlock as an administrator and a script see them.
#include <sstream>

#include <gmock/gmock.h>

#include "shell/printable.h"
#include "shell/table.h"
#include "tests/support/golden.h"
#include "tests/unit/shell/shell_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using ::ringfence::test::expect_golden;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kPin = "4711-geheim";

HsmShow operational() {
  HsmShow hsm;
  hsm.state = "operational";
  hsm.module = "/usr/lib/softhsm/libsofthsm2.so";
  hsm.library = "SoftHSM, Implementation of PKCS11, 2.6";
  hsm.token = "ringfence";
  hsm.manufacturer = "SoftHSM project";
  hsm.model = "SoftHSM v2";
  hsm.serial = "7e1a4c0d5b2f9a36";
  hsm.hardware = "2.6";
  hsm.firmware = "2.6";
  hsm.slots = {{1528799798, "SoftHSM slot ID 0x5b1f9a36", "ringfence", true},
               {1, "SoftHSM slot ID 0x1", "", false}};
  hsm.keys = {{"CAPF", 1, "RSA", 2048, "2026-11-21", 2},
              {"CAPF", 2, "RSA", 2048, "2026-11-21", 1},
              {"CallManager-ECDSA", 1, "EC", 384, "", 0}};
  hsm.workers = {{4242, "ready", 93784, 120000, 2}, {4243, "ready", 59, 17, 0}};
  hsm.workers_wanted = 2;
  hsm.restarts = 1;
  hsm.queued = 3;
  hsm.queue_limit = 1024;
  hsm.signatures_per_second = 1234.5;
  hsm.latency_p50_us = 812;
  hsm.latency_p99_us = 2149;
  hsm.signed_total = 120017;
  hsm.failed_total = 4;
  hsm.started = "2026-11-20T11:00:00Z";
  hsm.signatures = {{"admin", "ca_certificate", 5}, {"capf", "certificate", 4711}};
  return hsm;
}

HsmShow degraded() {
  HsmShow hsm = operational();
  hsm.state = "degraded";
  hsm.reason =
      "C_Sign: CKR_DEVICE_REMOVED (0x32): the token in slot 1528799798 was taken away "
      "while it signed";
  hsm.next_step = "it is tried again by itself in 27 s";
  hsm.degraded_since = "2026-11-21T13:40:47Z";
  hsm.retry_seconds = 27;
  hsm.workers = {{4244, "starting", 3, 0, 0}};
  return hsm;
}

HsmShow locked() {
  HsmShow hsm;
  hsm.state = "locked";
  hsm.reason = "the PIN has to be typed";
  hsm.next_step = "type the token's PIN with 'utils hsm unlock'";
  hsm.module = "/usr/lib/softhsm/libsofthsm2.so";
  hsm.workers_wanted = 2;
  hsm.queue_limit = 1024;
  return hsm;
}

HsmShow unreachable() {
  HsmShow hsm;
  hsm.state = "unreachable";
  hsm.reason =
      "Ringfence Signer is STOPPED (ended with status 3); the last line of its log: "
      "ringfence-signer: C_Login: CKR_PIN_INCORRECT (0xa0)";
  hsm.next_step =
      "it is not tried again by itself: mend what the reason names, then stop Ringfence and start "
      "it";
  return hsm;
}

class HsmTest : public ShellTest {
 protected:
  boost::json::object document(const std::string& line) {
    session.output = Output::json;
    return boost::json::parse(output_of(line)).as_object();
  }
};

TEST_F(HsmTest, ShowsTheTokenInEachState) {
  for (const HsmShow& hsm : {operational(), degraded(), locked(), unreachable()})
    admin->record("hsm.show", hsm);
  const std::string text = transcript({"show hsm", "show hsm", "show hsm", "show hsm"});
  expect_golden("shell/hsm.txt", text);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(width(line), 80U) << line;
}

TEST_F(HsmTest, SucceedsOnlyWhenTheTokenIsOperational) {
  HsmShow starting = locked();
  starting.state = "starting";
  for (const HsmShow& hsm : {operational(), degraded(), locked(), starting, unreachable()})
    admin->record("hsm.show", hsm);
  EXPECT_EQ(run("show hsm"), Status::success);
  for (int state = 0; state < 4; ++state) {
    EXPECT_EQ(run("show hsm"), Status::failed);
    EXPECT_THAT(console.output, Not(HasSubstr("Executed command unsuccessfully")));
  }
}

TEST_F(HsmTest, PrintsOneDocumentThatItsSchemaDescribes) {
  admin->record("hsm.show", operational());
  const auto hsm = document("show hsm");
  EXPECT_EQ(hsm.begin()->key(), "state") << "scripts and appliance/run look there";
  EXPECT_EQ(hsm.at("latency_p50_us").as_int64(), 812);
  EXPECT_TRUE(hsm.at("degraded_since").is_null());
  EXPECT_EQ(hsm.at("keys").as_array().at(1).at("copies").as_int64(), 1);
  const auto schema = document("show schema show hsm").at("properties").as_object();
  for (const auto& member : hsm) EXPECT_TRUE(schema.contains(member.key())) << member.key();
  EXPECT_EQ(hsm.size(), schema.size());
}

TEST_F(HsmTest, EscapesWhatATokenCallsItself) {
  HsmShow hsm = operational();
  hsm.token = "ring\x1b[2Jfence\nState : operational";
  admin->record("hsm.show", hsm);
  const std::string text = output_of("show hsm");
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("ring\\x1b[2Jfence\\x0aState"));
}

TEST_F(HsmTest, AsksForThePinUnseenAndSaysWhatBegins) {
  admin->record("hsm.unlock",
                HsmUnlocked{"operational", {"Cisco Trust Verification Service is started."}});
  console.typed = {kPin};
  EXPECT_EQ(run("utils hsm unlock"), Status::success);
  EXPECT_EQ(console.output,
            "Please enter the PIN of the token: \n"
            "The token took the PIN. Its state is operational.\n"
            "Cisco Trust Verification Service is started.\n"
            "See 'show hsm' and 'utils service list'.\n");
  EXPECT_EQ(admin->last_request().at("pin").as_string(), kPin);
}

TEST_F(HsmTest, KeepsSpacesOfThePinAndDropsADosLineEnd) {
  admin->record("hsm.unlock", HsmUnlocked{"operational", {}});
  console.typed = {" 1 2 \r"};
  EXPECT_EQ(run("utils hsm unlock"), Status::success);
  EXPECT_EQ(admin->last_request().at("pin").as_string(), " 1 2 ");
}

TEST_F(HsmTest, SendsAWrongPinOnceAndSaysWhy) {
  admin->record("hsm.unlock",
                core::Error(core::Code::hsm_locked, "C_Login: CKR_PIN_INCORRECT (0xa0)"));
  console.typed = {kPin, kPin};
  EXPECT_EQ(run("utils hsm unlock"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("C_Login: CKR_PIN_INCORRECT (0xa0)\n"
                                        "Executed command unsuccessfully\n"));
  EXPECT_THAT(console.output, Not(HasSubstr(kPin)));
  EXPECT_EQ(admin->asked().size(), 1U);
}

TEST_F(HsmTest, RefusesAPinThatNoTokenTakesWithoutSendingIt) {
  for (const std::string& pin :
       {std::string(), std::string("\r"), std::string(256, 'x'), std::string("\xff\xfe")}) {
    console.typed = {pin};
    EXPECT_EQ(run("utils hsm unlock"), Status::failed);
  }
  console.typed.clear();  // the end of input
  EXPECT_EQ(run("utils hsm unlock"), Status::failed);
  EXPECT_THAT(admin->asked(), IsEmpty());
}

TEST_F(HsmTest, TakesNoPinAsAnArgument) {
  EXPECT_EQ(run("utils hsm unlock " + kPin), Status::not_understood);
  EXPECT_THAT(admin->asked(), IsEmpty());
}

TEST_F(HsmTest, AsksForThePinOnTheErrorStreamBesideADocument) {
  admin->record("hsm.unlock", HsmUnlocked{"starting", {}});
  console.typed = {kPin};
  EXPECT_EQ(document("utils hsm unlock").at("state").as_string(), "starting");
  EXPECT_EQ(console.errors, "Please enter the PIN of the token: \n");
}

TEST_F(HsmTest, ShowsUnlockOnlyToWhoMayDoEverything) {
  const Grammar ordinary(all_commands(), 1);
  EXPECT_EQ(Shell(ordinary, session).run_line("utils hsm unlock"), Status::not_understood);
  const Grammar least(all_commands(), 0);
  admin->record("hsm.show", operational());
  EXPECT_EQ(Shell(least, session).run_line("show hsm"), Status::success);
}

}  // namespace
}  // namespace ringfence::shell::test
