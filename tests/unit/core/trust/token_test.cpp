// Certificates and lists signed by keys that never leave a real (SoftHSM) token.
#include "core/crypto/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "core/trust/facts.h"
#include "core/trust/itl.h"
#include "core/trust/signed_file.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

const Node kNode = {"ringfence", {"Voice", "Example", "Prague", "", "CZ"}};

TEST(TokenKeys, CarryANodeFromItsFirstCertificateToASignedConfiguration) {
  const test::TemporaryFolder folder;
  test::SignerProcess signer(folder.path());
  Token token(signer.socket("admin"));
  const Time now = SystemClock().now();

  std::map<Unit, EvpPkey> keys;
  std::map<Unit, X509Cert> certificates;
  for (const Unit unit : kUnits) {
    keys[unit] = token.key(token.generate(std::string(name(unit)), key_spec_of(unit)));
    certificates[unit] = issue_self_signed(unit, kNode, *keys[unit], token.context(), now);
  }
  const auto certificate = [&](Unit unit) { return certificates[unit].get(); };
  EXPECT_EQ(common_name_of(*certificate(Unit::call_manager_ecdsa)), "ringfence-EC");
  EXPECT_EQ(public_key_of(*certificate(Unit::call_manager_ecdsa)).size(), 97U);

  const EvpPkey phone_key = test::ec_key("P-256");
  const X509Cert lsc = issue_lsc({"SEP001122334455", "CP-8861", test::spki_der(*phone_key)},
                                 *certificate(Unit::capf), *keys[Unit::capf], token.context(), now);
  write_atomically(folder / "capf.pem", bytes_of(to_pem(*certificate(Unit::capf))));
  write_atomically(folder / "lsc.pem", bytes_of(to_pem(*lsc)));
  const auto verified =
      test::run_openssl("verify -x509_strict -CAfile " + (folder / "capf.pem").string() + " " +
                        (folder / "lsc.pem").string());
  EXPECT_EQ(verified.status, 0) << verified.output;

  Cluster cluster;
  ClusterNode& self = cluster.nodes.emplace_back();
  self.id = kThisNode;
  self.role = NodeRole::publisher;
  self.name = kNode.host;
  self.services = {NodeService::tftp, NodeService::tvs, NodeService::capf};
  for (const Unit unit : kUnits)
    self.certificates[unit] = shared_certificate(to_der(*certificate(unit)));
  const auto records = itl_records(cluster, self);
  const auto signer_with = [&](Unit unit) {
    return FileSigner{certificate(unit), keys[unit].get(), token.context()};
  };
  const Bytes itl =
      build_trust_list(ListKind::itl, records, signer_with(Unit::call_manager), Digest::sha1, now);
  EXPECT_EQ(facts_of(ListKind::itl, itl, now).state, "verified");
  const TrustList trusted = parse_trust_list(itl);
  const Bytes recovered = build_trust_list(ListKind::itl, records, signer_with(Unit::itl_recovery),
                                           Digest::sha512, now);
  EXPECT_NO_THROW(verify_file(recovered, find_signer_in(trusted)));
  const Bytes configuration = sign_file("SEP001122334455.cnf.xml", bytes_of("<device/>"),
                                        signer_with(Unit::call_manager), Digest::sha1, now);
  EXPECT_NO_THROW(verify_file(configuration, find_signer_in(trusted)));

  signer.stop();
  try {
    build_trust_list(ListKind::itl, records, signer_with(Unit::call_manager), Digest::sha1, now);
    FAIL() << "signed without a signer";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::hsm_unavailable) << error.what();
  }
  try {
    issue_lsc({"SEP1", "", test::spki_der(*phone_key)}, *certificate(Unit::capf), *keys[Unit::capf],
              token.context(), now);
    FAIL() << "issued without a signer";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::hsm_unavailable) << error.what();
  }
}

}  // namespace
}  // namespace ringfence::core
