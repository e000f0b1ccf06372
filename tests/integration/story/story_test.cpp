// The house's story, told once from beginning to end with the real parts: phones enrol, an
// administrator regenerates CAPF, every phone comes back, a broken list is mended, a forged one is
// refused.

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "core/trust/itl.h"
#include "core/trust/trust_list.h"
#include "tests/fleet/fleet.h"
#include "tests/support/command.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using fleet::Fleet;
using fleet::PhoneReport;
using fleet::Report;
using fleet::State;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::size_t kPhones = 50;
constexpr std::size_t kWithString = 10;  // the last ones
constexpr auto kPatience = 120s;

/// Every third phone asks for EC; the last ten authenticate with a string.
std::string phones_csv(const std::vector<std::string>& names) {
  std::string csv =
      "name,model,description,operation,auth_mode,auth_string,key_order,rsa_bits,ec_bits\n";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool with_string = i >= names.size() - kWithString;
    csv += names[i] + ",CP-8861,\"Desk " + std::to_string(i) + ", floor 1\",install,";
    csv += with_string ? "auth-string," + std::to_string(4711000 + i) + "," : "null-string,,";
    csv += i % 3 == 0 ? "ec-only,,384\n" : "rsa-only,2048,\n";
  }
  return csv;
}

class Story : public testing::Test {
 protected:
  Story() : names_(fleet::count_names(kPhones)) {}

  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  void import_phones() {
    std::ofstream(instance_ / "phones.csv") << phones_csv(names_);
    const test::Result imported =
        instance_.sh("utils phone import " + (instance_ / "phones.csv").string());
    ASSERT_EQ(imported.status, 0) << imported.out << imported.err;
    EXPECT_THAT(imported.out, HasSubstr("50 phones imported (50 added, 0 updated)."));
  }

  fleet::Options options() {
    fleet::Options options;
    options.names = names_;
    options.port_offset = instance_.port_offset();
    options.threads = 2;
    options.lsc_dir = instance_ / "lsc";
    for (std::size_t i = kPhones - kWithString; i < kPhones; ++i)
      options.auth_strings[names_[i]] = std::to_string(4711000 + i);
    return options;
  }

  std::string pem_of(const std::string& name) {
    return std::string(instance_.json("show cert own " + name).at("pem").as_string());
  }

  std::string served_sha1() {
    return std::string(instance_.json("show itl").at("sha1").as_string());
  }

  void expect_chain(const std::string& name, const std::filesystem::path& ca) {
    const test::Result verified =
        test::run({"openssl", "verify", "-partial_chain", "-x509_strict", "-CAfile", ca.string(),
                   (instance_ / "lsc" / (name + ".pem")).string()});
    EXPECT_EQ(verified.status, 0) << name << ": " << verified.out << verified.err;
  }

  std::string failures(const Report& report) {
    std::string text;
    for (const PhoneReport& phone : report.phones)
      if (!phone.succeeded() || !phone.registered)
        text += phone.name + ": " + std::string(word(phone.state)) + ", " + phone.last_error +
                "; " + phone.itl_status + "; " + phone.lsc_status + "\n";
    return text;
  }

  /// phones_that counts.
  static std::size_t phones_that(const Report& report,
                                 const std::function<bool(const PhoneReport&)>& fit) {
    return static_cast<std::size_t>(std::count_if(report.phones.begin(), report.phones.end(), fit));
  }

  static void signal(const std::string& name, int process) {
    ASSERT_EQ(test::run({"kill", "-" + name, std::to_string(process)}).status, 0);
  }

  /// expect_all_counted_after_a_kill regenerates CAPF as the `number`th job, kills ringfence-admin,
  /// and all services with it, when `moment` returns, starts again and lets the job end.
  void expect_all_counted_after_a_kill(Fleet& fleet, int number,
                                       const std::function<void()>& moment,
                                       const std::string& force = "") {
    SCOPED_TRACE("job " + std::to_string(number));
    const std::string old_sha1 = served_sha1();
    test::Result watched;
    std::jthread watch([&] { watched = instance_.sh("--yes set cert regen CAPF" + force); });
    moment();
    for (const int admin : instance_.processes("admin")) signal("KILL", admin);
    const test::Result again = instance_.start();
    ASSERT_EQ(again.status, 0) << again.out << again.err;
    const test::Result counted = instance_.sh("utils job wait " + std::to_string(number));
    EXPECT_EQ(counted.status, 0) << counted.out << counted.err;
    EXPECT_THAT(counted.out, HasSubstr("50 of 50 phones returned"));
    watch.join();
    EXPECT_THAT(watched.out, HasSubstr("50 of 50 phones returned")) << watched.err;
    const std::string sha1 = served_sha1();
    EXPECT_NE(sha1, old_sha1);
    for (const PhoneReport& phone : fleet.report().phones) {
      EXPECT_EQ(phone.itl_sha1, sha1) << phone.name << ": " << phone.itl_status;
      EXPECT_TRUE(phone.registered) << phone.name << ": " << phone.last_error;
    }
  }

  test::Instance instance_;
  std::vector<std::string> names_;
};

TEST_F(Story, EveryPhoneComesBack) {
  // 1. Fifty phones are imported, boot, enrol and register.
  start();
  import_phones();
  Fleet fleet(options());
  fleet.start();
  const auto enrolled = [](const Report& report) {
    return report.registered() == kPhones &&
           std::all_of(report.phones.begin(), report.phones.end(),
                       [](const PhoneReport& phone) { return phone.enrolments == 1; });
  };
  ASSERT_TRUE(fleet.wait_until(enrolled, kPatience)) << failures(fleet.report());

  // 2. Every LSC chains to the CAPF certificate, as openssl sees it, and the report knows it.
  const std::filesystem::path old_capf = instance_ / "capf-old.pem";
  core::write_atomically(old_capf, core::bytes_of(pem_of("CAPF")));
  for (const std::string& name : names_) expect_chain(name, old_capf);
  const boost::json::object report = instance_.json("show capf report");
  EXPECT_EQ(report.at("with_lsc").as_int64(), 50);
  EXPECT_EQ(report.at("pending").as_int64(), 0);
  EXPECT_EQ(report.at("stale").as_int64(), 0);

  // 3. CAPF is regenerated; every phone is reset by NOTIFY and comes back with the new ITL.
  const std::string old_sha1 = served_sha1();
  const boost::json::object old_facts =
      instance_.json("show cert own CAPF").at("certificate").as_object();
  const test::Result regenerated = instance_.sh("set cert regen CAPF", "yes\n");
  ASSERT_EQ(regenerated.status, 0) << regenerated.out << regenerated.err;
  EXPECT_THAT(regenerated.out, HasSubstr("50 registered phones"));
  EXPECT_THAT(regenerated.out, HasSubstr("Successfully Regenerated Certificate for CAPF."));
  EXPECT_THAT(regenerated.out, HasSubstr("50 of 50 phones returned"));
  const std::string new_sha1 = served_sha1();
  EXPECT_NE(new_sha1, old_sha1);
  Report now = fleet.report();
  for (const PhoneReport& phone : now.phones) {
    EXPECT_EQ(phone.resets, 1U) << phone.name;
    EXPECT_EQ(phone.itl_sha1, new_sha1) << phone.name << ": " << phone.itl_status;
    EXPECT_EQ(phone.tvs_queries, 0U) << phone.name << " knew the signer already";
    EXPECT_TRUE(phone.registered) << phone.name << ": " << phone.last_error;
  }

  // 4. `show itl` shows the new CAPF's hash; the old certificate is kept in both trust stores.
  const boost::json::object new_facts =
      instance_.json("show cert own CAPF").at("certificate").as_object();
  const auto spaced = [](const boost::json::object& facts) {
    const core::Bytes hash = core::from_hex(std::string(facts.at("sha1").as_string()));
    return core::to_hex(hash, core::Case::upper, " ");
  };
  const test::Result shown = instance_.sh("show itl");
  EXPECT_THAT(shown.out, HasSubstr(spaced(new_facts)));
  EXPECT_THAT(shown.out, testing::Not(HasSubstr(spaced(old_facts))));
  EXPECT_THAT(shown.out, HasSubstr("The ITL file was verified successfully."));
  std::set<std::string> stores;
  const boost::json::object trusted = instance_.json("show cert list trust");
  for (const boost::json::value& one : trusted.at("certificates").as_array())
    if (one.at("sha1") == old_facts.at("sha1"))
      stores.insert(std::string(one.at("unit").as_string()));
  EXPECT_EQ(stores, (std::set<std::string>{"CAPF-trust", "CallManager-trust"}));

  // 5. A phone that is told to install again gets its LSC from the new CAPF.
  const std::string again = names_[1];
  const test::Result asked = instance_.sh("set phone capf " + again + " operation install");
  ASSERT_EQ(asked.status, 0) << asked.out << asked.err;
  ASSERT_EQ(instance_.sh("--yes utils phone reset " + again).status, 0);
  ASSERT_TRUE(fleet.wait_until(
      [&](const Report& r) { return r.phone(again).enrolments == 2 && r.phone(again).registered; },
      kPatience))
      << failures(fleet.report());
  const std::filesystem::path new_capf = instance_ / "capf-new.pem";
  core::write_atomically(new_capf, core::bytes_of(pem_of("CAPF")));
  expect_chain(again, new_capf);

  // 6. The served ITL is truncated on disk: `show itl` says so, and phones still get the good one.
  const std::filesystem::path itl = instance_ / "tftp" / "ITLFile.tlv";
  std::filesystem::resize_file(itl, 100);
  const test::Result broken = instance_.sh("show itl");
  EXPECT_THAT(broken.out, HasSubstr("Length of ITL file: 100"));
  EXPECT_THAT(broken.out, HasSubstr("Error parsing the ITL File."));

  // 7. `utils itl reset localkey` mends it, signed by ITLRecovery; every phone accepts that.
  const test::Result reset = instance_.sh("utils itl reset localkey");
  ASSERT_EQ(reset.status, 0) << reset.out << reset.err;
  const boost::json::object recovered = instance_.json("show itl");
  EXPECT_EQ(recovered.at("state").as_string(), "verified");
  EXPECT_THAT(std::string(recovered.at("signer").as_string()), HasSubstr("CN=ITLRECOVERY_"));
  const auto everybody_has = [&](const std::string& sha1) {
    return fleet.wait_until(
        [&](const Report& r) {
          return std::all_of(r.phones.begin(), r.phones.end(), [&](const PhoneReport& phone) {
            return phone.itl_sha1 == sha1 && phone.registered;
          });
        },
        kPatience);
  };
  ASSERT_EQ(instance_.sh("--yes utils phone reset all").status, 0);
  ASSERT_TRUE(everybody_has(std::string(recovered.at("sha1").as_string())))
      << failures(fleet.report());

  // 8. A restart of Cisco Tftp returns to the normal signer.
  const test::Result restarted = instance_.sh("utils service restart Cisco Tftp");
  ASSERT_EQ(restarted.status, 0) << restarted.out << restarted.err;
  const boost::json::object normal = instance_.json("show itl");
  EXPECT_THAT(std::string(normal.at("signer").as_string()), testing::Not(HasSubstr("ITLRECOVERY")));
  ASSERT_EQ(instance_.sh("--yes utils phone reset all").status, 0);
  ASSERT_TRUE(everybody_has(std::string(normal.at("sha1").as_string())))
      << failures(fleet.report());

  // 9. A list signed by a stranger's key is never served, whoever put it there: phones go on with
  // the last good one.
  const core::Node stranger{"stranger", {}};
  const core::EvpPkey key(EVP_RSA_gen(2048));
  ASSERT_NE(key, nullptr);
  const core::Time when = core::SystemClock().now();
  const core::X509Cert certificate =
      core::issue_self_signed(core::Unit::call_manager, stranger, *key, nullptr, when);
  const core::X509Cert capf =
      core::issue_self_signed(core::Unit::capf, stranger, *key, nullptr, when);
  core::Cluster theirs;
  core::ClusterNode& node = theirs.nodes.emplace_back();
  node.role = core::NodeRole::publisher;
  node.name = stranger.host;
  node.services = {core::NodeService::tvs, core::NodeService::capf};
  for (const core::Unit unit : core::kUnits)
    node.certificates[unit] =
        core::shared_certificate(core::to_der(unit == core::Unit::capf ? *capf : *certificate));
  const core::Bytes forged =
      core::build_trust_list(core::ListKind::itl, core::itl_records(theirs, node),
                             {certificate.get(), key.get(), nullptr}, core::Digest::sha1, when);
  core::write_atomically(itl, forged);
  ASSERT_EQ(instance_.sh("--yes utils phone reset all").status, 0);
  ASSERT_TRUE(everybody_has(std::string(normal.at("sha1").as_string())))
      << failures(fleet.report());
  for (const PhoneReport& phone : fleet.report().phones)
    EXPECT_THAT(phone.itl_status, testing::Not(HasSubstr("failed"))) << phone.name;
  EXPECT_NE(instance_.sh("show itl").status, 0) << "the file on disk is a stranger's";
  fleet.stop();
}

TEST_F(Story, EveryUnitCanBeRegeneratedAndEveryPhoneComesBack) {
  start();
  import_phones();
  fleet::Options some = options();
  some.names.resize(12);
  Fleet fleet(std::move(some));
  fleet.start();
  ASSERT_TRUE(
      fleet.wait_until([](const Report& report) { return report.registered() == 12; }, kPatience))
      << failures(fleet.report());
  unsigned resets = 0;
  for (const std::string unit :
       {"CallManager-ECDSA", "ITLRecovery", "TVS", "CallManager", "CallManager", "CAPF"}) {
    SCOPED_TRACE(unit);
    const unsigned queries = fleet.report().phones[0].tvs_queries;
    const test::Result done = instance_.sh("--yes set cert regen " + unit);
    ASSERT_EQ(done.status, 0) << done.out << done.err;
    EXPECT_THAT(done.out, HasSubstr("12 of 12 phones returned"));
    const std::string sha1 = served_sha1();
    ++resets;
    for (const PhoneReport& phone : fleet.report().phones) {
      EXPECT_EQ(phone.itl_sha1, sha1) << phone.name << ": " << phone.itl_status;
      EXPECT_EQ(phone.resets, resets) << phone.name;
      EXPECT_EQ(phone.last_error, "") << phone.name;
    }
    // Only a new CallManager is a signer that phones do not know: then they ask TVS.
    EXPECT_EQ(fleet.report().phones[0].tvs_queries > queries, unit == "CallManager");
  }
  fleet.stop();
}

TEST_F(Story, AKilledAdminGoesOnCountingWhenItIsBack) {
  start();
  import_phones();
  Fleet fleet(options());
  fleet.start();
  const auto enrolled = [](const PhoneReport& phone) {
    return phone.registered && phone.enrolments == 1;
  };
  ASSERT_TRUE(fleet.wait_until(
      [&](const Report& report) { return phones_that(report, enrolled) == kPhones; }, kPatience))
      << failures(fleet.report());

  // 1. Before the wave: the list is published, and the registrar is never asked.
  const std::vector<int> registrar = instance_.processes("callmanager");
  ASSERT_EQ(registrar.size(), 1U);
  signal("STOP", registrar[0]);
  expect_all_counted_after_a_kill(
      fleet, 1,
      [&] {
        const auto until = std::chrono::steady_clock::now() + kPatience;
        const auto published = [&] {
          const boost::json::object list = instance_.json("show job list");
          const boost::json::array& jobs = list.at("jobs").as_array();
          return !jobs.empty() && jobs[0].at("published").as_bool();
        };
        while (!published()) ASSERT_LT(std::chrono::steady_clock::now(), until);
        signal("KILL", registrar[0]);
      },
      " force 50");  // a registrar that hangs is no registrar: without force nothing would begin

  // 2. In the wave: phones fetch the list just then. 3. Every reset was answered, half are back.
  std::map<std::string, unsigned> resets;
  const auto note_resets = [&] {
    for (const PhoneReport& phone : fleet.report().phones) resets[phone.name] = phone.resets;
  };
  const auto is_reset = [&](const PhoneReport& phone) {
    return phone.resets > resets.at(phone.name);
  };
  const auto is_back = [&](const PhoneReport& phone) {
    return is_reset(phone) && phone.registered;
  };
  note_resets();
  expect_all_counted_after_a_kill(fleet, 2, [&] {
    EXPECT_TRUE(fleet.wait_until(
        [&](const Report& report) { return phones_that(report, is_reset) > 0; }, kPatience));
  });
  note_resets();
  expect_all_counted_after_a_kill(fleet, 3, [&] {
    EXPECT_TRUE(fleet.wait_until(
        [&](const Report& report) {
          return phones_that(report, is_reset) == kPhones &&
                 phones_that(report, is_back) >= kPhones / 2;
        },
        kPatience));
  });
  fleet.stop();
}

TEST_F(Story, ARegenerationSaysAtOnceThatTheRegistrarIsStopped) {
  start();
  std::ofstream(instance_ / "phone.csv") << "name\n" << names_[0] << "\n";
  ASSERT_EQ(instance_.sh("utils phone import " + (instance_ / "phone.csv").string()).status, 0);
  fleet::Options one = options();
  one.names.resize(1);
  Fleet fleet(one);
  fleet.start();
  ASSERT_TRUE(
      fleet.wait_until([](const Report& report) { return report.registered() == 1; }, kPatience))
      << failures(fleet.report());
  ASSERT_EQ(instance_.sh("utils service stop Cisco CallManager").status, 0);
  const test::Result told = instance_.sh("--yes set cert regen TVS");
  EXPECT_THAT(told.out + told.err, HasSubstr("Cisco CallManager does not run"));
  EXPECT_EQ(told.status, 1);
  EXPECT_EQ(instance_.json("show itl").at("state").as_string(), "verified");
  fleet.stop();
}

}  // namespace
}  // namespace ringfence
