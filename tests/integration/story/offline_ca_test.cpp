// An offline CA signs phones' LSCs: key, CSR, dump, openssl as the help says, import, store.

#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "core/crypto/x509.h"
#include "tests/integration/capf/mini_phone.h"
#include "tests/support/command.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"
#include "tests/support/openssl_ca.h"

namespace ringfence {
namespace {

using core::Bytes;
using test::element;
using test::MiniPhone;
using test::name_element;
using test::OpensslCa;
using test::operator+;
using testing::HasSubstr;

const std::string kFirst = "SEP001122334401";
const std::string kSecond = "SEP001122334402";
const std::string kThird = "SEP001122334403";
constexpr int kKeyGenerate = 3;
constexpr int kStore = 9;
constexpr int kEnd = 15;

/// spki_of returns a key's SubjectPublicKeyInfo.
Bytes spki_of(EVP_PKEY& key) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(&key, &der);
  Bytes bytes(der, der + length);
  OPENSSL_free(der);
  return bytes;
}

class OfflineCaStory : public testing::Test {
 protected:
  void start(const std::vector<std::string>& names = {kFirst, kSecond, kThird}) {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
    std::string csv = "name,model,operation,auth_mode,key_order,ec_bits\n";
    for (const std::string& name : names)
      csv += name + ",CP-8861,install,null-string,ec-only,256\n";
    core::write_atomically(instance_ / "phones.csv", core::bytes_of(csv));
    ASSERT_EQ(instance_.sh("utils phone import " + path("phones.csv")).status, 0);
    const test::Result policy = instance_.sh("set capf policy issuer offline-ca");
    ASSERT_EQ(policy.status, 0) << policy.out;
  }

  std::string path(const std::string& name) { return (instance_ / name).string(); }

  /// visit begins a phone's session by null string and returns what CAPF says next.
  test::Said visit(MiniPhone& phone, const std::string& name) const {
    EXPECT_EQ(phone.hear().command, 1);
    phone.say(2, name_element(name) + element(8, {2}) + element(7, {3}));
    return phone.hear();
  }

  std::uint16_t port() const { return static_cast<std::uint16_t>(3804 + instance_.port_offset()); }

  /// request has a phone make its key and be sent away without a certificate.
  void request(const std::string& name) {
    keys_[name] = core::EvpPkey(EVP_EC_gen("P-256"));
    MiniPhone phone(port());
    ASSERT_EQ(visit(phone, name).command, kKeyGenerate);
    phone.say(4, element(9, spki_of(*keys_[name])));
    EXPECT_EQ(phone.hear().command, kEnd);
  }

  /// store has a phone come back, take its certificate and say so. Returns the DER.
  Bytes store(const std::string& name) {
    MiniPhone phone(port());
    const test::Said said = visit(phone, name);
    EXPECT_EQ(said.command, kStore);
    if (said.command != kStore) return {};
    const Bytes value = said.value(4);
    phone.say(10, element(1, {1}));
    EXPECT_EQ(phone.hear().command, kEnd);
    return {value.begin() + 5, value.end()};
  }

  /// sign does with one dumped CSR what `help utils capf csr dump` says.
  void sign(const OpensslCa& ca, const std::string& device, const std::string& common_name,
            const std::string& file) {
    const std::string key =
        test::openssl("req -in " + path("csrs/" + device + ".csr") + " -noout -pubkey");
    const std::string pem =
        ca.certify(key, "/O=Example/CN=" + common_name, OpensslCa::kLsc, "-days 730");
    core::write_atomically(instance_ / ("pem/" + device), core::bytes_of(pem));
    test::openssl("x509 -in " + path("pem/" + device) + " -outform DER -out " +
                  path("lsc/" + file));
  }

  /// dump unpacks the CSRs into csrs/ and makes room for the rest.
  void dump() {
    for (const char* folder : {"csrs", "pem", "lsc"}) {
      std::filesystem::remove_all(instance_ / folder);
      std::filesystem::create_directory(instance_ / folder);
    }
    const test::Result dumped =
        instance_.sh("utils capf csr dump " + path("csrs.tgz") + " overwrite");
    ASSERT_EQ(dumped.status, 0) << dumped.out << dumped.err;
    ASSERT_EQ(test::run({"tar", "xzf", path("csrs.tgz"), "-C", path("csrs")}).status, 0);
  }

  std::string pack() {
    const test::Result packed =
        test::run({"sh", "-c", "cd " + path("lsc") + " && tar czf " + path("lscs.tgz") + " *"});
    EXPECT_EQ(packed.status, 0) << packed.err;
    return path("lscs.tgz");
  }

  boost::json::object phone_facts(const std::string& name) {
    return instance_.json("show phone " + name);
  }

  test::Instance instance_;
  std::map<std::string, core::EvpPkey> keys_;
};

TEST_F(OfflineCaStory, BringsEachPhoneTheCertificateOfItsOwnKey) {
  start();
  const OpensslCa root(instance_.state(), "Offline");
  EXPECT_EQ(instance_.sh("utils capf csr dump " + path("none.tgz")).status, 1);
  request(kFirst);
  request(kSecond);
  request(kThird);
  EXPECT_EQ(instance_.json("utils capf csr count").at("waiting").as_int64(), 3);
  EXPECT_THAT(instance_.sh("utils capf csr list").out, HasSubstr(kSecond));
  EXPECT_EQ(phone_facts(kFirst).at("operation_status").as_string(), "Operation Pending");

  // A phone that comes back too early is sent away again, and keeps its key.
  {
    MiniPhone early(port());
    EXPECT_EQ(visit(early, kFirst).command, kEnd);
  }
  EXPECT_EQ(instance_.json("utils capf csr count").at("waiting").as_int64(), 3);

  // The dump: requests that openssl reads, also through standard output.
  dump();
  const std::string text = test::openssl("req -noout -text -in " + path("csrs/" + kFirst + ".csr"));
  EXPECT_THAT(text, HasSubstr("CN = CP-8861-" + kFirst));
  EXPECT_THAT(text, HasSubstr("Digital Signature, Key Encipherment"));
  const test::Result streamed = instance_.sh("utils capf csr dump -");
  EXPECT_EQ(streamed.status, 0) << streamed.err;
  core::write_atomically(instance_ / "streamed.tgz", core::bytes_of(streamed.out));
  EXPECT_THAT(test::run({"tar", "tzf", path("streamed.tgz")}).out, HasSubstr(kThird + ".csr"));

  // Before CAPF-trust knows the CA everything is refused, and says what to import.
  sign(root, kFirst, "CP-8861-" + kFirst, kFirst + ".der");
  const test::Result unknown = instance_.sh("utils capf cert import " + pack());
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.out, HasSubstr("import it first with 'set cert import trust CAPF'"));
  ASSERT_EQ(instance_.sh("set cert import trust CAPF", root.pem()).status, 0);

  // One is right; the second has the first one's name, the third is for a key nobody has.
  sign(root, kSecond, kFirst, kSecond + ".cer");
  const std::string strange =
      test::openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
  const std::string stranger =
      root.certify(test::openssl("pkey -pubout", strange), "/CN=" + kThird, OpensslCa::kLsc);
  core::write_atomically(instance_ / "lsc/stranger.pem", core::bytes_of(stranger));
  core::write_atomically(instance_ / "lsc/README.txt", core::bytes_of("no certificate"));
  const boost::json::object imported = [&] {
    const test::Result result = instance_.sh("--json utils capf cert import " + pack());
    EXPECT_EQ(result.status, 5);
    return boost::json::parse(result.out).as_object();
  }();
  ASSERT_EQ(imported.at("accepted").as_array().size(), 1U) << boost::json::serialize(imported);
  EXPECT_EQ(imported.at("accepted").as_array()[0].at("device").as_string(), kFirst);
  std::map<std::string, std::string> reasons;
  for (const boost::json::value& one : imported.at("refused").as_array())
    reasons[std::string(one.at("file").as_string())] = std::string(one.at("reason").as_string());
  EXPECT_THAT(reasons[kSecond + ".cer"], HasSubstr("the common name must be " + kSecond));
  EXPECT_THAT(reasons["stranger.pem"], HasSubstr("another key than that of " + kThird));
  EXPECT_THAT(reasons["README.txt"], HasSubstr("does not end in .der"));

  // The phone that comes now stores it; the others wait on.
  const Bytes lsc = store(kFirst);
  ASSERT_FALSE(lsc.empty());
  core::write_atomically(instance_ / "held.der", lsc);
  test::openssl("x509 -inform DER -in " + path("held.der") + " -out " + path("held.pem"));
  EXPECT_EQ(test::run({"openssl", "verify", "-purpose", "sslclient", "-CAfile",
                       root.certificate().string(), path("held.pem")})
                .status,
            0);
  const boost::json::object facts = phone_facts(kFirst);
  EXPECT_EQ(facts.at("operation_status").as_string(), "Upgrade Success");
  EXPECT_EQ(facts.at("lsc_issuer").as_string(), "CN=Offline;O=Other-House;C=DE");
  EXPECT_EQ(instance_.json("utils capf csr count").at("total").as_int64(), 2);
  const test::Result again = instance_.sh("utils capf cert import " + pack());
  EXPECT_EQ(again.status, 1);  // the same once more: nothing is taken twice
  EXPECT_THAT(again.out, HasSubstr("0 certificates imported"));

  // The offline CA is given up: this node signs what is left, and the phones take it.
  const test::Result issued = instance_.sh("utils capf csr issue all");
  EXPECT_EQ(issued.status, 0) << issued.out;
  EXPECT_THAT(issued.out, HasSubstr("2 LSCs issued by this node's CAPF"));
  EXPECT_FALSE(store(kSecond).empty());
  EXPECT_THAT(std::string(phone_facts(kSecond).at("lsc_issuer").as_string()),
              HasSubstr("CN=CAPF-"));
  EXPECT_EQ(instance_.sh("utils capf csr issue " + kSecond).status, 1);

  // A deleted CSR takes its certificate with it: stale, until it is taken off the list.
  EXPECT_EQ(instance_.sh("utils capf csr delete " + kThird, "no\n").status, 1);
  const test::Result deleted = instance_.sh("utils capf csr delete " + kThird, "yes\n");
  EXPECT_EQ(deleted.status, 0) << deleted.out;
  EXPECT_THAT(deleted.out, HasSubstr("it becomes stale"));
  EXPECT_EQ(instance_.json("utils capf csr count").at("total").as_int64(), 0);
  {
    MiniPhone third(port());
    EXPECT_EQ(visit(third, kThird).command, kKeyGenerate);
  }
}

TEST_F(OfflineCaStory, RefusesArchivesThatAreNone) {
  start();
  request(kFirst);
  const auto refused = [&](const std::string& bytes, const std::string& why) {
    core::write_atomically(instance_ / "bad.tgz", core::bytes_of(bytes));
    const test::Result result = instance_.sh("utils capf cert import " + path("bad.tgz"));
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.out, HasSubstr(why));
  };
  refused("", "it is not a .tgz");
  refused(std::string(100'000, 'x'), "it is not a .tgz");
  ASSERT_EQ(test::run({"sh", "-c",
                       "cd " + instance_.state().string() +
                           " && ln -s /etc/passwd link.der && tar czf link.tgz link.der"})
                .status,
            0);
  const test::Result link = instance_.sh("utils capf cert import " + path("link.tgz"));
  EXPECT_EQ(link.status, 1);
  EXPECT_THAT(link.out, HasSubstr("is not a plain file"));
  EXPECT_EQ(instance_.json("utils capf csr count").at("waiting").as_int64(), 1);

  // Without ringfence-capf nothing is written, and the error names the service.
  ASSERT_EQ(instance_.sh("utils service stop Cisco Certificate Authority Proxy Function").status,
            0);
  const test::Result away = instance_.sh("--yes utils capf csr delete all");
  EXPECT_EQ(away.status, 1);
  EXPECT_THAT(away.out, HasSubstr("utils service start Cisco Certificate Authority Proxy"));
  EXPECT_EQ(instance_.json("utils capf csr count").at("waiting").as_int64(), 1);
}

TEST_F(OfflineCaStory, ADaemonKilledInABulkIssueLeavesNothingHalf) {
  constexpr int kPhones = 80;
  std::vector<std::string> names;
  for (int i = 0; i < kPhones; ++i) names.push_back("SEP0011223355" + std::to_string(10 + i));
  start(names);
  for (const std::string& name : names) request(name);
  const auto rows = [&](const std::string& query) {
    const test::Result asked = test::run({"sqlite3", path("db/capf.db"), query});
    EXPECT_EQ(asked.status, 0) << asked.err;
    return std::stoi(asked.out);
  };
  test::Result issued;
  {
    const std::jthread issue([&] { issued = instance_.sh("utils capf csr issue all"); });
    ASSERT_TRUE(test::eventually([&] { return rows("select count(*) from issued") > 0; }));
    for (const int capf : instance_.processes("capf"))
      EXPECT_EQ(test::run({"kill", "-KILL", std::to_string(capf)}).status, 0);
  }
  // What is in the journal is what CSRs know of, whenever the daemon ended.
  EXPECT_EQ(rows("select count(*) from issued"),
            rows("select count(*) from csr join issued using (serial)"));
  EXPECT_EQ(rows("select count(*) from csr"), kPhones);
  ASSERT_EQ(instance_.sh("utils service start Cisco Certificate Authority Proxy Function").status,
            0);
  const boost::json::object counts = instance_.json("utils capf csr count");
  EXPECT_EQ(counts.at("imported").as_int64(), rows("select count(*) from issued"));
  const test::Result rest = instance_.sh("utils capf csr issue all");
  EXPECT_EQ(rest.status, 0) << rest.out << issued.out;
  EXPECT_EQ(rows("select count(*) from issued"), kPhones);  // each once
  EXPECT_EQ(rows("select count(distinct phone) from issued"), kPhones);
  EXPECT_FALSE(store(names.back()).empty());
}

}  // namespace
}  // namespace ringfence
