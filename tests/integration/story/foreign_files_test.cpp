// Files of other makers and of people, brought to a whole instance: lists, certificates, CSV.

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/support/command.h"
#include "tests/support/instance.h"
#include "tests/support/openssl_ca.h"

namespace ringfence {
namespace {

using test::OpensslCa;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ForeignFiles : public testing::Test {
 protected:
  void SetUp() override {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  std::string write(const std::string& name, core::BytesView bytes) {
    core::write_atomically(instance_ / name, bytes);
    return (instance_ / name).string();
  }

  std::string write(const std::string& name, const std::string& text) {
    return write(name, core::bytes_of(text));
  }

  core::Bytes itl() { return core::read_file(itl_, 1 << 20); }

  test::Instance instance_;
  const std::filesystem::path itl_ = instance_ / "tftp" / "ITLFile.tlv";
};

TEST_F(ForeignFiles, AListIsVerifiedByThisHouseOrByItselfAndSaysWhich) {
  const std::string copy = write("copy.tlv", itl());
  const test::Result ours = instance_.sh("show itl file " + copy);
  EXPECT_EQ(ours.status, 0) << ours.out;
  EXPECT_THAT(ours.out, HasSubstr("The ITL file was verified successfully.\n"));
  EXPECT_THAT(ours.out, Not(HasSubstr("It was verified by")));
  EXPECT_EQ(instance_.json("show itl file " + copy).at("verified_by").as_string(), "house");

  ASSERT_EQ(instance_.sh("--yes set cert regen CallManager").status, 0);
  const test::Result old = instance_.sh("show itl file " + copy);
  EXPECT_EQ(old.status, 0) << old.out;
  EXPECT_THAT(old.out, HasSubstr("It was verified by the certificate in record "));
  EXPECT_THAT(old.out, HasSubstr("and is not one that this house signs with.\n"));
  const boost::json::object facts = instance_.json("show itl file " + copy);
  EXPECT_EQ(facts.at("state").as_string(), "verified");
  EXPECT_EQ(facts.at("verified_by").as_string(), "file");
  EXPECT_GT(facts.at("signer_record").as_int64(), 0);

  core::Bytes altered = core::read_file(copy, 1 << 20);
  altered.back() ^= 1;
  EXPECT_EQ(instance_.sh("show itl file " + write("altered.tlv", altered)).status, 1);
  // One kind of list is not taken for the other, and an empty file is not a missing one.
  const test::Result other = instance_.sh("show ctl file " + copy);
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.out,
              HasSubstr("it is an ITL file, not a CTL file; see it with 'show itl file'"));
  const test::Result empty = instance_.sh("show itl file " + write("empty.tlv", ""));
  EXPECT_EQ(empty.status, 1);
  EXPECT_THAT(empty.out, AllOf(HasSubstr("The ITL file is not usable: the file is empty\n"),
                               Not(HasSubstr("activate or restart"))));
  const test::Result text = instance_.sh("show ctl file " + write("a.txt", "hello\n"));
  EXPECT_EQ(text.status, 1);
  EXPECT_THAT(text.out, HasSubstr("it does not begin as a trust list or a signed file does"));
}

TEST_F(ForeignFiles, ADamagedListSaysWhatPhonesGetInTruth) {
  const boost::json::object good = instance_.json("show itl");
  EXPECT_TRUE(good.at("served").is_null());
  const std::string sha1(good.at("sha1").as_string());
  std::filesystem::resize_file(itl_, 100);
  const test::Result shown = instance_.sh("show itl");
  EXPECT_EQ(shown.status, 1);
  EXPECT_THAT(
      shown.out,
      AllOf(HasSubstr("The ITL file is not usable: "),
            HasSubstr("Cisco Tftp does not serve this file. Phones get its last good one: "),
            HasSubstr(sha1 + "(SHA1), since 20")));
  const test::Result json = instance_.sh("--json show itl");
  EXPECT_EQ(json.status, 1);
  const boost::json::object facts = boost::json::parse(json.out).as_object();
  EXPECT_EQ(facts.at("served").as_object().at("sha1").as_string(), sha1);
  EXPECT_EQ(facts.at("served").as_object().at("length"), good.at("length"));

  std::filesystem::remove(itl_);
  EXPECT_THAT(instance_.sh("show itl").out, HasSubstr(sha1 + "(SHA1), since 20"));
  ASSERT_EQ(instance_.sh("utils service stop Cisco Tftp").status, 0);
  EXPECT_THAT(instance_.sh("show itl").out, HasSubstr("Cisco Tftp does not answer"));
}

TEST_F(ForeignFiles, AWeakCaIsWarnedOf) {
  const std::string ca = (instance_ / "weak").string();
  test::openssl("req -x509 -newkey rsa:1024 -nodes -days 1 -subj /CN=Weak -keyout " + ca +
                ".key -out " + ca + ".pem");
  const test::Result imported =
      instance_.sh("--json set cert import trust CAPF file " + ca + ".pem");
  EXPECT_EQ(imported.status, 0) << imported.out;
  const auto document = boost::json::parse(imported.out).as_object();
  ASSERT_EQ(document.at("warnings").as_array().size(), 2U);
  EXPECT_THAT(std::string(document.at("warnings").at(0).as_string()), HasSubstr("1024 bits"));
  EXPECT_THAT(std::string(document.at("warnings").at(1).as_string()), HasSubstr("within a month"));
}

TEST_F(ForeignFiles, CertificatesAreTakenAsPeopleHaveThem) {
  const OpensslCa root(instance_.state(), "Root");
  const OpensslCa issuing(instance_.state(), "Issuing", &root);
  const std::string p7b = (instance_ / "chain.p7b").string();
  test::openssl("crl2pkcs7 -nocrl -certfile " + root.certificate().string() + " -certfile " +
                issuing.certificate().string() + " -outform DER -out " + p7b);
  const test::Result imported = instance_.sh("set cert import trust CAPF file " + p7b);
  EXPECT_EQ(imported.status, 0) << imported.out << imported.err;
  EXPECT_THAT(imported.out, HasSubstr("Read: PKCS#7 in DER with 2 certificates.\n"));
  EXPECT_THAT(imported.out, HasSubstr("CAPF-trust/Issuing.pem"));

  const std::string key = core::text_of(core::read_file(instance_ / "Root.key", 10000));
  const test::Result with_key = instance_.sh("set cert import trust CAPF", key + root.pem() + "\n");
  EXPECT_EQ(with_key.status, 0) << with_key.out;
  EXPECT_THAT(with_key.out, HasSubstr("WARNING: A private key was in it too. It was not kept;"));

  const test::Result refused = instance_.sh("set cert import trust CAPF", key + "\n");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.out, HasSubstr("it holds a private key and no certificate"));
  const test::Result binary = instance_.sh("set cert import trust CAPF", "\xff\xfe\x00 \xff\n\n");
  EXPECT_EQ(binary.status, 1);
  EXPECT_THAT(binary.out + binary.err, Not(HasSubstr("JSON")));
}

TEST_F(ForeignFiles, ACaHasThePurposeThatItIsGivenAndNobodyTakesItForAMaker) {
  const OpensslCa company(instance_.state(), "Company");
  const OpensslCa capf(instance_.state(), "CAPF-0a1b2c3d");
  const OpensslCa maker(instance_.state(), "Acme-Manufacturing-CA");
  const auto purpose_of = [this](const std::string& file) {
    const auto shown = instance_.json("show cert trust CAPF-trust/" + file + ".pem");
    return std::string(shown.at("certificate").at("purpose").as_string());
  };
  const auto import = [this](const OpensslCa& ca, const std::string& words = "") {
    const test::Result imported =
        instance_.sh("set cert import trust CAPF" + words + " file " + ca.certificate().string());
    EXPECT_EQ(imported.status, 0) << imported.out << imported.err;
    return imported.out;
  };
  EXPECT_THAT(import(company), HasSubstr("no MIC that it signed is believed"));
  EXPECT_EQ(purpose_of("Company"), "ca");
  import(capf);
  EXPECT_EQ(purpose_of("CAPF-0a1b2c3d"), "capf");
  import(maker);
  EXPECT_EQ(purpose_of("Acme-Manufacturing-CA"), "ca") << "no such words, no maker";

  // What is there changes when it is named again with a purpose, and only then.
  EXPECT_THAT(import(company, " purpose mic"),
              HasSubstr("phones prove themselves with MICs that it signed"));
  EXPECT_EQ(purpose_of("Company"), "mic");
  import(company);
  EXPECT_EQ(purpose_of("Company"), "mic");
  EXPECT_THAT(instance_.sh("show cert list trust").out, HasSubstr(", purpose mic\n"));
  EXPECT_THAT(instance_.sh("show cert trust CAPF-trust/Company.pem").out,
              HasSubstr("\nPurpose in CAPF-trust: mic\n-----BEGIN"));
  EXPECT_NE(
      instance_
          .sh("set cert import trust CAPF purpose maker file " + company.certificate().string())
          .status,
      0);
  EXPECT_EQ(purpose_of("Company"), "mic");
  const auto others = instance_.json("show cert list trust").at("certificates").as_array();
  for (const auto& one : others)
    EXPECT_EQ(one.at("purpose").as_string().empty(), one.at("unit").as_string() != "CAPF-trust");
}

TEST_F(ForeignFiles, ANameForgesNoLineAndNoFile) {
  const std::string file = (instance_ / "evil.pem").string();
  const test::Result made =
      test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "9", "-utf8", "-subj",
                 "/O=x/CN=..\\/x.pem: Trust\nCAPF\\/CAPF.pem: \xe2\x80\xaeSelf", "-keyout",
                 "/dev/null", "-out", file},
                "");
  ASSERT_EQ(made.status, 0) << made.err;
  const test::Result imported = instance_.sh("set cert import trust CAPF file " + file);
  ASSERT_EQ(imported.status, 0) << imported.out << imported.err;
  const std::string listed = instance_.sh("show cert list trust").out;
  EXPECT_THAT(listed, Not(HasSubstr("\nCAPF/CAPF.pem")));
  EXPECT_THAT(listed, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(listed, HasSubstr("CAPF-trust/_._x.pem__Trust_CAPF_CAPF.pem___Self.pem: "));
  const std::string shown =
      instance_.sh("show cert trust CAPF-trust/_._x.pem__Trust_CAPF_CAPF.pem___Self.pem").out;
  EXPECT_THAT(shown, HasSubstr("Trust\\0aCAPF"));
  EXPECT_THAT(shown, Not(HasSubstr("\nCAPF/")));
}

TEST_F(ForeignFiles, BatsCsvIsReadAndSaysWhatItUnderstood) {
  const std::string csv = "\xff\xfe" + [](const std::string& text) {
    std::string wide;
    for (const char c : text) wide += {c, '\0'};
    return wide;
  }("MAC ADDRESS\tDESCRIPTION\tPhone Button Template\r\n00:11:22:33:44:55\tLobby\tx\r\n");
  const test::Result imported = instance_.sh("utils phone import " + write("bat.txt", csv));
  EXPECT_EQ(imported.status, 0) << imported.out;
  EXPECT_THAT(imported.out,
              AllOf(HasSubstr("1 phone imported (1 added, 0 updated).\n"),
                    HasSubstr("1 name was read as a device name: 00:11:22:33:44:55 as "
                              "SEP001122334455."),
                    HasSubstr("The fields are separated by tabs."), HasSubstr("UTF-16")));
  EXPECT_THAT(instance_.sh("show phone 0011.2233.4455").out, HasSubstr("SEP001122334455"));
}

}  // namespace
}  // namespace ringfence
