// OpenSSL's command line over keys of the token: nothing but ringfence.so is added to it.
#include "tests/integration/hsm/openssl_house.h"

namespace ringfence::hsm::test {
namespace {

class OpensslCliTest : public HouseTest, public testing::WithParamInterface<Loading> {
 protected:
  static CommandResult openssl(const std::string& command, const std::string& rest) {
    return house().openssl(GetParam(), command, rest);
  }

  /// plain runs openssl as everybody has it, without our provider.
  static CommandResult plain(const std::string& rest) {
    return shell("cd " + house().folder().string() + " && timeout 60 openssl " + rest);
  }

  static std::string file(const std::string& name) { return house().file(name).string(); }
};

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST_P(OpensslCliTest, ListsTheTokensKeys) {
  const CommandResult all = openssl("storeutl", "-noout -text pkcs11:");
  EXPECT_EQ(all.status, 0) << all.output;
  EXPECT_NE(all.output.find("Total found: 4"), std::string::npos) << all.output;
  EXPECT_NE(all.output.find("NIST CURVE: P-384"), std::string::npos) << all.output;
  const std::size_t newest = all.output.find("in the token, pkcs11:object=CAPF;id=%00%00%00%02;");
  const std::size_t oldest = all.output.find("in the token, pkcs11:object=CAPF;id=%00%00%00%01;");
  EXPECT_LT(newest, oldest) << all.output;
  EXPECT_NE(oldest, std::string::npos) << all.output;
}

TEST_P(OpensslCliTest, GivesTheHalfThatTheUriNames) {
  const CommandResult secret = openssl("storeutl", "-keys -noout 'pkcs11:object=TVS;type=private'");
  EXPECT_EQ(secret.output, "0: Pkey\nTotal found: 1\n");
  const CommandResult open = openssl("storeutl", "-noout 'pkcs11:object=TVS;type=public'");
  EXPECT_EQ(open.output, "0: Public key\nTotal found: 1\n");
  const CommandResult both = openssl("storeutl", "-noout 'pkcs11:object=CAPF'");
  EXPECT_EQ(both.output, "0: Pkey\n1: Pkey\nTotal found: 2\n");
}

TEST_P(OpensslCliTest, NeverPrintsAPrivateKey) {
  for (const char* command :
       {"storeutl 'pkcs11:object=CAPF'", "storeutl 'pkcs11:object=TVS'",
        "pkey -in 'pkcs11:object=CAPF'", "pkey -in 'pkcs11:object=TVS' -aes128 -passout pass:x",
        "pkey -in 'pkcs11:object=TVS' -outform DER", "rsa -in 'pkcs11:object=CAPF'",
        "ec -in 'pkcs11:object=TVS'"}) {
    const std::string text = command;
    const std::size_t space = text.find(' ');
    const CommandResult result = openssl(text.substr(0, space), text.substr(space));
    EXPECT_NE(result.output.find("never leaves the token"), std::string::npos)
        << command << result.output;
    EXPECT_EQ(result.output.find("PRIVATE KEY-----"), std::string::npos) << command;
    if (text.starts_with("pkey")) {
      EXPECT_NE(result.status, 0) << command;
    }
  }
}

TEST_P(OpensslCliTest, WritesThePublicKey) {
  const CommandResult made = openssl("pkey", "-in pkcs11:object=CAPF -pubout -out capf.pub");
  ASSERT_EQ(made.status, 0) << made.output;
  ASSERT_EQ(plain("pkey -pubin -in capf.pub -outform DER -out capf.der").status, 0);
  const std::string der = read_text(file("capf.der"));
  EXPECT_EQ(Bytes(der.begin(), der.end()), house().client().public_key(house().rsa()));
}

TEST_P(OpensslCliTest, ChecksAKeyAsFarAsItCanBeSeen) {
  const CommandResult checked = openssl("pkey", "-in pkcs11:object=TVS -pubcheck -noout");
  EXPECT_EQ(checked.status, 0) << checked.output;
  EXPECT_NE(checked.output.find("Key is valid"), std::string::npos) << checked.output;
}

TEST_P(OpensslCliTest, MakesASelfSignedCertificate) {
  for (const char* label : {"CAPF", "TVS", "CallManager-ECDSA"}) {
    const CommandResult made = openssl("req",
                                       "-new -x509 -days 3 -subj /CN=self -out self.pem -key "
                                       "'pkcs11:object=" +
                                           std::string(label) + "'");
    ASSERT_EQ(made.status, 0) << label << made.output;
    const CommandResult verified = plain("verify -check_ss_sig -CAfile self.pem self.pem");
    EXPECT_EQ(verified.output, "self.pem: OK\n") << label;
  }
}

TEST_P(OpensslCliTest, MakesARequest) {
  const CommandResult made =
      openssl("req",
              "-new -subj /CN=phone -out phone.csr -sigopt rsa_padding_mode:pss "
              "-sigopt rsa_pss_saltlen:-1 -sha384 -key 'pkcs11:object=CAPF'");
  ASSERT_EQ(made.status, 0) << made.output;
  const CommandResult verified = plain("req -in phone.csr -verify -noout -text");
  EXPECT_NE(verified.output.find("verify OK"), std::string::npos) << verified.output;
  EXPECT_NE(verified.output.find("Hash Algorithm: sha384"), std::string::npos) << verified.output;
  // Verified with our provider at hand as well: OpenSSL may pick it for the public key.
  EXPECT_NE(openssl("req", "-in phone.csr -verify -noout").output.find("verify OK"),
            std::string::npos);
}

TEST_P(OpensslCliTest, IssuesCertificatesWithX509) {
  house().certificate("CAPF");
  ASSERT_EQ(plain("req -new -newkey rsa:2048 -nodes -keyout p.key -subj /CN=p -out p.csr").status,
            0);
  for (const char* digest : {"-sha256", "-sha512"}) {
    const CommandResult issued =
        openssl("x509", std::string("-req -in p.csr -CA CAPF.pem -CAkey pkcs11:object=CAPF "
                                    "-CAcreateserial -days 1 -out p.pem ") +
                            digest);
    ASSERT_EQ(issued.status, 0) << issued.output;
    EXPECT_EQ(plain("verify -CAfile CAPF.pem p.pem").output, "p.pem: OK\n");
  }
}

TEST_P(OpensslCliTest, RunsASmallAuthority) {
  house().certificate("CallManager-ECDSA");
  const std::string folder = "ca-" + name(GetParam());
  std::filesystem::create_directories(file(folder + "/new"));
  write_text(file(folder + "/index.txt"), "");
  write_text(file(folder + "/serial"), "1000\n");
  write_text(file(folder + "/ca.cnf"),
             "[ca]\ndefault_ca = us\n[us]\ndir = " + file(folder) +
                 "\ndatabase = $dir/index.txt\nserial = $dir/serial\nnew_certs_dir = $dir/new\n"
                 "certificate = " +
                 file("CallManager-ECDSA.pem") +
                 "\nprivate_key = pkcs11:object=CallManager-ECDSA;type=private\n"
                 "default_md = sha384\ndefault_days = 1\npolicy = any\nunique_subject = no\n"
                 "[any]\ncommonName = supplied\n");
  ASSERT_EQ(plain("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout q.key "
                  "-subj /CN=q -out q.csr")
                .status,
            0);
  const CommandResult issued =
      openssl("ca", "-batch -notext -in q.csr -out q.pem -config " + file(folder + "/ca.cnf"));
  ASSERT_EQ(issued.status, 0) << issued.output;
  EXPECT_EQ(plain("verify -CAfile CallManager-ECDSA.pem q.pem").output, "q.pem: OK\n");
  const CommandResult revoked = openssl("ca", "-revoke q.pem -config " + file(folder + "/ca.cnf"));
  EXPECT_EQ(revoked.status, 0) << revoked.output;
  const CommandResult listed =
      openssl("ca", "-gencrl -crldays 1 -out q.crl -config " + file(folder + "/ca.cnf"));
  ASSERT_EQ(listed.status, 0) << listed.output;
  const CommandResult checked = plain("crl -in q.crl -noout -text -CAfile CallManager-ECDSA.pem");
  EXPECT_NE(checked.output.find("verify OK"), std::string::npos) << checked.output;
  EXPECT_NE(checked.output.find("Serial Number: 1000"), std::string::npos) << checked.output;
}

TEST_P(OpensslCliTest, SignsAndVerifiesDigests) {
  write_text(file("words"), "some words");
  const std::string pss = " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";
  const std::string mgf = pss + " -sigopt rsa_mgf1_md:sha384";
  for (const auto& [label, options] : {std::pair<std::string, std::string>{"CAPF", "-sha256"},
                                       {"CAPF", "-sha1"},
                                       {"CAPF", "-sha512" + pss},
                                       {"CAPF", "-sha384" + mgf},
                                       {"TVS", "-sha256"},
                                       {"TVS", "-sha512"},
                                       {"CallManager-ECDSA", "-sha384"},
                                       {"CallManager-ECDSA", "-sha224"}}) {
    const std::string uri = "'pkcs11:object=" + label + "'";
    const CommandResult made = openssl("dgst", options + " -sign " + uri + " -out words.sig words");
    ASSERT_EQ(made.status, 0) << label << options << made.output;
    const CommandResult ours =
        openssl("dgst", options + " -verify " + uri + " -signature words.sig words");
    EXPECT_EQ(ours.output, "Verified OK\n") << label << options;
    ASSERT_EQ(openssl("pkey", "-in " + uri + " -pubout -out words.pub").status, 0);
    const CommandResult theirs =
        plain("dgst " + options + " -verify words.pub -signature words.sig words");
    EXPECT_EQ(theirs.output, "Verified OK\n") << label << options;
    write_text(file("other"), "other words");
    const CommandResult wrong =
        openssl("dgst", options + " -verify " + uri + " -signature words.sig other");
    EXPECT_NE(wrong.status, 0) << label << options;
    EXPECT_NE(wrong.output.find("Verification failure"), std::string::npos) << wrong.output;
  }
}

TEST_P(OpensslCliTest, SignsRawBytes) {
  write_text(file("raw"), "0123456789abcdef0123");
  ASSERT_EQ(openssl("pkey", "-in pkcs11:object=CAPF -pubout -out raw.pub").status, 0);
  const CommandResult bare =
      openssl("pkeyutl", "-sign -inkey pkcs11:object=CAPF -in raw -out raw.sig");
  ASSERT_EQ(bare.status, 0) << bare.output;
  EXPECT_EQ(plain("pkeyutl -verifyrecover -pubin -inkey raw.pub -in raw.sig").output,
            "0123456789abcdef0123");
  EXPECT_EQ(
      openssl("pkeyutl", "-verifyrecover -pubin -inkey pkcs11:object=CAPF -in raw.sig").output,
      "0123456789abcdef0123");
  const CommandResult digest = openssl(
      "pkeyutl", "-sign -inkey pkcs11:object=CAPF -in raw -out raw.sig -pkeyopt digest:sha1");
  ASSERT_EQ(digest.status, 0) << digest.output;
  EXPECT_EQ(plain("pkeyutl -verify -pubin -inkey raw.pub -in raw -sigfile raw.sig "
                  "-pkeyopt digest:sha1")
                .output,
            "Signature Verified Successfully\n");
  ASSERT_EQ(openssl("pkey", "-in pkcs11:object=TVS -pubout -out tvs.pub").status, 0);
  const CommandResult ec =
      openssl("pkeyutl", "-sign -inkey pkcs11:object=TVS -in raw -out raw.ecsig");
  ASSERT_EQ(ec.status, 0) << ec.output;
  EXPECT_EQ(plain("pkeyutl -verify -pubin -inkey tvs.pub -in raw -sigfile raw.ecsig").output,
            "Signature Verified Successfully\n");
}

TEST_P(OpensslCliTest, SignsCms) {
  write_text(file("letter"), "hello phones");
  for (const char* label : {"CAPF", "TVS", "CallManager-ECDSA"}) {
    const std::string certificate = house().certificate(label);
    for (const char* options : {"", "-keyopt rsa_padding_mode:pss"}) {
      if (*options != 0 && std::string(label) != "CAPF") continue;
      const CommandResult made = openssl(
          "cms", "-sign -binary -nodetach -in letter -out letter.cms -outform DER -signer " +
                     certificate + " -inkey 'pkcs11:object=" + label + "' " + options);
      ASSERT_EQ(made.status, 0) << label << options << made.output;
      const std::string verify =
          "-verify -binary -purpose any -inform DER -in letter.cms -CAfile " + certificate +
          " -out letter.out";
      const CommandResult theirs = plain("cms " + verify);
      EXPECT_EQ(theirs.status, 0) << label << options << theirs.output;
      EXPECT_EQ(read_text(file("letter.out")), "hello phones");
      EXPECT_EQ(openssl("cms", verify).status, 0) << label << options;
    }
  }
}

/// Whoever loads our provider must still be able to do all that has nothing to do with the token.
TEST_P(OpensslCliTest, LeavesOtherKeysToOpenssl) {
  write_text(file("plain"), "plain words");
  for (const char* making :
       {"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "genpkey -algorithm ED25519"}) {
    const std::string text = making;
    const std::size_t space = text.find(' ');
    const CommandResult made =
        openssl(text.substr(0, space), text.substr(space) + " -out other.key");
    ASSERT_EQ(made.status, 0) << making << made.output;
    EXPECT_EQ(plain("pkey -in other.key -noout -check").output, "Key is valid\n") << making;
    const CommandResult certified =
        openssl("req", "-new -x509 -key other.key -subj /CN=other -out other.pem -days 1");
    ASSERT_EQ(certified.status, 0) << making << certified.output;
    EXPECT_EQ(plain("verify -check_ss_sig -CAfile other.pem other.pem").output, "other.pem: OK\n");
    EXPECT_EQ(openssl("verify", "-check_ss_sig -CAfile other.pem other.pem").output,
              "other.pem: OK\n")
        << making;
  }
  ASSERT_EQ(openssl("genrsa", "-out rsa.key 2048").status, 0);
  ASSERT_EQ(openssl("rsa", "-in rsa.key -pubout -out rsa.pub").status, 0);
  const CommandResult sealed = openssl("pkeyutl",
                                       "-encrypt -pubin -inkey rsa.pub -in plain -out sealed "
                                       "-pkeyopt rsa_padding_mode:oaep");
  ASSERT_EQ(sealed.status, 0) << sealed.output;
  EXPECT_EQ(openssl("pkeyutl", "-decrypt -inkey rsa.key -in sealed -pkeyopt rsa_padding_mode:oaep")
                .output,
            "plain words");
  ASSERT_EQ(openssl("dgst", "-sha3-256 -sign rsa.key -out plain.sig plain").status, 0);
  EXPECT_EQ(plain("dgst -sha3-256 -verify rsa.pub -signature plain.sig plain").output,
            "Verified OK\n");
  for (const char* who : {"a", "b"}) {
    const std::string key = std::string(who) + ".key";
    ASSERT_EQ(openssl("ecparam", "-name prime256v1 -genkey -noout -out " + key).status, 0);
    ASSERT_EQ(openssl("ec", "-in " + key + " -pubout -out " + std::string(who) + ".pub").status, 0);
  }
  const CommandResult one = openssl("pkeyutl", "-derive -inkey a.key -peerkey b.pub -hexdump");
  const CommandResult two = plain("pkeyutl -derive -inkey b.key -peerkey a.pub -hexdump");
  EXPECT_EQ(one.status, 0) << one.output;
  EXPECT_EQ(one.output, two.output);
}

INSTANTIATE_TEST_SUITE_P(Loaded, OpensslCliTest,
                         testing::Values(Loading::command_line, Loading::command_line_ours_first,
                                         Loading::configuration, Loading::configuration_ours_first),
                         [](const auto& test) { return name(test.param); });

/// expect_refusal lists the token's keys with `environment` and expects that line.
void expect_refusal(const std::string& environment, const std::string& line) {
  const CommandResult result =
      shell(environment + preload() + "timeout 60 openssl storeutl -provider-path " +
            RINGFENCE_BIN_DIR + " -provider default -provider ringfence pkcs11:");
  EXPECT_NE(result.status, 0);
  EXPECT_NE(result.output.find(line), std::string::npos) << result.output;
}

TEST_F(HouseTest, SaysThatNobodyNamedTheSigner) {
  expect_refusal("", "nobody said where the signer is");
}

TEST_F(HouseTest, SaysThatTheSignerDoesNotAnswer) {
  expect_refusal("RINGFENCE_SIGNER=" + house().file("nobody").string() + " ",
                 "the signer does not answer at");
}

TEST_F(HouseTest, ShowsOnlyTheEntryOfTheModule) {
  const CommandResult symbols =
      shell("nm -D --defined-only --format=posix " RINGFENCE_BIN_DIR "/ringfence.so");
  EXPECT_EQ(symbols.output.substr(0, symbols.output.find(' ')), "OSSL_provider_init");
  EXPECT_EQ(count_of(symbols.output, "\n"), 1U) << symbols.output;
  const CommandResult needed = shell("ldd " RINGFENCE_BIN_DIR "/ringfence.so");
  EXPECT_EQ(needed.output.find("softhsm"), std::string::npos) << needed.output;
}

}  // namespace
}  // namespace ringfence::hsm::test
