// What a TLS server shows: its identities and their chains, seen by the openssl program.
#include "core/base/error.h"
#include "core/net/tls.h"
#include "tests/unit/core/net/tls_house.h"

namespace ringfence::core {
namespace {

using test::OpensslCa;
using testing::HasSubstr;
using testing::Not;

std::size_t certificates_in(const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find("-----BEGIN CERTIFICATE", at)) != std::string::npos;
       ++at)
    ++count;
  return count;
}

class TlsServerTest : public test::TlsHouse {
 protected:
  TlsIdentity chained(Unit unit) {
    TlsIdentity one = identity(unit, &lower);
    one.chain = {lower.der(), upper.der()};
    return one;
  }

  /// verified are the words of a client that knows the root alone.
  std::string verified() const {
    return "-verify_return_error -CAfile " + root.certificate().string() + " ";
  }

  OpensslCa root{folder.path(), "root"};
  OpensslCa upper{folder.path(), "upper", &root};
  OpensslCa lower{folder.path(), "lower", &upper};
};

TEST_F(TlsServerTest, SendsEachIdentityWithItsOwnChainAndWithoutTheRoot) {
  serve_with({.identities = {chained(Unit::call_manager), chained(Unit::call_manager_ecdsa)}});
  for (const std::string version : {"-tls1_2 ", "-tls1_3 "}) {
    for (const auto& [algorithms, name] :
         {std::pair<std::string, std::string>{"rsa_pss_rsae_sha256", "CN = CallManager\n"},
          {"ecdsa_secp384r1_sha384:ecdsa_secp256r1_sha256", "CN = CallManager-ECDSA\n"}}) {
      const Shook shook =
          shake(verified() + version +
                "-showcerts -nameopt sep_comma_plus_space,space_eq -sigalgs " + algorithms);
      EXPECT_TRUE(shook.served) << version << algorithms << shook.said;
      EXPECT_EQ(certificates_in(shook.said), 3U) << "itself and two CAs: " << shook.said;
      EXPECT_THAT(shook.said, HasSubstr(" 0 s:O = Example, " + name));
      EXPECT_THAT(shook.said, HasSubstr(" 1 s:C = DE, O = Other-House, CN = lower\n"));
      EXPECT_THAT(shook.said, HasSubstr(" 2 s:C = DE, O = Other-House, CN = upper\n"));
      EXPECT_THAT(shook.said, HasSubstr("Verify return code: 0 (ok)"));
    }
  }
}

TEST_F(TlsServerTest, SendsItselfAloneWhereThereIsNoChain) {
  serve_with({.identities = {identity(Unit::tvs)}});
  EXPECT_EQ(certificates_in(shake("-showcerts").said), 1U);
  serve_with({.identities = {identity(Unit::capf, &lower)}});
  const Shook shook = shake(verified() + "-showcerts");
  EXPECT_FALSE(shook.served) << "which is why chains are sent";
  EXPECT_THAT(shook.said, HasSubstr("unable to get local issuer certificate"));
}

TEST_F(TlsServerTest, LeavesOutACaThatTlsDoesNotAllow) {
  const std::string weak = path("weak.pem");
  test::openssl("req -x509 -newkey rsa:512 -nodes -keyout " + path("weak.key") + " -out " + weak +
                " -days 9 -subj /CN=weak");
  TlsIdentity one = identity(Unit::capf, &lower);
  one.chain = {lower.der(), der_of(core::text_of(core::read_file(weak, 1 << 16))), upper.der()};
  serve_with({.identities = {one}});
  const Shook shook = shake("-showcerts");
  EXPECT_TRUE(shook.served) << shook.said;
  EXPECT_EQ(certificates_in(shook.said), 2U);
}

TEST_F(TlsServerTest, RefusesWhatCannotBeShown) {
  TlsIdentity swapped = identity(Unit::capf);
  swapped.certificate = root.der();
  EXPECT_THROW(make_tls_server(token, {.identities = {swapped}}), Error);
  TlsIdentity garbled = identity(Unit::tvs);
  garbled.chain = {Bytes{1, 2, 3}};
  EXPECT_THROW(make_tls_server(token, {.identities = {garbled}}), Error);
  EXPECT_THROW(make_tls_server(token, {.identities = {identity(Unit::call_manager)},
                                       .peers = {PeerPolicy::Certificate::ask, nullptr}}),
               Error);
}

}  // namespace
}  // namespace ringfence::core
