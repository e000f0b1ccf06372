// Two nodes: one exports itself, the other imports it, and phones learn of both.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "core/trust/trust_list.h"
#include "tests/fleet/fleet.h"
#include "tests/support/command.h"
#include "tests/support/database_file.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using core::Role;
using fleet::Fleet;
using fleet::PhoneReport;
using fleet::Report;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr std::size_t kPhones = 3;
constexpr auto kPatience = 120s;

class ClusterStory : public testing::Test {
 protected:
  ClusterStory() : names_(fleet::count_names(kPhones)) {
    name_it(here_, "voice-a");
    name_it(there_, "voice-b");
  }

  static void name_it(test::Instance& instance, const std::string& host) {
    std::ofstream(instance / "ringfence.toml")
        << "[node]\nhost = \"" << host << "\"\ndomain = \"example.com\"\n";
  }

  static void start(test::Instance& instance) {
    const test::Result started = instance.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  std::string write(const std::string& name, const std::string& text) {
    core::write_atomically(here_ / name, core::bytes_of(text));
    return (here_ / name).string();
  }

  static std::string port(const test::Instance& instance, int plain) {
    return std::to_string(plain + instance.port_offset());
  }

  /// fetched is a file as a phone gets it.
  core::Bytes fetched(const std::string& file) const {
    const test::Result got =
        test::run({"curl", "-s", "tftp://127.0.0.1:" + port(here_, 69) + "/" + file});
    EXPECT_EQ(got.status, 0) << file;
    const core::BytesView view = core::bytes_of(got.out);
    return {view.begin(), view.end()};
  }

  /// shown_by_tvs is the SHA-1 of the certificate that a node's TVS shows, as openssl sees it.
  static std::string shown_by_tvs(const test::Instance& instance) {
    const test::Result seen =
        test::run({"sh", "-c",
                   "openssl s_client -connect 127.0.0.1:" + port(instance, 2445) +
                       " </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha1"});
    std::string text = seen.out.substr(seen.out.find('=') + 1);
    std::erase_if(text, [](char c) { return c == ':' || c == '\n'; });
    return text;
  }

  static std::vector<std::string> tvs_hashes(const core::TrustList& list) {
    std::vector<std::string> hashes;
    for (const core::Record& record : list.records)
      if (record.function == Role::tvs)
        hashes.push_back(core::to_hex(record.hash, core::Case::upper));
    return hashes;
  }

  core::TrustList itl() const { return core::parse_trust_list(fetched("ITLFile.tlv")); }

  std::string served_sha1() { return std::string(here_.json("show itl").at("sha1").as_string()); }

  std::string phones_csv() {
    std::string csv = "name,model\n";
    for (const std::string& name : names_) csv += name + ",CP-8861\n";
    return write("phones.csv", csv);
  }

  void start_phones() {
    ASSERT_EQ(here_.sh("utils phone import " + phones_csv()).status, 0);
    fleet::Options options;
    options.names = names_;
    options.port_offset = here_.port_offset();
    fleet_ = std::make_unique<Fleet>(options);
    fleet_->start();
    ASSERT_TRUE(fleet_->wait_until(
        [](const Report& report) { return report.registered() == kPhones; }, kPatience));
  }

  void expect_all_hold(const std::string& sha1) {
    for (const PhoneReport& phone : fleet_->report().phones) {
      EXPECT_EQ(phone.itl_sha1, sha1) << phone.name;
      EXPECT_THAT(phone.itl_status, Not(HasSubstr("failed"))) << phone.name;
    }
  }

  test::Instance here_;
  test::Instance there_;
  std::vector<std::string> names_;
  std::unique_ptr<Fleet> fleet_;
};

TEST_F(ClusterStory, PhonesLearnOfANodeThatIsImportedAndForgetOneThatIsRemoved) {
  start(here_);
  start(there_);
  start_phones();
  const std::string alone = served_sha1();
  const core::Bytes config_alone = fetched(names_[0] + ".cnf.xml");

  // 1. The other node exports itself; openssl reads what it printed; it says no secret.
  const test::Result exported = there_.sh("utils node export");
  ASSERT_EQ(exported.status, 0) << exported.out << exported.err;
  EXPECT_TRUE(
      exported.out.starts_with("Ringfence-Node: 1\nName: voice-b\nDomain: example.com\n"
                               "Address: 127.0.0.1\n"))
      << exported.out;
  EXPECT_EQ(there_.sh("utils node export").out, exported.out) << "the same node, the same document";
  EXPECT_THAT(exported.out, Not(HasSubstr("PRIVATE")));
  const std::string file = write("voice-b.txt", exported.out);
  const test::Result read = test::run({"openssl", "storeutl", "-noout", "-certs", file});
  EXPECT_THAT(read.out, HasSubstr("Total found: 5")) << read.err;

  // 2. What is no document of another node is refused by its line, and nothing changes.
  const auto refused = [&](const std::string& text, const std::string& why) {
    const test::Result result = here_.sh("--yes utils node import -", text);
    EXPECT_EQ(result.status, 1) << why << "\n" << result.out;
    EXPECT_THAT(result.out + result.err, HasSubstr(why));
    EXPECT_EQ(served_sha1(), alone);
  };
  refused("", "this is no node document");
  refused(exported.out.substr(0, exported.out.size() / 2), "cut");
  refused(here_.sh("utils node export").out, "voice-a is this node's own name");
  EXPECT_EQ(here_.sh("utils node import " + (here_ / "none").string()).status, 1);
  const test::Result unanswered = here_.sh("utils node import " + file, "no\n");
  EXPECT_EQ(unanswered.status, 1);
  EXPECT_THAT(unanswered.out, HasSubstr("Proceed with the import (yes|no)? "));
  EXPECT_THAT(unanswered.out, HasSubstr("Import cancelled."));
  EXPECT_EQ(served_sha1(), alone);

  // 3. The import says what it took and what follows, and every phone comes back with the new list.
  const test::Result imported = here_.sh("utils node import " + file, "yes\n");
  ASSERT_EQ(imported.status, 0) << imported.out << imported.err;
  EXPECT_THAT(imported.out, HasSubstr("Read: voice-b (subscriber)"));
  EXPECT_THAT(imported.out, HasSubstr("resets 3 registered phones so that they fetch the new ITL"));
  EXPECT_THAT(imported.out, HasSubstr("Phones will trust whatever the TVS of voice-b vouches for"));
  EXPECT_THAT(imported.out, HasSubstr("Successfully imported node voice-b."));
  EXPECT_THAT(imported.out, HasSubstr("3 of 3 phones returned"));
  const std::string both = served_sha1();
  EXPECT_NE(both, alone);
  expect_all_hold(both);

  // 4. The list that a phone gets has both TVS, and they are the certificates that both show.
  const core::TrustList list = itl();
  ASSERT_EQ(list.records.size(), 7U);
  const Role functions[] = {Role::capf, Role::tvs,  Role::sast, Role::tvs,
                            Role::sast, Role::tftp, Role::tftp};
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(list.records[i].function, functions[i]) << i;
  EXPECT_EQ(tvs_hashes(list),
            (std::vector<std::string>{shown_by_tvs(here_), shown_by_tvs(there_)}));
  const std::string config = core::text_of(fetched(names_[0] + ".cnf.xml"));
  EXPECT_THAT(config, HasSubstr("<member priority=\"1\">\n        <port>" + port(there_, 2445) +
                                "</port>"));
  EXPECT_THAT(config, HasSubstr("<sipPort>" + port(there_, 5060) + "</sipPort>"));

  // 5. Both nodes show the same fingerprint; the list of nodes has both.
  const boost::json::object nodes = here_.json("utils node list");
  ASSERT_EQ(nodes.at("nodes").as_array().size(), 2U);
  const boost::json::object other = nodes.at("nodes").as_array()[1].as_object();
  EXPECT_EQ(other.at("name"), "voice-b");
  EXPECT_EQ(other.at("fingerprint"),
            there_.json("utils node list").at("nodes").as_array()[0].as_object().at("fingerprint"));

  // 6. The same document again changes nothing and asks nothing.
  const test::Result again = here_.sh("utils node import " + file);
  EXPECT_EQ(again.status, 0) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("is imported just like this already; nothing was changed"));
  EXPECT_EQ(served_sha1(), both);

  // 7. A new TVS certificate there: exported and imported anew it takes the old one's place.
  ASSERT_EQ(there_.sh("--yes set cert regen TVS").status, 0);
  const test::Result replaced =
      here_.sh("--yes utils node import -", there_.sh("utils node export").out);
  ASSERT_EQ(replaced.status, 0) << replaced.out << replaced.err;
  EXPECT_THAT(replaced.out, HasSubstr("The certificate of TVS is another one."));
  EXPECT_THAT(replaced.out, HasSubstr("in the place of what was known of it"));
  EXPECT_EQ(tvs_hashes(itl()),
            (std::vector<std::string>{shown_by_tvs(here_), shown_by_tvs(there_)}));
  expect_all_hold(served_sha1());

  const test::Result own = here_.sh("set cert regen CallManager", "no\n");
  EXPECT_THAT(own.out, HasSubstr("The other nodes of the cluster (voice-b) go on with the old "
                                 "certificate of CallManager until this node is imported there"));

  // 8. A restart keeps the nodes and touches no list.
  const std::string before_restart = served_sha1();
  fleet_->stop();
  ASSERT_EQ(here_.stop().status, 0);
  start(here_);
  EXPECT_EQ(served_sha1(), before_restart);
  EXPECT_EQ(here_.json("utils node list").at("nodes").as_array().size(), 2U);

  // 9. Removed, it is gone from lists and configurations: what a node alone serves is what it was.
  EXPECT_EQ(here_.sh("--yes utils node remove voice-c").status, 1);
  EXPECT_EQ(here_.sh("--yes utils node remove voice-a").status, 1);
  const test::Result removed = here_.sh("--yes utils node remove voice-b");
  EXPECT_THAT(removed.out, HasSubstr("phones that trust a certificate by that TVS lose it"));
  EXPECT_THAT(removed.out, HasSubstr("Successfully removed node voice-b."));
  EXPECT_EQ(removed.status, 5) << "phones hold a list and are not registered\n" << removed.out;
  EXPECT_EQ(tvs_hashes(itl()), std::vector<std::string>{shown_by_tvs(here_)});
  EXPECT_EQ(fetched(names_[0] + ".cnf.xml"), config_alone);

  // 10. The audit log has who did what, and what came of it.
  const std::string audit = test::sqlite3(here_.state() / "db" / "admin.db",
                                          "select event || ' ' || detail from audit where event "
                                          "like 'CLUSTER_NODE%' order by sequence");
  EXPECT_THAT(audit, HasSubstr("CLUSTER_NODE_IMPORT_INTENT {\"node\":\"voice-b\""));
  EXPECT_THAT(audit, HasSubstr("CLUSTER_NODE_IMPORT_DONE"));
  EXPECT_THAT(audit, HasSubstr("CLUSTER_NODE_REMOVE_DONE"));
  EXPECT_THAT(audit, HasSubstr(both));
}

TEST_F(ClusterStory, APhoneThatMovesToAnImportedNodeTakesItsListByTheFirstNodesTvs) {
  start(here_);
  start(there_);
  const std::string csv = phones_csv();
  for (test::Instance* node : {&here_, &there_})
    ASSERT_EQ(node->sh("utils phone import " + csv).status, 0);
  fleet::Options options;
  options.names = names_;
  options.state_file = here_ / "phones.state";
  const auto run_at = [&](const test::Instance& node, const auto& until) {
    options.port_offset = node.port_offset();
    Fleet fleet(options);
    fleet.start();
    const bool reached = fleet.wait_until(until, kPatience);
    const Report report = fleet.report();
    fleet.stop();
    EXPECT_TRUE(reached) << report.phones[0].itl_status << " " << report.phones[0].last_error;
    return report;
  };
  const auto registered = [](const Report& report) { return report.registered() == kPhones; };
  run_at(here_, registered);

  // voice-b is a stranger: its signer is unknown to the phones and to the TVS that they know.
  const std::string theirs(there_.json("show itl").at("sha1").as_string());
  const Report stranded = run_at(there_, [](const Report& report) {
    return std::ranges::all_of(report.phones, [](const PhoneReport& phone) {
      return phone.itl_status.find("failed") != std::string::npos;
    });
  });
  for (const PhoneReport& phone : stranded.phones) EXPECT_NE(phone.itl_sha1, theirs) << phone.name;

  // Imported at the first node, its TVS vouches for voice-b's signer to those same phones.
  const test::Result imported =
      here_.sh("--yes utils node import -", there_.sh("utils node export").out);
  EXPECT_THAT(imported.out, HasSubstr("Successfully imported node voice-b."));
  EXPECT_EQ(imported.status, 5) << "nobody is registered here now\n" << imported.out;
  const Report moved = run_at(there_, [&](const Report& report) {
    return report.registered() == kPhones &&
           std::ranges::all_of(report.phones,
                               [&](const PhoneReport& phone) { return phone.itl_sha1 == theirs; });
  });
  for (const PhoneReport& phone : moved.phones) EXPECT_GE(phone.tvs_queries, 1U) << phone.name;
}

}  // namespace
}  // namespace ringfence
