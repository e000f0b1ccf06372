// RFC 7512 URIs as OpenSSL's programs give them to ringfence.so.
#include "tests/integration/hsm/openssl_house.h"

namespace ringfence::hsm::test {
namespace {

class OpensslUriTest : public HouseTest {
 protected:
  static CommandResult list(const std::string& uri) {
    return house().openssl(Loading::configuration, "storeutl", "-noout '" + uri + "'");
  }

  static std::string found(const std::string& uri) {
    const std::string output = list(uri).output;
    const std::size_t total = output.find("Total found: ");
    return total == std::string::npos ? output : output.substr(total + 13, 1);
  }
};

TEST_F(OpensslUriTest, FindsByWhatIdentifiesAKey) {
  EXPECT_EQ(found("pkcs11:"), "4");
  EXPECT_EQ(found("pkcs11:object=CAPF"), "2");
  EXPECT_EQ(found("pkcs11:object=CAPF;id=%00%00%00%01"), "1");
  EXPECT_EQ(found("pkcs11:id=%00%00%00%01"), "3");
  EXPECT_EQ(found("pkcs11:id=%00%00%00%09"), "0");
  EXPECT_EQ(found("pkcs11:object=C%41PF;type=private"), "2");
  EXPECT_EQ(found("pkcs11:object=CAPF;type=public"), "2");
  EXPECT_EQ(found("pkcs11:object=CAPF;type=cert"), "0");
  EXPECT_EQ(found("pkcs11:object=CAP"), "0");
}

TEST_F(OpensslUriTest, FindsByTheToken) {
  EXPECT_EQ(found("pkcs11:token=ringfence"), "4");
  EXPECT_EQ(found("pkcs11:token=other"), "0");
  EXPECT_EQ(found("pkcs11:manufacturer=someone"), "0");
}

TEST_F(OpensslUriTest, FindsByTheTokensMaker) {
  const std::string serial = house().client().status().token.serial;
  ASSERT_FALSE(serial.empty());
  EXPECT_EQ(found("pkcs11:manufacturer=SoftHSM%20project;model=SoftHSM%20v2"), "4");
  EXPECT_EQ(found("pkcs11:token=ringfence;serial=" + serial), "4");
  const std::string other = serial.front() == '0' ? "1" : "0";
  EXPECT_EQ(found("pkcs11:token=ringfence;serial=" + other + serial.substr(1)), "0");
}

TEST_F(OpensslUriTest, GivesTheNewestVersionToWhoeverTakesTheFirst) {
  const CommandResult made = house().openssl(Loading::configuration, "pkey",
                                             "-in pkcs11:object=CAPF -pubout -outform DER -out k");
  ASSERT_EQ(made.status, 0) << made.output;
  const std::string der = read_text(house().file("k"));
  EXPECT_EQ(Bytes(der.begin(), der.end()), house().client().public_key(house().rsa()));
}

struct BadUri {
  const char* name;
  const char* uri;
  const char* answer;
};

class BadUriTest : public OpensslUriTest, public testing::WithParamInterface<BadUri> {};

TEST_P(BadUriTest, SaysWhatIsWrong) {
  const CommandResult result = list(GetParam().uri);
  EXPECT_NE(result.status, 0);
  EXPECT_NE(result.output.find(GetParam().answer), std::string::npos) << result.output;
}

INSTANTIATE_TEST_SUITE_P(
    Rfc7512, BadUriTest,
    testing::Values(
        BadUri{"BadEscape", "pkcs11:object=%zz", "the pkcs11: URI does not parse (RFC 7512)"},
        BadUri{"NoValue", "pkcs11:object", "the pkcs11: URI does not parse (RFC 7512)"},
        BadUri{"UnknownPath", "pkcs11:objekt=CAPF", "has an attribute that we do not know"},
        BadUri{"UnknownQuery", "pkcs11:object=CAPF?colour=red",
               "has an attribute that we do not know"},
        BadUri{"UnknownType", "pkcs11:object=CAPF;type=piano",
               "has an attribute that we do not know"},
        BadUri{"PinValue", "pkcs11:object=CAPF?pin-value=1234", "leave pin-value and pin-source"},
        BadUri{"PinSource", "pkcs11:object=CAPF?pin-source=file:/etc/pin",
               "leave pin-value and pin-source"},
        BadUri{"ModulePath", "pkcs11:object=CAPF?module-path=/usr/lib/other.so",
               "leave module-name and module-path out"},
        BadUri{"SlotId", "pkcs11:object=CAPF;slot-id=0", "leave slot-… out"},
        BadUri{"Slot", "pkcs11:object=CAPF;slot-description=x", "leave slot-… out"},
        BadUri{"Library", "pkcs11:object=CAPF;library-manufacturer=x", "leave library-… out"},
        BadUri{"LibraryVersion", "pkcs11:object=CAPF;library-version=2.6", "leave library-… out"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace ringfence::hsm::test
