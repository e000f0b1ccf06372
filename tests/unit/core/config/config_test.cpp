#include "core/config/config.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/certificates/issue.h"
#include "core/crypto/handles.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

class ConfigTest : public testing::Test {
 protected:
  Config load(std::string_view text) {
    write_atomically(folder_ / "ringfence.toml", bytes_of(text));
    return Config::load(folder_.path());
  }

  std::string refusal(std::string_view text) {
    try {
      load(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::malformed);
      const std::string what = error.what();
      const std::string path = folder_.path().string() + "/";
      EXPECT_EQ(what.rfind(path, 0), 0U) << what;
      return what.substr(path.size());
    }
    return "accepted";
  }

  test::TemporaryFolder folder_;
};

TEST_F(ConfigTest, HasSafeDefaultsWithoutAFile) {
  const Config config = Config::load(folder_.path());
  EXPECT_EQ(config.listen(), "127.0.0.1");
  EXPECT_EQ(config.ports().capf, 3804);
  EXPECT_EQ(config.release(), Release::r11_5);
  EXPECT_FALSE(config.node().host.empty());
}

TEST_F(ConfigTest, AddsTheOffsetToEveryPort) {
  const Config config = load("[network]\nport_offset = 10000\n");
  EXPECT_EQ(config.ports().tftp, 10069);
  EXPECT_EQ(config.ports().http, 16970);
  EXPECT_EQ(config.ports().https, 16971);
  EXPECT_EQ(config.ports().https_mutual, 16972);
  EXPECT_EQ(config.ports().capf, 13804);
  EXPECT_EQ(config.ports().tvs, 12445);
  EXPECT_EQ(config.ports().sip, 15060);
  EXPECT_EQ(config.ports().sips, 15061);
}

TEST_F(ConfigTest, SharesTheLogsMegabytesAmongTheDaemons) {
  EXPECT_EQ(load("").log_bounds().bytes, 10'000'000U);
  EXPECT_EQ(load("[log]\nmegabytes = 30\n").log_bounds().bytes, 1'000'000U);
  EXPECT_EQ(refusal("[log]\nmegabytes = 0\n"),
            "ringfence.toml:2: log.megabytes must be a number from 10 to 100000");
}

TEST_F(ConfigTest, OpensTheDoorForOldTlsOnlyWhenTold) {
  EXPECT_EQ(load("").ports().capf_legacy, std::nullopt);
  EXPECT_EQ(load("[capf]\nlegacy_tls = false\n").ports().capf_legacy, std::nullopt);
  EXPECT_EQ(load("[network]\nport_offset = 10000\n[capf]\nlegacy_tls = true\n").ports().capf_legacy,
            13805);
  EXPECT_EQ(refusal("[capf]\nlegacy_tls = 1\n"),
            "ringfence.toml:2: capf.legacy_tls must be true or false");
}

TEST_F(ConfigTest, SaysHowPhonesRegister) {
  EXPECT_EQ(load("").sip().transport, std::nullopt);
  EXPECT_EQ(load("").sip().lifetime, std::chrono::seconds(120));
  EXPECT_EQ(load("").sip().grace, std::chrono::seconds(5));
  const Config config =
      load("[callmanager]\nsip_transport = \"tcp\"\nregister_lifetime = 60\nregister_grace = 0\n");
  EXPECT_EQ(config.sip().transport, SipTransport::over_tcp);
  EXPECT_EQ(config.sip().lifetime, std::chrono::seconds(60));
  EXPECT_EQ(config.sip().grace, std::chrono::seconds(0));
  EXPECT_EQ(load("[callmanager]\nsip_transport = \"udp\"\n").sip().transport,
            SipTransport::over_udp);
  EXPECT_EQ(load("[callmanager]\nsip_transport = \"by-model\"\n").sip().transport, std::nullopt);
  EXPECT_EQ(
      refusal("[callmanager]\nsip_transport = \"tls\"\n"),
      "ringfence.toml: callmanager.sip_transport must be \"by-model\", \"tcp\" or \"udp\", not "
      "\"tls\"");
  EXPECT_EQ(refusal("[callmanager]\nregister_lifetime = 30\n"),
            "ringfence.toml:2: callmanager.register_lifetime must be a number from 60 to 3600");
}

TEST_F(ConfigTest, SplitsTheMailCommandIntoWordsAndNeverAsksAShell) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(load("").mail_command(), (Words{"/usr/sbin/sendmail", "-t", "-i"}));
  EXPECT_EQ(load("[mail]\ncommand = \"/opt/send -f  x@y;z\"\n").mail_command(),
            (Words{"/opt/send", "-f", "x@y;z"}));
  EXPECT_TRUE(load("[mail]\ncommand = \"\"\n").mail_command().empty());
  EXPECT_EQ(refusal("[mail]\ncommand = \"sendmail -t\"\n"),
            "ringfence.toml: mail.command must begin with the path of a program, like "
            "\"/usr/sbin/sendmail -t -i\", or be empty");
  EXPECT_EQ(refusal("[mail]\nprogram = \"/bin/mail\"\n"),
            "ringfence.toml:2: unknown key mail.program; known are command");
}

TEST_F(ConfigTest, TellsPhonesTheAddressItListensOn) {
  EXPECT_EQ(load("").advertise(), "127.0.0.1");
  EXPECT_EQ(load("[network]\nlisten = \"192.0.2.7\"\n").advertise(), "192.0.2.7");
  EXPECT_EQ(load("[network]\nlisten = \"0.0.0.0\"\nadvertise = \"192.0.2.7\"\n").advertise(),
            "192.0.2.7");
}

TEST_F(ConfigTest, NeverTellsPhonesLoopbackWhenItListensEverywhere) {
  try {
    const std::string told = load("[network]\nlisten = \"0.0.0.0\"\n").advertise();
    EXPECT_NE(told.substr(0, 4), "127.");
    EXPECT_NE(told, "0.0.0.0");
  } catch (const Error& error) {  // a machine without a default route
    EXPECT_NE(std::string(error.what()).find("set network.advertise"), std::string::npos);
  }
  EXPECT_EQ(refusal("[network]\nadvertise = \"0.0.0.0\"\n"),
            "ringfence.toml: network.advertise must be the address at which phones reach this "
            "machine, not 0.0.0.0");
}

TEST_F(ConfigTest, LeavesTheSignersSectionAlone) {
  EXPECT_NO_THROW(load("[hsm]\nmodule = \"/usr/lib/other.so\"\n"));
}

TEST_F(ConfigTest, NamesFileLineAndKeyOfWhatIsWrong) {
  EXPECT_EQ(refusal("[node]\nhots = \"x\"\n"),
            "ringfence.toml:2: unknown key node.hots; known are host, domain, organization, "
            "organization_unit, locality, state, country");
  EXPECT_EQ(refusal("[network]\nport_offset = 99999\n"),
            "ringfence.toml:2: network.port_offset must be a number from 0 to 58000");
  EXPECT_EQ(refusal("[network]\nlisten = \"here\"\n"),
            "ringfence.toml: network.listen must be an IPv4 address, not 'here'");
  EXPECT_EQ(refusal("[trust]\nrelease = \"13\"\n"),
            "ringfence.toml: trust.release must be \"11.5\" or \"12\", not \"13\"");
  EXPECT_EQ(refusal("[nodes]\n"),
            "ringfence.toml:1: unknown section [nodes]; known are node, network, trust, capf, "
            "callmanager, mail, log, hsm");
  EXPECT_EQ(refusal("[node\n").substr(0, 17), "ringfence.toml:1:");
}

TEST_F(ConfigTest, RefusesWhatHasAnotherShape) {
  EXPECT_EQ(refusal("trust = \"12\"\n"),
            "ringfence.toml:1: trust must be a section: a line [trust], and below it its keys");
  EXPECT_EQ(refusal("\n[[node]]\nhost = \"a\"\n"),
            "ringfence.toml:2: node must be a section: a line [node], and below it its keys");
  EXPECT_EQ(refusal("network = []\n"),
            "ringfence.toml:1: network must be a section: a line [network], and below it its keys");
  EXPECT_EQ(refusal("hsm = 1\n"),
            "ringfence.toml:1: hsm must be a section: a line [hsm], and below it its keys");
  EXPECT_EQ(
      refusal("release = \"12\"\n"),
      "ringfence.toml:1: release stands outside of a section: it belongs below a line [trust]");
  EXPECT_EQ(refusal("[trust.release]\nis = \"12\"\n"),
            "ringfence.toml:1: trust.release must be text of at most 8 characters");
  EXPECT_EQ(refusal("[node]\nhost = [\"a\"]\n"),
            "ringfence.toml:2: node.host must be text of at most 48 characters");
  EXPECT_EQ(refusal("[capf]\nlegacy_tls = 1\n"),
            "ringfence.toml:2: capf.legacy_tls must be true or false");
  EXPECT_NO_THROW(load("trust.release = \"12\"\nnode = {host = \"a\"}\n"));
}

/// Whatever is accepted can be issued, for every unit, and stands in a trust list.
TEST_F(ConfigTest, BoundsNamesByWhatCertificatesCanHold) {
  const auto with = [](const std::string& key, std::size_t size) {
    return "[node]\n" + key + " = \"" + std::string(size, 'x') + "\"\n";
  };
  for (const std::string key : {"organization", "organization_unit", "locality", "state"}) {
    EXPECT_EQ(refusal(with(key, 65)),
              "ringfence.toml:2: node." + key + " must be text of at most 64 characters");
    EXPECT_NO_THROW(load(with(key, 64)));
  }
  const std::string most(64, 'x');
  const Config config = load("[node]\nhost = \"" + std::string(48, 'h') + "\"\norganization = \"" +
                             most + "\"\norganization_unit = \"" + most + "\"\nlocality = \"" +
                             most + "\"\nstate = \"" + most + "\"\ncountry = \"DE\"\n");
  const EvpPkey key(EVP_EC_gen("P-256"));
  for (const Unit unit : kUnits)
    EXPECT_NO_THROW(
        issue_self_signed(unit, config.node(), *key, nullptr, from_seconds(1'795'000'000)));
  EXPECT_EQ(refusal("[node]\nlocality = \"Ber\\u0000lin\"\n"),
            "ringfence.toml:2: node.locality must not have control characters: it stands in the "
            "names of certificates");
  EXPECT_EQ(refusal("[node]\ncountry = \"4!\"\n"),
            "ringfence.toml: node.country must have two letters");
}

TEST_F(ConfigTest, IsNotReadWhereOthersCanWrite) {
  load("");
  std::filesystem::permissions(folder_.path(), static_cast<std::filesystem::perms>(0777));
  try {
    Config::load(folder_.path());
    ADD_FAILURE() << "it was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::refused);
    EXPECT_EQ(error.what(), folder_.path().string() +
                                " can be changed by other users: chmod go-w " +
                                folder_.path().string());
  }
}

}  // namespace
}  // namespace ringfence::core
