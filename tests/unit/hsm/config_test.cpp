// The signer's section of ringfence.toml.
#include "hsm/signer/config.h"

#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "hsm/error.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::hsm {
namespace {

class ConfigTest : public testing::Test {
 protected:
  Config load(const std::string& text) {
    std::ofstream(folder_ / "ringfence.toml") << text;
    return load_config(folder_.path());
  }

  std::string error(const std::string& text) {
    try {
      load(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::string file() const { return (folder_ / "ringfence.toml").string(); }

  ringfence::test::TemporaryFolder folder_;
};

TEST_F(ConfigTest, DefaultsWithoutAFileAndWithOtherSections) {
  const Config none = load_config(folder_.path());
  const Config others = load("[capf]\nport = 3804\n");
  for (const Config& config : {none, others}) {
    EXPECT_EQ(config.module, "/usr/lib/softhsm/libsofthsm2.so");
    EXPECT_EQ(config.module_arguments, "");
    EXPECT_EQ(config.token.label, "ringfence");
    EXPECT_EQ(config.pin, (PinSource{PinSource::From::file, folder_.path() / "hsm" / "user.pin"}));
    EXPECT_GE(config.workers, 2U);
    EXPECT_LE(config.workers, 64U);
    EXPECT_TRUE(config.is_softhsm());
  }
}

TEST_F(ConfigTest, ReadsEveryKey) {
  const Config config = load(
      "[hsm]\nworkers = 5\nmodule = \"/opt/vendor/p11.so\"\nmodule_arguments = \"configdir='/x'\"\n"
      "token = \"house\"\npin_source = \"file:/run/pin\"\n[hsm.users]\ncapf = \"root\"\n");
  EXPECT_EQ(config.workers, 5U);
  EXPECT_EQ(config.module, "/opt/vendor/p11.so");
  EXPECT_EQ(config.module_arguments, "configdir='/x'");
  EXPECT_EQ(config.token.label, "house");
  EXPECT_EQ(config.token.text, "house");
  EXPECT_EQ(config.pin, (PinSource{PinSource::From::file, "/run/pin"}));
  EXPECT_EQ(config.users.at("capf"), 0U);
  EXPECT_FALSE(config.is_softhsm());
  EXPECT_FALSE(config.pin_is_typed());
}

TEST_F(ConfigTest, TakesThePinFromWhereItIsTold) {
  EXPECT_TRUE(load("[hsm]\npin_source = \"typed\"\n").pin_is_typed());
  EXPECT_EQ(load("[hsm]\npin_source = \"file:///run/pin\"\n").pin.path, "/run/pin");
  ::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/ringfence", 1);
  const Config config = load("[hsm]\npin_source = \"credential:token-pin\"\n");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(config.pin,
            (PinSource{PinSource::From::credential, "/run/credentials/ringfence/token-pin"}));
  EXPECT_EQ(config.pin.to_text(), "the systemd credential /run/credentials/ringfence/token-pin");
}

TEST_F(ConfigTest, ReadsATokensUri) {
  const Config config = load(
      "[hsm]\ntoken = \"pkcs11:token=My%20Token;serial=0815;manufacturer=ACME;model=M%2f1;"
      "slot-id=7?module-path=/opt/acme.so&pin-source=file:/run/pin\"\n");
  EXPECT_EQ(config.token.label, "My Token");
  EXPECT_EQ(config.token.serial, "0815");
  EXPECT_EQ(config.token.manufacturer, "ACME");
  EXPECT_EQ(config.token.model, "M/1");
  EXPECT_EQ(config.token.slot_id, 7U);
  EXPECT_EQ(config.module, "/opt/acme.so");
  EXPECT_EQ(config.pin, (PinSource{PinSource::From::file, "/run/pin"}));
}

TEST_F(ConfigTest, AcceptsAUriThatSaysTheSameAsTheOtherKeys) {
  const Config config = load(
      "[hsm]\nmodule = \"/opt/acme.so\"\npin_source = \"file:/run/pin\"\n"
      "token = \"pkcs11:serial=1?module-path=/opt/acme.so&pin-source=/run/pin\"\n");
  EXPECT_EQ(config.module, "/opt/acme.so");
  EXPECT_EQ(config.token.label, "");
  EXPECT_EQ(config.token.serial, "1");
}

TEST_F(ConfigTest, MatchesOnlyTheTokenThatIsMeant) {
  const Slot slot{7, "house", true, "ACME", "M1", "0815"};
  EXPECT_TRUE(load("[hsm]\ntoken = \"house\"\n").token.matches(slot));
  EXPECT_FALSE(load("[hsm]\ntoken = \"hous\"\n").token.matches(slot));
  EXPECT_TRUE(load("[hsm]\ntoken = \"pkcs11:serial=0815\"\n").token.matches(slot));
  EXPECT_TRUE(load("[hsm]\ntoken = \"pkcs11:token=house;model=M1\"\n").token.matches(slot));
  EXPECT_TRUE(load("[hsm]\ntoken = \"pkcs11:slot-id=7\"\n").token.matches(slot));
  for (const char* other : {"token=house;serial=1", "manufacturer=Acme", "model=M2", "slot-id=8"})
    EXPECT_FALSE(load(std::string("[hsm]\ntoken = \"pkcs11:") + other + "\"\n").token.matches(slot))
        << other;
  Slot blank = slot;
  blank.initialized = false;
  EXPECT_FALSE(load("[hsm]\ntoken = \"house\"\n").token.matches(blank));
}

struct Wrong {
  const char* name;
  const char* text;  ///< of [hsm], without the heading; what is wrong stands on its last line
  unsigned line;     ///< counting the heading
  const char* what;
};

class WrongConfigTest : public ConfigTest, public testing::WithParamInterface<Wrong> {};

TEST_P(WrongConfigTest, NamesTheLineTheValueAndWhatWouldBeRight) {
  EXPECT_EQ(error(std::string("[hsm]\n") + GetParam().text),
            file() + ":" + std::to_string(GetParam().line) + ": " + GetParam().what);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, WrongConfigTest,
    testing::Values(
        Wrong{"Unknown", "\npin_file = \"x\"\n", 3,
              "unknown key hsm.pin_file; known are workers, module, module_arguments, token, "
              "pin_source, users"},
        Wrong{"NoText", "token = 5\n", 2, "hsm.token must be text of at most 1024 characters"},
        Wrong{"Empty", "module = \"\"\n", 2, "hsm.module must not be empty"},
        Wrong{"LongLabel", "token = \"123456789012345678901234567890123\"\n", 2,
              "hsm.token \"123456789012345678901234567890123\" is longer than a label's 32 bytes"},
        Wrong{"NoWorkers", "workers = 0\n", 2, "hsm.workers must be a number from 1 to 64"},
        Wrong{"ManyWorkers", "workers = 65\n", 2, "hsm.workers must be a number from 1 to 64"},
        Wrong{"WorkersAsText", "workers = \"4\"\n", 2, "hsm.workers must be a number from 1 to 64"},
        Wrong{"Users", "users = 1\n", 2,
              "hsm.users must be a section: a line [hsm.users], and below it its keys"},
        Wrong{"Role", "[hsm.users]\nphone = \"root\"\n", 3,
              "hsm.users.phone: there is no such role"},
        Wrong{"User", "[hsm.users]\ncapf = \"no-such-user\"\n", 3,
              "hsm.users.capf: there is no user no-such-user"},
        Wrong{"PinSource", "pin_source = \"1234\"\n", 2,
              "hsm.pin_source \"1234\" must be \"file:/path\", \"credential:NAME\" or \"typed\""},
        Wrong{"RelativePin", "pin_source = \"file:pin\"\n", 2,
              "hsm.pin_source \"file:pin\" must be \"file:/path\", \"credential:NAME\" or "
              "\"typed\""},
        Wrong{"CredentialPath", "pin_source = \"credential:../pin\"\n", 2,
              "hsm.pin_source \"credential:../pin\" must name one credential, as "
              "\"credential:token-pin\""},
        Wrong{"NoCredentials", "pin_source = \"credential:pin\"\n", 2,
              "hsm.pin_source \"credential:pin\": systemd gave this process no credentials "
              "(CREDENTIALS_DIRECTORY is not set): add LoadCredential=pin:/path to the unit"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Uris, WrongConfigTest,
    testing::Values(
        Wrong{"Syntax", "token = \"pkcs11:token\"\n", 2,
              "hsm.token \"pkcs11:token\": it is no RFC 7512 URI (URI syntax is invalid): write "
              "\"pkcs11:token=LABEL\""},
        Wrong{"Encoding", "token = \"pkcs11:token=%zz\"\n", 2,
              "hsm.token \"pkcs11:token=%zz\": it is no RFC 7512 URI (URI encoding invalid or "
              "corrupted): "
              "write \"pkcs11:token=LABEL\""},
        Wrong{"Nothing", "token = \"pkcs11:\"\n", 2,
              "hsm.token \"pkcs11:\": it chooses no token: say token=LABEL, serial, manufacturer, "
              "model or slot-id"},
        Wrong{"Object", "token = \"pkcs11:token=a;object=CAPF\"\n", 2,
              "hsm.token \"pkcs11:token=a;object=CAPF\": object, id and type name a key; only a "
              "token is chosen here"},
        Wrong{"Library", "token = \"pkcs11:token=a;library-description=x\"\n", 2,
              "hsm.token \"pkcs11:token=a;library-description=x\": known are token, manufacturer, "
              "model, serial, slot-id, module-path and pin-source"},
        Wrong{"Unknown", "token = \"pkcs11:token=a;colour=red\"\n", 2,
              "hsm.token \"pkcs11:token=a;colour=red\": known are token, manufacturer, model, "
              "serial, slot-id, module-path and pin-source"},
        Wrong{"ModuleName", "token = \"pkcs11:token=a?module-name=softhsm2\"\n", 2,
              "hsm.token \"pkcs11:token=a?module-name=softhsm2\": module-name is not searched for: "
              "use module-path=/path/of/the/module.so"},
        Wrong{"Pin", "token = \"pkcs11:token=a?pin-value=1234\"\n", 2,
              "hsm.token \"pkcs11:token=a?pin-value=...\": pin-value puts a PIN into the "
              "configuration: use pin-source=file:/path"},
        Wrong{"PinCommand", "token = \"pkcs11:token=a?pin-source=%7Ccat\"\n", 2,
              "hsm.token's pin-source \"|cat\" must be \"file:/path\", \"credential:NAME\" or "
              "\"typed\""},
        Wrong{"OtherModule", "module = \"/a.so\"\ntoken = \"pkcs11:token=a?module-path=/b.so\"\n",
              3, "hsm.token names the module /b.so and hsm.module names /a.so: keep one"},
        Wrong{"OtherPin",
              "pin_source = \"typed\"\ntoken = \"pkcs11:token=a?pin-source=file:/pin\"\n", 3,
              "hsm.token takes the PIN from the file /pin and hsm.pin_source from what an "
              "administrator types: keep one"}),
    [](const auto& test) { return test.param.name; });

TEST_F(ConfigTest, NamesTheLineOfWhatIsNoToml) {
  EXPECT_NE(error("[hsm\n").find(file() + ":1: "), std::string::npos);
  EXPECT_EQ(error("hsm = 1\n"),
            file() + ":1: hsm must be a section: a line [hsm], and below it its keys");
}

TEST_F(ConfigTest, IsNotReadWhereOthersCanWriteOrThroughALink) {
  load("");
  namespace fs = std::filesystem;
  fs::permissions(folder_.path(), static_cast<fs::perms>(0770));
  EXPECT_EQ(error(""), folder_.path().string() + " can be changed by other users: chmod go-w " +
                           folder_.path().string());
  fs::permissions(folder_.path(), static_cast<fs::perms>(0700));
  EXPECT_EQ(error(""), "");
  fs::rename(folder_ / "ringfence.toml", folder_ / "other.toml");
  fs::create_symlink("other.toml", folder_ / "ringfence.toml");
  EXPECT_EQ(error(""), file() +
                           " is a symbolic link, which is not followed inside a state folder: "
                           "put the file or folder itself there");
  fs::remove(folder_ / "ringfence.toml");
  fs::create_directory_symlink("/tmp", folder_ / "hsm");
  EXPECT_NE(error("").find("/hsm is a symbolic link"), std::string::npos);
}

}  // namespace
}  // namespace ringfence::hsm
