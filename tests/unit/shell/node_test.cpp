// utils node, at the prompt and in scripts.

#include <gmock/gmock.h>

#include "core/admin/node_api.h"
#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/shell/shell_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

NodeFacts facts(const std::string& name, bool this_node) {
  NodeFacts node;
  node.name = name;
  node.role = this_node ? "publisher" : "subscriber";
  node.this_node = this_node;
  node.addresses = {"192.0.2.8", name + ".example.com"};
  node.ports = {5060, 5061, 2445, 3804};
  node.runs = {"callmanager", "tftp", "tvs"};
  node.certificates = {{"TVS", "CN=" + name, "4A", "RSA 2048", "2026-01-01T00:00:00Z",
                        "2031-01-01T00:00:00Z", "AB:CD"}};
  node.fingerprint = "01:23";
  if (!this_node) node.imported = "2026-11-28T15:00:00Z";
  return node;
}

class NodeShellTest : public ShellTest {
 protected:
  NodeShellTest() {
    NodePlan plan;
    plan.node = facts("voice-b", false);
    plan.result = "added";
    plan.new_itl = true;
    plan.phones = 5;
    plan.phones_reset = 3;
    plan.warnings = {"A warning."};
    plan.notes = {"A note."};
    admin->record("node.import_plan", plan);
    plan.result = "removed";
    admin->record("node.remove_plan", plan);
    JobReport job;
    job.job = 7;
    job.kind = "phone-reset";
    job.state = "done";
    job.published = true;
    job.total = 3;
    job.returned = 3;
    admin->record("job.wait", job);
    changed_.node = facts("voice-b", false);
    changed_.result = "added";
    changed_.itl_sha1 = "abcd";
    changed_.phones = 5;
    changed_.job = job;
    core::write_atomically(folder_ / "b.txt", core::bytes_of("Ringfence-Node: 1\n"));
  }

  std::string import_line() { return "utils node import " + (folder_ / "b.txt").string(); }

  NodeChanged changed_;
  ringfence::test::TemporaryFolder folder_;
};

TEST_F(NodeShellTest, SaysWhatWasReadAndWhatFollowsBeforeItAsks) {
  admin->record("node.import", changed_);
  console.typed = {"yes"};
  EXPECT_EQ(run(import_line()), Status::success);
  EXPECT_THAT(
      console.output,
      HasSubstr("Read: voice-b (subscriber)\n"
                "   Address       192.0.2.8, voice-b.example.com\n"
                "   Ports         sip 5060, sips 5061, tvs 2445, capf 3804\n"
                "   Runs          callmanager, tftp, tvs\n"
                "   TVS                CN=voice-b  RSA 2048  until 2031-01-01T00:00:00Z\n"));
  EXPECT_THAT(console.output, HasSubstr("   Fingerprint   01:23\n"));
  EXPECT_THAT(console.output,
              HasSubstr("WARNING: Importing it resets 3 registered phones so that they fetch the "
                        "new ITL file and configuration.\nWARNING: A warning.\nNOTE: A note.\n"));
  EXPECT_THAT(console.output, HasSubstr("Proceed with the import (yes|no)? "));
  EXPECT_THAT(console.output, HasSubstr("Successfully imported node voice-b.\n"
                                        "The new ITL file is published: abcd(SHA1)\n"));
  EXPECT_THAT(console.output, HasSubstr("3 of 3 phones returned"));
  EXPECT_THAT(admin->asked(), ElementsAre("node.import_plan", "node.import", "job.wait"));
}

TEST_F(NodeShellTest, ImportsNothingWithoutAYes) {
  console.typed = {"no"};
  EXPECT_EQ(run(import_line()), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("Import cancelled."));
  EXPECT_THAT(admin->asked(), ElementsAre("node.import_plan"));
}

TEST_F(NodeShellTest, AsksNothingWhenTheNodeIsKnownJustSoAndSendsNoKey) {
  session.admin = admin = std::make_shared<RecordedAdmin>();
  NodePlan plan;
  plan.node = facts("voice-b", false);
  plan.result = "known";
  admin->record("node.import_plan", plan);
  NodeChanged changed;
  changed.node = plan.node;
  changed.result = "known";
  changed.phones = 5;
  admin->record("node.import", changed);
  console.input = "Name: b\n-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n";
  EXPECT_EQ(run("utils node import -"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("nothing was changed"));
  EXPECT_THAT(console.output, Not(HasSubstr("yes|no")));
  const std::string sent = core::text_of(
      core::from_base64(std::string(admin->last_request().at("content").as_string())));
  EXPECT_THAT(sent, HasSubstr("Name: b\n-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_THAT(sent, Not(HasSubstr("secret")));
}

TEST_F(NodeShellTest, ATerminalPastesTheDocument) {
  console.terminal = true;
  console.typed = {"Ringfence-Node: 1", "Name: b", ""};
  admin->record("node.import", changed_);
  session.questions = Questions::answer_yes;
  EXPECT_EQ(run("utils node import -"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("Paste what 'utils node export' printed"));
  console.output.clear();
  console.typed = {"Ringfence-Node: 1", "Name: b", ""};
  session.output = Output::json;
  EXPECT_EQ(run("utils node import -"), Status::success);
  EXPECT_THAT(console.errors, HasSubstr("Paste what 'utils node export' printed"));
  EXPECT_NO_THROW(boost::json::parse(console.output)) << console.output;
}

TEST_F(NodeShellTest, PhonesThatCouldNotBeToldAreMissing) {
  changed_.job.reset();
  changed_.warnings = {"No phone was reset: Cisco CallManager does not run."};
  admin->record("node.import", changed_);
  session.questions = Questions::answer_yes;
  EXPECT_EQ(run(import_line()), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("WARNING: No phone was reset"));
}

TEST_F(NodeShellTest, AServiceThatWasNotToldIsNoSuccess) {
  changed_.untold_services = {"Cisco Trust Verification Service"};
  changed_.warnings = {"Cisco Trust Verification Service was not told of it."};
  session.questions = Questions::answer_yes;
  for (const Output output : {Output::text, Output::json}) {
    session.output = output;
    admin->record("node.import", changed_);
    EXPECT_EQ(run(import_line()), Status::phones_missing);
  }
  session.output = Output::text;
  changed_.job.reset();
  changed_.phones = 0;
  changed_.result = "removed";
  admin->record("node.remove", changed_);
  EXPECT_EQ(run("utils node remove voice-b"), Status::phones_missing);
}

TEST_F(NodeShellTest, JsonIsOneDocumentWithTheEndOfTheJob) {
  admin->record("node.import", changed_);
  session.questions = Questions::answer_yes;
  session.output = Output::json;
  EXPECT_EQ(run(import_line()), Status::success);
  const boost::json::object document = boost::json::parse(console.output).as_object();
  EXPECT_EQ(document.at("result"), "added");
  EXPECT_EQ(document.at("job").as_object().at("state"), "done");
  EXPECT_EQ(document.at("itl_sha1"), "abcd");
}

TEST_F(NodeShellTest, AWatchThatIsLeftAtOnceKeepsWhatWasDone) {
  changed_.job->state = "running";
  session.questions = Questions::answer_yes;
  for (const Output output : {Output::json, Output::text}) {
    session.admin = admin = std::make_shared<RecordedAdmin>();
    NodePlan plan;
    plan.node = changed_.node;
    plan.result = "added";
    admin->record("node.import_plan", plan);
    admin->record("node.import", changed_);
    admin->record("job.wait", core::Error(core::Code::io, "it does not answer"));
    console.interrupt = true;
    session.output = output;
    EXPECT_EQ(run(import_line()), Status::phones_missing);
    if (output == Output::text) continue;
    const boost::json::object document = boost::json::parse(console.output).as_object();
    EXPECT_EQ(document.at("job").as_object().at("kind"), "phone-reset");
    EXPECT_EQ(document.at("notes").as_array().back(),
              "The job goes on. Watch it again with: utils job wait 7");
  }
}

TEST_F(NodeShellTest, PrintsTheDocumentAndNothingElse) {
  admin->record("node.export",
                NodeExport{facts("voice-a", true), "Ringfence-Node: 1\n…\nEnd: 5\n"});
  EXPECT_EQ(run("utils node export"), Status::success);
  EXPECT_EQ(console.output, "Ringfence-Node: 1\n…\nEnd: 5\n");
}

TEST_F(NodeShellTest, ListsTheNodesThisOneFirst) {
  admin->record("node.list",
                NodeList{{facts("voice-a", true), facts("voice-b", false)}, {"One ends soon."}});
  EXPECT_EQ(run("utils node list"), Status::success);
  EXPECT_THAT(console.output, testing::StartsWith("voice-a (publisher, this node)\n"));
  EXPECT_THAT(console.output, HasSubstr("\nvoice-b (subscriber)\n"));
  EXPECT_THAT(console.output, HasSubstr("   Imported      2026-11-28T15:00:00Z\n"));
  EXPECT_THAT(console.output, HasSubstr("WARNING: One ends soon.\n"));
}

TEST_F(NodeShellTest, WarnsBeforeItRemoves) {
  changed_.result = "removed";
  admin->record("node.remove", changed_);
  console.typed = {"yes"};
  EXPECT_EQ(run("utils node remove voice-b"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("WARNING: Removing it resets 3 registered phones"));
  EXPECT_THAT(console.output, HasSubstr("Proceed with the removal (yes|no)? "));
  EXPECT_THAT(console.output, HasSubstr("Successfully removed node voice-b.\n"));
  EXPECT_EQ(admin->asked()[1], "node.remove");
}

}  // namespace
}  // namespace ringfence::shell::test
