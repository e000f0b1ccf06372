// set csr, set cert import, utils capf csr and cert import, at the prompt and in scripts.

#include <deque>

#include <gmock/gmock.h>

#include "core/admin/csr_api.h"
#include "core/admin/offline_api.h"
#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/shell/shell_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using testing::HasSubstr;
using testing::Not;

class CsrShellTest : public ShellTest {
 protected:
  CsrShellTest() {
    admin->record("cert.import_plan", CertificateImportPlan{"CAPF",
                                                            "CN=CAPF-1",
                                                            "4A",
                                                            "2030-01-01T00:00:00Z",
                                                            {"CN=Issuing", "CN=Root"},
                                                            5,
                                                            3,
                                                            {"A note."},
                                                            "PEM with 2 certificates"});
    admin->record("cert.import", JobStarted{7});
    JobReport done;
    done.job = 7;
    done.subject = "CAPF";
    done.state = "done";
    done.published = true;
    admin->record("job.wait", done);
    admin->record(
        "cert.import_trust",
        TrustImported{
            {{"CAPF-trust", "Root.pem", "CN=Root", "added"}}, {}, "DER with 1 certificate"});
  }

  void paste(const std::vector<std::string>& lines) {
    console.typed.assign(lines.begin(), lines.end());
  }

  ringfence::test::TemporaryFolder folder_;
};

const std::vector<std::string> kPasted = {"-----BEGIN CERTIFICATE-----", "MIIB",
                                          "-----END CERTIFICATE-----"};

TEST_F(CsrShellTest, APasteEndsWithItsEndLineAndThenTheQuestionIsAsked) {
  std::vector<std::string> lines = kPasted;
  lines.emplace_back("yes");
  lines.emplace_back("show itl");  // the script's next command
  paste(lines);
  EXPECT_EQ(run("set cert import own CAPF CAPF-trust/Root.pem"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("\nPaste the Certificate and Hit Enter\n"));
  EXPECT_THAT(console.output,
              HasSubstr("Read: PEM with 2 certificates.\n"
                        "The certificate of CN=CAPF-1 was issued by CN=Issuing, by CN=Root.\n"));
  EXPECT_THAT(console.output, HasSubstr("resets 3 registered phones so that they fetch"));
  EXPECT_THAT(console.output, HasSubstr("NOTE: A note.\n"));
  EXPECT_THAT(console.output, HasSubstr("Successfully imported certificate for CAPF.\n"));
  EXPECT_EQ(console.typed.size(), 1U);
  EXPECT_EQ(admin->asked(),
            (std::vector<std::string>{"cert.import_plan", "cert.import", "job.wait"}));
}

TEST_F(CsrShellTest, NothingIsImportedWithoutAYes) {
  std::vector<std::string> lines = kPasted;
  lines.emplace_back("no");
  paste(lines);
  EXPECT_EQ(run("set cert import own CAPF"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("Import cancelled."));
  EXPECT_EQ(admin->asked(), std::vector<std::string>{"cert.import_plan"});
}

TEST_F(CsrShellTest, AChainIsTakenWholeAndItsEmptyLineToo) {
  std::vector<std::string> lines = {"subject=/CN=a", "", "issuer=/CN=b"};
  lines.insert(lines.end(), kPasted.begin(), kPasted.end());
  lines.emplace_back("");
  lines.emplace_back("subject=/CN=b");
  lines.insert(lines.end(), kPasted.begin(), kPasted.end());
  lines.insert(lines.end(), {"", "show itl"});
  paste(lines);
  EXPECT_EQ(run("set cert import trust CAPF"), Status::success);
  const std::string sent(admin->last_request().at("pem").as_string());
  EXPECT_EQ(sent,
            "subject=/CN=a\nissuer=/CN=b\n-----BEGIN CERTIFICATE-----\nMIIB\n"
            "-----END CERTIFICATE-----\nsubject=/CN=b\n-----BEGIN CERTIFICATE-----\nMIIB\n"
            "-----END CERTIFICATE-----\n");
  EXPECT_EQ(console.typed, std::deque<std::string>{"show itl"});
}

TEST_F(CsrShellTest, TheEndOfInputEndsAPasteAndNothingIsRefused) {
  paste({"MIIB"});  // base64 without its lines, for the daemon to judge
  EXPECT_EQ(run("set cert import trust CAPF"), Status::success);
  EXPECT_EQ(admin->last_request().at("pem").as_string(), "MIIB\n");
  paste({""});
  EXPECT_EQ(run("set cert import trust CAPF"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("no certificate was pasted"));
  EXPECT_EQ(admin->asked().size(), 1U);
}

TEST_F(CsrShellTest, ALeftPasteImportsNothing) {
  paste(kPasted);
  console.interrupt = true;
  EXPECT_EQ(run("set cert import own CAPF"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("left with Ctrl-C; nothing was imported"));
  EXPECT_TRUE(admin->asked().empty());
}

TEST_F(CsrShellTest, APrivateKeyNeverLeavesTheShell) {
  std::vector<std::string> lines = {"-----BEGIN EC PRIVATE KEY-----", "c2VjcmV0",
                                    "-----END EC PRIVATE KEY-----"};
  lines.insert(lines.end(), kPasted.begin(), kPasted.end());
  paste(lines);
  EXPECT_EQ(run("set cert import trust CAPF"), Status::success);
  const std::string sent(admin->last_request().at("pem").as_string());
  EXPECT_THAT(sent, Not(HasSubstr("c2VjcmV0")));
  EXPECT_THAT(sent, HasSubstr("-----BEGIN EC PRIVATE KEY-----\n"));
  EXPECT_THAT(sent, HasSubstr("MIIB"));
}

TEST_F(CsrShellTest, AFileMayBeOfAnyForm) {
  const core::Bytes der = {0x30, 0x03, 0x02, 0x01, 0x05};
  core::write_atomically(folder_ / "root.der", der);
  EXPECT_EQ(run("set cert import trust CAPF file " + (folder_ / "root.der").string()),
            Status::success);
  EXPECT_EQ(admin->last_request().at("content").as_string(), "MAMCAQU=");
  EXPECT_EQ(admin->last_request().at("unit").as_string(), "CAPF");
  console.input = "\x30\xff";
  EXPECT_EQ(run("set cert import trust CAPF file -"), Status::success);
  EXPECT_EQ(admin->last_request().at("content").as_string(), "MP8=");
  EXPECT_THAT(output_of("set cert import trust CAPF file " + (folder_ / "none").string()),
              HasSubstr("none"));
}

TEST_F(CsrShellTest, TheIssuerMayBeLeftOutBeforeTheFile) {
  core::write_atomically(folder_ / "capf.pem", core::bytes_of("text"));
  const std::string file = (folder_ / "capf.pem").string();
  console.typed = {"no"};
  run("set cert import own CAPF file " + file);
  EXPECT_TRUE(admin->last_request().at("ca_cert").is_null());
  EXPECT_EQ(admin->last_request().at("content").as_string(), "dGV4dA==");
  console.typed = {"no"};
  run("set cert import own CAPF CAPF-trust/Root.pem file " + file);
  EXPECT_EQ(admin->last_request().at("ca_cert").as_string(), "CAPF-trust/Root.pem");
  EXPECT_EQ(admin->last_request().at("content").as_string(), "dGV4dA==");
}

TEST_F(CsrShellTest, ADumpIsPutTogetherFromItsParts) {
  admin->record("offline.dump",
                CsrDumpPart{3, core::to_base64(core::bytes_of("abc")), 1, 3, {"SEP2: why"}, false});
  admin->record("offline.dump",
                CsrDumpPart{3, core::to_base64(core::bytes_of("def")), 3, 3, {}, true});
  const std::string file = (folder_ / "csrs.tgz").string();
  EXPECT_EQ(run("utils capf csr dump " + file), Status::success);
  EXPECT_EQ(core::text_of(core::read_file(file, 100)), "abcdef");
  EXPECT_THAT(console.output, HasSubstr("Left out: SEP2: why\nSuccessfully dumped 2 CSRs to "));
  EXPECT_EQ(admin->last_request().at("dump").as_int64(), 3);
}

TEST_F(CsrShellTest, ADumpGoesToStandardOutputAsItIsButNotToATerminal) {
  admin->record("offline.dump", CsrDumpPart{1, core::to_base64({{0, 1, 255}}), 1, 1, {}, true});
  EXPECT_EQ(run("utils capf csr dump -"), Status::success);
  EXPECT_EQ(console.output, std::string("\0\1\xff", 3));
  EXPECT_EQ(console.errors, "1 CSR dumped.\n");
  console.terminal = true;
  EXPECT_EQ(run("utils capf csr dump -"), Status::failed);
  console.terminal = false;
  session.output = Output::json;
  EXPECT_EQ(run("utils capf csr dump -"), Status::failed);
}

TEST_F(CsrShellTest, AnImportSaysOfEachRefusedFileWhy) {
  admin->record("offline.upload", Uploaded{5, 3});
  admin->record(
      "offline.import",
      LscImportPart{{{"a.der", "SEP1"}}, {}, 1, 2, false, {}, {"a.der: A private key was in it."}});
  admin->record("offline.import",
                LscImportPart{{}, {{"b.der", "SEP2", "it is a CA certificate"}}, 2, 2, true, {}});
  console.input = "tgz";
  EXPECT_EQ(run("utils capf cert import -"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("Refused b.der for SEP2: it is a CA certificate\n"
                                        "WARNING: a.der: A private key was in it.\n"
                                        "1 certificate imported, 1 refused.\n"));
  EXPECT_THAT(console.output, HasSubstr("utils phone apply-config"));
}

TEST_F(CsrShellTest, AnImportTellsTheRegisteredPhonesWhenAskedTo) {
  admin->record("offline.upload", Uploaded{5, 3});
  admin->record("offline.import", LscImportPart{{{"a.der", "SEP1"}}, {}, 1, 1, true, {}});
  admin->record("phone.reset", PhoneReset{1, {}, {}});
  console.input = "tgz";
  EXPECT_EQ(run("utils capf cert import - tell apply-config"), Status::success);
  EXPECT_EQ(admin->last_request().at("kind").as_string(), "apply-config");
  EXPECT_THAT(console.output, HasSubstr("1 registered phone was told to come for it"));
}

TEST_F(CsrShellTest, AnImportThatEndsEarlyIsOneDocument) {
  admin->record("offline.upload", Uploaded{5, 3});
  admin->record("offline.import", LscImportPart{{{"a.der", "SEP1"}}, {}, 1, 2, false, {}});
  admin->record("offline.import", core::Error(core::Code::io, "nobody answers"));
  console.input = "tgz";
  session.output = Output::json;
  EXPECT_EQ(run("utils capf cert import -"), Status::phones_missing);
  const auto document = boost::json::parse(console.output).as_object();  // one, or it throws
  EXPECT_EQ(document.at("accepted").as_array().size(), 1U);
  EXPECT_THAT(std::string(document.at("error").at("message").as_string()),
              HasSubstr("the import ended early: nobody answers"));
}

TEST_F(CsrShellTest, AnImportIsToldAlsoWhenNoPhoneCouldBe) {
  admin->record("offline.upload", Uploaded{5, 3});
  admin->record("offline.import", LscImportPart{{{"a.der", "SEP1"}}, {}, 1, 1, true, {}});
  admin->record("phone.reset", core::Error(core::Code::refused, "Cisco CallManager is stopped"));
  console.input = "tgz";
  EXPECT_EQ(run("utils capf cert import - tell apply-config"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("1 certificate imported, 0 refused.\nWARNING: The phones "
                                        "could not be told: Cisco CallManager is stopped.\n"));
}

TEST_F(CsrShellTest, AnImportOfWhichNothingIsTakenFails) {
  admin->record("offline.upload", Uploaded{5, 3});
  admin->record("offline.import",
                LscImportPart{{}, {{"b.der", "SEP2", "it is a CA certificate"}}, 1, 1, true, {}});
  console.input = "tgz";
  EXPECT_EQ(run("utils capf cert import -"), Status::failed);
}

TEST_F(CsrShellTest, AnIssueInPartEndsWithFiveAndNoneWithOne) {
  LscIssuePart part;
  part.finished = true;
  part.refused = {{"", "SEP2", "its key is too small"}};
  admin->record("offline.issue", part);
  EXPECT_EQ(run("utils capf csr issue all"), Status::failed);
  part.issued = {"SEP1"};
  session.admin = admin = std::make_shared<RecordedAdmin>();
  admin->record("offline.issue", part);
  EXPECT_EQ(run("utils capf csr issue all"), Status::phones_missing);
}

TEST_F(CsrShellTest, StaleLscsAreCountedBeforeTheyGo) {
  admin->record("stale.list", StaleLscList{{{"SEP1", "4A", "CN=CAPF-1", "2026-01-01T00:00:00Z",
                                             std::nullopt, "2031-01-01T00:00:00Z"}}});
  admin->record("stale.clear", StaleCleared{1});
  EXPECT_THAT(output_of("utils capf stale-lsc view"), HasSubstr("1 stale LSC\n"));
  console.typed = {"yes"};
  EXPECT_EQ(run("utils capf stale-lsc delete ALL"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("WARNING: This operation will take 1 stale LSC off"));
  EXPECT_EQ(admin->last_request().at("device").as_string(), "all");
  console.typed = {"no"};
  EXPECT_EQ(run("utils capf stale-lsc delete SEP1"), Status::failed);
}

}  // namespace
}  // namespace ringfence::shell::test
