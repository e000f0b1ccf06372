#include "core/certificates/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/certificates/request.h"
#include "core/crypto/certificate_file.h"
#include "core/crypto/x509.h"
#include "tests/support/openssl_ca.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

using test::OpensslCa;
using testing::HasSubstr;

const std::string kDevice = "SEP001122334455";

/// refusal_of returns what the Error of `work` says, "" when it throws none.
template <typename Work>
std::string refusal_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

X509Cert certificate_of(const std::string& pem) {
  return std::move(read_certificate_file(bytes_of(pem), 1).certificates.front());
}

std::string public_pem(EVP_PKEY& key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), &key);
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(length)};
}

class VerifyTest : public testing::Test {
 protected:
  static Anchors trust(const std::vector<Bytes>& certificates) {
    return {"CAPF-trust", certificates};
  }

  std::string request() const { return to_pem(*request_); }

  /// judge returns why the certificate may not issue LSCs, "" when it may.
  std::string judge(const std::string& pem, const std::vector<Bytes>& trusted) const {
    return refusal_of([&] {
      check_issuing_certificate(*certificate_of(pem), spki_of(*request_), trust(trusted), now_);
    });
  }

  std::string judge_lsc(const std::string& pem, const std::vector<Bytes>& trusted) const {
    return refusal_of([&] {
      check_offline_lsc(*certificate_of(pem), kDevice, test::spki_der(*key_), trust(trusted), now_);
    });
  }

  std::string lsc(const OpensslCa& ca, const std::string& name, const std::string& extensions,
                  const std::string& options = "-days 365") const {
    return ca.certify(public_pem(*key_), "/O=Cisco/CN=" + name, extensions, options);
  }

  test::TemporaryFolder folder_;
  const Time now_ = SystemClock().now() + std::chrono::seconds(60);  // openssl signs "now"
  const EvpPkey key_ = test::rsa_key();
  const X509Request request_ = make_unit_request(Unit::capf, {"node", {}}, *key_, nullptr);
  const OpensslCa root_{folder_.path(), "Root"};
};

TEST_F(VerifyTest, AcceptsACapfThatARootSigned) {
  EXPECT_EQ(judge(root_.sign(request(), OpensslCa::kCapf), {root_.der()}), "");
}

TEST_F(VerifyTest, ReturnsTheIssuersOfATwoTierCa) {
  const OpensslCa issuing(folder_.path(), "Issuing", &root_);
  const std::string pem = issuing.sign(request(), OpensslCa::kCapf);
  const auto issuers = check_issuing_certificate(*certificate_of(pem), spki_of(*request_),
                                                 trust({root_.der(), issuing.der()}), now_);
  ASSERT_EQ(issuers.size(), 2U);
  EXPECT_EQ(common_name_of(*issuers[0]), "Issuing");
  EXPECT_EQ(common_name_of(*issuers[1]), "Root");
}

TEST_F(VerifyTest, NamesTheIssuerThatIsMissing) {
  const OpensslCa issuing(folder_.path(), "Issuing", &root_);
  const std::string pem = issuing.sign(request(), OpensslCa::kCapf);
  EXPECT_EQ(judge(pem, {root_.der()}),
            "the certificate of the issuer CN=Issuing;O=Other-House;C=DE is not in CAPF-trust; "
            "import it first with 'set cert import trust CAPF'");
  EXPECT_THAT(judge(pem, {issuing.der()}), HasSubstr("the issuer CN=Root;O=Other-House;C=DE"));
  EXPECT_THAT(judge(pem, {}), HasSubstr("the issuer CN=Issuing"));
}

TEST_F(VerifyTest, RefusesACapfThatTlsDoesNotShow) {
  write_atomically(folder_ / "capf.csr", bytes_of(request()));
  write_atomically(folder_ / "capf.ext", bytes_of(OpensslCa::kCapf));
  const std::string root = (folder_ / "Root").string();
  const std::string pem = test::openssl(
      "x509 -req -sha1 -days 365 -in " + (folder_ / "capf.csr").string() + " -CA " + root +
      ".pem -CAkey " + root + ".key -extfile " + (folder_ / "capf.ext").string());
  EXPECT_THAT(judge(pem, {root_.der()}), HasSubstr("is signed with SHA-1 or weaker"));
}

TEST_F(VerifyTest, RefusesACapfThatCannotIssue) {
  const std::string leaf = "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n";
  EXPECT_THAT(judge(root_.sign(request(), leaf), {root_.der()}), HasSubstr("is not a CA's"));
  const std::string unsigning = "basicConstraints=critical,CA:TRUE\nkeyUsage=digitalSignature\n";
  EXPECT_THAT(judge(root_.sign(request(), unsigning), {root_.der()}),
              testing::AnyOf(HasSubstr("keyCertSign"), HasSubstr("is not a CA's")));
  EXPECT_THAT(judge(root_.sign(request(), OpensslCa::kAuthority), {root_.der()}),
              HasSubstr("lacks digitalSignature"));
}

TEST_F(VerifyTest, RefusesACapfThatIsNotCalledOne) {
  const std::string renamed =
      root_.certify(public_pem(*key_), "/CN=Issuing-CA-7", OpensslCa::kCapf);
  EXPECT_THAT(judge(renamed, {root_.der()}),
              HasSubstr("is CN=Issuing-CA-7, and CAPF's common name must begin with CAPF-"));
}

TEST_F(VerifyTest, RefusesACapfForAnotherKey) {
  const EvpPkey other = test::rsa_key();
  const X509Request elsewhere = make_unit_request(Unit::capf, {"node", {}}, *other, nullptr);
  EXPECT_THAT(judge(root_.sign(to_pem(*elsewhere), OpensslCa::kCapf), {root_.der()}),
              HasSubstr("another key than that of the pending request"));
}

TEST_F(VerifyTest, RefusesACapfOutOfItsDates) {
  const std::string pem = root_.sign(request(), OpensslCa::kCapf, "-days 1");
  const auto at = [&](Time now) {
    return refusal_of([&] {
      check_issuing_certificate(*certificate_of(pem), spki_of(*request_), trust({root_.der()}),
                                now);
    });
  };
  EXPECT_THAT(at(now_ + std::chrono::days(2)), HasSubstr("the certificate expired at 20"));
  EXPECT_THAT(at(now_ - std::chrono::days(2)), HasSubstr("compare the clocks"));
}

TEST_F(VerifyTest, RefusesAPathLengthThatForbidsLscs) {
  const std::string narrow =
      "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n"
      "subjectKeyIdentifier=hash\n";
  const OpensslCa ends_there(folder_.path(), "Narrow", nullptr, narrow);
  EXPECT_EQ(judge(ends_there.sign(request(), OpensslCa::kCapf), {ends_there.der()}),
            "the path length of CN=Narrow;O=Other-House;C=DE is 0, but CAPF stands below it up to "
            "a phone's certificate; LSCs would be refused");
  const std::string one =
      "basicConstraints=critical,CA:TRUE,pathlen:1\nkeyUsage=critical,keyCertSign\n"
      "subjectKeyIdentifier=hash\n";
  const OpensslCa wide(folder_.path(), "Wide", nullptr, one);
  EXPECT_EQ(judge(wide.sign(request(), OpensslCa::kCapf), {wide.der()}), "");
  const OpensslCa between(folder_.path(), "Between", &wide);
  EXPECT_THAT(judge(between.sign(request(), OpensslCa::kCapf), {wide.der(), between.der()}),
              HasSubstr("is 1, but 2 CAs with CAPF stand below it"));
}

TEST_F(VerifyTest, RefusesACapfThatMayNotProveTlsClients) {
  const std::string server_only =
      "basicConstraints=critical,CA:TRUE,pathlen:0\n"
      "keyUsage=critical,digitalSignature,keyCertSign\nextendedKeyUsage=serverAuth\n";
  EXPECT_THAT(judge(root_.sign(request(), server_only), {root_.der()}),
              HasSubstr("does not allow TLS clients"));
}

TEST_F(VerifyTest, SaysThatACaWasRenewedWithANewKey) {
  const std::string pem = root_.sign(request(), OpensslCa::kCapf);
  const test::TemporaryFolder elsewhere;
  // Without key identifiers only the names are compared before the signature is.
  const OpensslCa renewed(elsewhere.path(), "Root", nullptr,
                          "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
  EXPECT_THAT(judge(pem, {renewed.der()}), testing::AnyOf(HasSubstr("renewed with a new key"),
                                                          HasSubstr("is not in CAPF-trust")));
}

TEST_F(VerifyTest, AcceptsAnLscOfAnOfflineCa) {
  const OpensslCa issuing(folder_.path(), "Issuing", &root_);
  EXPECT_EQ(judge_lsc(lsc(root_, "CP-8861-" + kDevice, OpensslCa::kLsc), {root_.der()}), "");
  EXPECT_EQ(judge_lsc(lsc(root_, kDevice, OpensslCa::kLsc), {root_.der()}), "");
  // Any entry may be the anchor.
  EXPECT_EQ(judge_lsc(lsc(issuing, kDevice, OpensslCa::kLsc), {issuing.der()}), "");
}

TEST_F(VerifyTest, RefusesAnLscThatPhonesCouldNotUse) {
  EXPECT_THAT(judge_lsc(lsc(root_, "SEP00112233445X", OpensslCa::kLsc), {root_.der()}),
              HasSubstr("the common name must be SEP001122334455, or the phone's model and it"));
  EXPECT_THAT(judge_lsc(lsc(root_, "X" + kDevice, OpensslCa::kLsc), {root_.der()}),
              HasSubstr("the common name must be"));
  EXPECT_THAT(judge_lsc(lsc(root_, kDevice, OpensslCa::kAuthority), {root_.der()}),
              HasSubstr("it is a CA certificate"));
  EXPECT_THAT(judge_lsc(lsc(root_, kDevice, "keyUsage=digitalSignature\n"), {root_.der()}),
              HasSubstr("digitalSignature and keyEncipherment"));
  EXPECT_THAT(judge_lsc(lsc(root_, kDevice, "subjectKeyIdentifier=hash\n"), {root_.der()}),
              HasSubstr("digitalSignature and keyEncipherment"));
  EXPECT_THAT(judge_lsc(lsc(root_, kDevice, OpensslCa::kLsc), {}),
              HasSubstr("import it first with 'set cert import trust CAPF'"));
  EXPECT_THAT(
      judge_lsc(lsc(root_, kDevice,
                    "keyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=codeSigning\n"),
                {root_.der()}),
      HasSubstr("does not allow TLS clients"));
}

TEST_F(VerifyTest, RefusesAnLscForAnotherKeyOrOutOfItsDates) {
  const EvpPkey other = test::ec_key("P-256");
  const std::string stolen = root_.certify(public_pem(*other), "/CN=" + kDevice, OpensslCa::kLsc);
  EXPECT_THAT(judge_lsc(stolen, {root_.der()}), HasSubstr("another key than that of"));
  const X509Cert brief = certificate_of(lsc(root_, kDevice, OpensslCa::kLsc, "-days 1"));
  EXPECT_THAT(refusal_of([&] {
                check_offline_lsc(*brief, kDevice, test::spki_der(*key_), trust({root_.der()}),
                                  now_ + std::chrono::days(3));
              }),
              HasSubstr("expired at"));
}

}  // namespace
}  // namespace ringfence::core
