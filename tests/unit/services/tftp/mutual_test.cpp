// HTTPS on 6972: phones and strangers that show a certificate, with curl.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/phone_store.h"
#include "services/tftp/files.h"
#include "services/tftp/http.h"
#include "tests/support/command.h"
#include "tests/support/openssl_ca.h"
#include "tests/unit/services/tvs/node.h"

namespace ringfence::services::tftp {
namespace {

namespace asio = core::asio;
using test::OpensslCa;

constexpr const char* kPhone = "SEP001122334455";
constexpr const char* kOther = "SEP001122334456";

class MutualHttpsTest : public testing::Test {
 protected:
  MutualHttpsTest() {
    for (const char* name : {kPhone, kOther}) {
      core::Phone phone;
      phone.name = name;
      phone.model = "CP-8861";
      core::PhoneStore(node.admin).save({phone}, core::PhoneStore::Ask::changed_only);
    }
    trust(capf);
    test::openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out " + path("key"));
    public_key_ = test::openssl("pkey -pubout -in " + path("key"));
  }

  void TearDown() override {
    mutual.close();
    running.join();
    pool.join();
  }

  std::string path(const std::string& name) const { return (node.folder / name).string(); }

  void trust(const OpensslCa& ca) {
    core::TrustedCertificate entry{"CallManager-trust", "ca.pem", ca.der(), node.clock.now(), ""};
    node.store.trust({entry}, {});
  }

  /// shown are curl's words for a certificate of `name`.
  std::vector<std::string> shown(const OpensslCa& ca, const std::string& name) {
    core::write_atomically(path("cert"),
                           core::bytes_of(ca.certify(public_key_, "/CN=" + name, OpensslCa::kLsc)));
    return {"--cert", path("cert"), "--key", path("key")};
  }

  /// answer is the HTTP status of a file, "000" when TLS did not come about.
  std::string answer(const std::string& file, const std::vector<std::string>& words = {}) {
    std::vector<std::string> command{"curl", "-sk",       "-m", "20",
                                     "-o",   "/dev/null", "-w", "%{http_code}"};
    command.insert(command.end(), words.begin(), words.end());
    command.push_back(fmt::format("https://127.0.0.1:{}/{}", mutual.endpoint().port(), file));
    return test::run(command).out;
  }

  static std::string config_of(const std::string& phone) { return phone + ".cnf.xml.sgn"; }

  test::Node node;
  OpensslCa capf{node.folder.path(), "CAPF-0a1b2c3d"};
  core::Database admin{node.database("admin.db"), core::Schema::admin, core::Access::read_only};
  core::Database journal{node.database("tftp.db"), core::Schema::tftp, core::Access::read_write};
  core::Token token{node.signer.socket("tftp")};
  FileSource files{admin,
                   token,
                   node.clock,
                   {node.folder / "tftp", node.database("capf.db")},
                   core::ConfigNode{"127.0.0.1", 5060, 5061, 2445, 3804, ""}};
  Identity identity{admin, token, node.clock, Clients::asked};
  FetchLog fetches{journal, admin};
  asio::io_context io;
  asio::thread_pool pool{2};
  core::SigningPool handshakes;
  core::SigningPool signing;
  const Pools pools{pool, handshakes, signing};
  HttpServer mutual{
      io, pools, files, fetches, node.clock, &identity, {asio::ip::address_v4::loopback(), 0}};
  test::Running running{io};

 private:
  std::string public_key_;
};

TEST_F(MutualHttpsTest, GivesAPhoneItsOwnFilesAndThoseOfAll) {
  for (const std::string& name : {std::string(kPhone), "CP-8861-" + std::string(kPhone)}) {
    const auto words = shown(capf, name);
    EXPECT_EQ(answer(config_of(kPhone), words), "200") << name;
    EXPECT_EQ(answer("ITLSEP001122334455.tlv", words), "200");
    EXPECT_EQ(answer("ITLFile.tlv", words), "200");
    EXPECT_EQ(answer("XMLDefault.cnf.xml.sgn", words), "200");
    EXPECT_EQ(answer(config_of(kOther), words), "403") << "another's";
    EXPECT_EQ(answer("ITLSEP001122334456.tlv", words), "403");
    EXPECT_EQ(answer("SEP00112233445F.cnf.xml", words), "404") << "nobody's";
  }
}

TEST_F(MutualHttpsTest, ServesWhoShowsNothing) {
  EXPECT_EQ(answer(config_of(kPhone)), "200");
}

TEST_F(MutualHttpsTest, EndsTheHandshakeOfWhoeverIsNoPhone) {
  const OpensslCa stranger(node.folder.path(), "stranger");
  EXPECT_EQ(answer("ITLFile.tlv", shown(stranger, kPhone)), "000");
  EXPECT_EQ(answer("ITLFile.tlv", shown(capf, "gateway.example.com")), "000");
  EXPECT_EQ(answer("ITLFile.tlv", shown(capf, "sep001122334455")), "000");
}

TEST_F(MutualHttpsTest, BelievesACaFromTheMomentItIsTrusted) {
  const OpensslCa company(node.folder.path(), "company");
  const auto words = shown(company, kPhone);
  EXPECT_EQ(answer(config_of(kPhone), words), "000");
  trust(company);  // in the place of the first
  EXPECT_EQ(answer(config_of(kPhone), words), "200");
  EXPECT_EQ(answer(config_of(kPhone), shown(capf, kPhone)), "000");
}

}  // namespace
}  // namespace ringfence::services::tftp
