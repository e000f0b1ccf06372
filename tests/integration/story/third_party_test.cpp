// A third party signs CAPF: request, signature by openssl, import, and LSCs that verify to its
// root.

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/fleet/fleet.h"
#include "tests/support/command.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"
#include "tests/support/openssl_ca.h"

namespace ringfence {
namespace {

using fleet::Fleet;
using fleet::PhoneReport;
using fleet::Report;
using test::OpensslCa;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr std::size_t kPhones = 3;
constexpr auto kPatience = 120s;

class ThirdParty : public testing::Test {
 protected:
  ThirdParty() : names_(fleet::count_names(kPhones)) {}

  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  std::string write(const std::string& name, const std::string& text) {
    core::write_atomically(instance_ / name, core::bytes_of(text));
    return (instance_ / name).string();
  }

  std::string request() {
    return std::string(instance_.json("show csr own CAPF/CAPF.csr").at("pem").as_string());
  }

  std::string capf_pem() {
    return std::string(instance_.json("show cert own CAPF").at("pem").as_string());
  }

  std::set<std::string> trusted() {
    std::set<std::string> names;
    const boost::json::object list = instance_.json("show cert list trust");
    for (const boost::json::value& one : list.at("certificates").as_array())
      names.insert(std::string(one.at("unit").as_string()) + "/" +
                   std::string(one.at("file").as_string()));
    return names;
  }

  std::size_t capf_keys() {
    std::size_t count = 0;
    const boost::json::object hsm = instance_.json("show hsm");
    for (const boost::json::value& key : hsm.at("keys").as_array())
      if (key.at("label") == "CAPF") ++count;
    return count;
  }

  void trust(const std::string& pem) {
    const test::Result imported = instance_.sh("set cert import trust CAPF", pem);
    ASSERT_EQ(imported.status, 0) << imported.out << imported.err;
  }

  test::Instance instance_;
  std::vector<std::string> names_;
};

TEST_F(ThirdParty, SignsCapfAndNewLscsVerifyUpToItsRoot) {
  start();
  std::string csv = "name,model,operation,auth_mode,key_order,ec_bits\n";
  for (const std::string& name : names_) csv += name + ",CP-8861,install,null-string,ec-only,256\n";
  ASSERT_EQ(instance_.sh("utils phone import " + write("phones.csv", csv)).status, 0);
  fleet::Options options;
  options.names = names_;
  options.port_offset = instance_.port_offset();
  options.lsc_dir = instance_ / "lsc";
  Fleet fleet(options);
  fleet.start();
  const auto enrolled = [](const Report& report) {
    return report.registered() == kPhones &&
           std::ranges::all_of(report.phones,
                               [](const PhoneReport& phone) { return phone.enrolments == 1; });
  };
  ASSERT_TRUE(fleet.wait_until(enrolled, kPatience));
  const std::string before = capf_pem();

  // 1. The request, and a two-tier CA that signs it.
  const test::Result made = instance_.sh("set csr gen CAPF");
  ASSERT_EQ(made.status, 0) << made.out;
  EXPECT_THAT(made.out, HasSubstr("Successfully Generated CSR for CAPF."));
  EXPECT_EQ(instance_.sh("show csr list own").out, "CAPF/CAPF.csr\n");
  EXPECT_THAT(instance_.sh("show csr own CAPF/CAPF.csr").out,
              HasSubstr("-----BEGIN CERTIFICATE REQUEST-----"));
  const OpensslCa root(instance_.state(), "Root");
  const OpensslCa issuing(instance_.state(), "Issuing", &root);
  const std::string signed_pem = issuing.sign(request(), OpensslCa::kCapf, "-days 1000");

  // 2. What cannot be is refused with its reason, and nothing changes.
  const auto refused = [&](const std::string& pem, const std::string& why) {
    const test::Result result = instance_.sh("--yes set cert import own CAPF", pem);
    EXPECT_EQ(result.status, 1) << result.out;
    EXPECT_THAT(result.out + result.err, HasSubstr(why));
    EXPECT_EQ(capf_pem(), before);
  };
  refused(signed_pem, "the issuer CN=Issuing;O=Other-House;C=DE is not in CAPF-trust");
  trust(root.pem());
  refused(signed_pem, "the issuer CN=Issuing;O=Other-House;C=DE is not in CAPF-trust");
  const std::string bundle = write("bundle.pem", root.pem() + issuing.pem());
  const test::Result both = instance_.sh("set cert import trust CAPF file " + bundle);
  EXPECT_EQ(both.status, 0) << both.out;
  EXPECT_THAT(both.out, HasSubstr("CAPF-trust/Root.pem holds this certificate already"));
  EXPECT_THAT(both.out, HasSubstr("Successfully imported certificate for CAPF-trust"));
  refused(root.pem(), "the certificate is for another key");
  refused(issuing.sign(request(), "basicConstraints=CA:FALSE\n"), "is not a CA's");
  refused("hello\n", "it is no certificate: neither PEM, DER, PKCS#7 nor base64");
  EXPECT_EQ(instance_.sh("set cert import own CAPF", signed_pem + "no\n").status, 1);
  EXPECT_EQ(capf_pem(), before);

  // 3. The import is a regeneration: said before, every phone comes back, the old one is kept.
  const test::Result imported = instance_.sh("set cert import own CAPF", signed_pem + "yes\n");
  ASSERT_EQ(imported.status, 0) << imported.out << imported.err;
  EXPECT_THAT(imported.out, HasSubstr("was issued by CN=Issuing;O=Other-House;C=DE, by CN=Root"));
  EXPECT_THAT(imported.out, HasSubstr("resets 3 registered phones"));
  EXPECT_THAT(imported.out, AnyOf(HasSubstr("this one ends in 999 days"),
                                  HasSubstr("this one ends in 1000 days")));
  EXPECT_THAT(imported.out, HasSubstr("Successfully imported certificate for CAPF."));
  EXPECT_THAT(imported.out, HasSubstr("3 of 3 phones returned"));
  EXPECT_NE(capf_pem(), before);
  EXPECT_THAT(instance_.sh("show cert list own").out,
              HasSubstr("CAPF/CAPF.pem: Certificate Signed by Issuing"));
  EXPECT_EQ(instance_.sh("show csr list own").out, "There are no certificate signing requests.\n");
  const std::set<std::string> stores = trusted();
  EXPECT_THAT(stores,
              testing::IsSupersetOf({"CallManager-trust/Root.pem", "CallManager-trust/Issuing.pem",
                                     "CAPF-trust/Root.pem", "CAPF-trust/Issuing.pem"}));
  const boost::json::object itl = instance_.json("show itl");
  EXPECT_EQ(itl.at("state").as_string(), "verified");
  for (const PhoneReport& phone : fleet.report().phones)
    EXPECT_EQ(phone.itl_sha1, itl.at("sha1").as_string()) << phone.name;

  // 4. A new LSC verifies up to the root that the third party gives away.
  const std::string again = names_[0];
  ASSERT_EQ(instance_.sh("set phone capf " + again + " operation install").status, 0);
  ASSERT_EQ(instance_.sh("--yes utils phone reset " + again).status, 0);
  ASSERT_TRUE(fleet.wait_until(
      [&](const Report& r) { return r.phone(again).enrolments == 2 && r.phone(again).registered; },
      kPatience))
      << fleet.report().phone(again).last_error;
  const std::string untrusted = write("untrusted.pem", issuing.pem() + capf_pem());
  const std::string lsc = (instance_ / "lsc" / (again + ".pem")).string();
  const test::Result verified =
      test::run({"openssl", "verify", "-purpose", "sslclient", "-CAfile",
                 root.certificate().string(), "-untrusted", untrusted, lsc});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  EXPECT_THAT(fleet.report().phone(again).lsc_issuer, HasSubstr("CN=CAPF-"));

  // 5. A regeneration takes its place again; of three keys the oldest is gone.
  const test::Result back = instance_.sh("--yes set cert regen CAPF");
  EXPECT_EQ(back.status, 0) << back.out << back.err;
  EXPECT_THAT(back.out, HasSubstr("3 of 3 phones returned"));
  EXPECT_EQ(capf_keys(), 2U);
  EXPECT_THAT(trusted(), testing::IsSupersetOf(stores));
  fleet.stop();
}

TEST_F(ThirdParty, ARequestOutlivesARegenerationAndARestartButNotTheNextRequest) {
  start();
  const OpensslCa root(instance_.state(), "Root");
  trust(root.pem());
  ASSERT_EQ(instance_.sh("set csr gen CAPF").status, 0);
  const std::string first = root.sign(request(), OpensslCa::kCapf);
  EXPECT_EQ(capf_keys(), 2U);
  const test::Result second = instance_.sh("set csr gen CAPF");
  EXPECT_THAT(second.out, HasSubstr("It takes the place of the earlier one"));
  EXPECT_EQ(capf_keys(), 2U);  // the first request's key is gone
  const test::Result late = instance_.sh("--yes set cert import own CAPF", first);
  EXPECT_EQ(late.status, 1);
  EXPECT_THAT(late.out, HasSubstr("another key than that of the pending request"));

  const std::string signed_pem = root.sign(request(), OpensslCa::kCapf);
  for (int i = 0; i < 2; ++i) ASSERT_EQ(instance_.sh("--yes set cert regen CAPF").status, 0);
  EXPECT_EQ(capf_keys(), 3U);  // in use, before it, and the request's
  const std::vector<int> admin = instance_.processes("admin");
  ASSERT_EQ(admin.size(), 1U);
  ASSERT_EQ(test::run({"kill", "-KILL", std::to_string(admin[0])}).status, 0);
  ASSERT_EQ(instance_.start().status, 0);
  const test::Result imported =
      instance_.sh("--yes set cert import own CAPF file " + write("capf.pem", signed_pem));
  EXPECT_EQ(imported.status, 0) << imported.out << imported.err;
  EXPECT_EQ(capf_keys(), 2U);
  EXPECT_EQ(instance_.json("show itl").at("state").as_string(), "verified");
}

TEST_F(ThirdParty, AnImportIsDoneOrNotWheneverAdminIsKilled) {
  start();
  const OpensslCa root(instance_.state(), "Root");
  trust(root.pem());
  ASSERT_EQ(instance_.sh("set csr gen CAPF").status, 0);
  const std::string signed_pem = root.sign(request(), OpensslCa::kCapf);
  const std::string file = write("capf.pem", signed_pem);
  {
    const std::jthread import([&] { instance_.sh("--yes set cert import own CAPF file " + file); });
    ASSERT_TRUE(test::eventually([&] {
      const test::Result asked =
          test::run({"sqlite3", (instance_ / "db/admin.db").string(),
                     "select count(*) from audit where event = 'CERTIFICATE_IMPORT_INTENT'"});
      return asked.out == "1\n";
    }));
    for (const int admin : instance_.processes("admin"))
      ASSERT_EQ(test::run({"kill", "-KILL", std::to_string(admin)}).status, 0);
    ASSERT_EQ(instance_.start().status, 0);  // the shell that watches asks again, and ends
  }
  const bool pending = instance_.sh("show csr list own").out == "CAPF/CAPF.csr\n";
  const bool in_use = test::openssl("x509 -noout -fingerprint", capf_pem()) ==
                      test::openssl("x509 -noout -fingerprint", signed_pem);
  EXPECT_NE(pending, in_use);
  if (pending) {
    const test::Result again = instance_.sh("--yes set cert import own CAPF file " + file);
    EXPECT_EQ(again.status, 0) << again.out;
  }
  EXPECT_EQ(instance_.json("show itl").at("state").as_string(), "verified");
  EXPECT_THAT(instance_.sh("show cert list own").out,
              HasSubstr("CAPF/CAPF.pem: Certificate Signed by Root"));
  EXPECT_EQ(capf_keys(), 2U);
}

TEST_F(ThirdParty, TrustHoldsOneCertificateASubject) {
  start();
  const OpensslCa root(instance_.state(), "Root");
  const test::TemporaryFolder elsewhere;
  trust(root.pem());
  const test::Result twice = instance_.sh("set cert import trust CAPF-trust", root.pem());
  EXPECT_THAT(twice.out, HasSubstr("holds this certificate already"));
  // The same subject, made in the same second or later: newer wins, else it is refused.
  const OpensslCa renewed(elsewhere.path(), "Root");
  const test::Result replaced = instance_.sh("set cert import trust CAPF", renewed.pem());
  EXPECT_THAT(replaced.out,
              testing::AnyOf(HasSubstr("in the place of an older one"), HasSubstr("is not newer")));
  const test::Result older = instance_.sh("set cert import trust CAPF", root.pem());
  if (replaced.status == 0) {
    EXPECT_EQ(older.status, 1);
  }
  EXPECT_EQ(instance_.sh("set cert import trust Nowhere", root.pem()).status, 1);
  const std::string leaf = root.sign(test::openssl("req -new -newkey ec -pkeyopt "
                                                   "ec_paramgen_curve:P-256 -nodes -keyout "
                                                   "/dev/null -subj /CN=leaf"),
                                     "basicConstraints=CA:FALSE\n");
  const test::Result refused = instance_.sh("set cert import trust CAPF", leaf);
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.out, HasSubstr("is not a CA's"));
}

}  // namespace
}  // namespace ringfence
