// A node's five certificates with keys, for tests of trust lists.
#pragma once

#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "core/trust/itl.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::test {

inline const core::Time kNodeTime = core::from_seconds(1479761383);  // 2016-11-21 20:49:43 UTC

/// TestNode makes keys in OpenSSL's own context; one is shared by all tests of a program.
struct TestNode {
  struct Identity {
    core::EvpPkey key;
    core::X509Cert certificate;
  };

  static Identity identity(core::Unit unit) {
    const core::Node node = {"ao115sub", {"TAC", "Cisco Systems", "Boxborough", "MA", "US"}};
    Identity made;
    made.key = unit == core::Unit::call_manager_ecdsa ? ec_key("P-384") : rsa_key();
    made.certificate = core::issue_self_signed(unit, node, *made.key, nullptr, kNodeTime);
    return made;
  }

  static const TestNode& shared() {
    static const TestNode node;
    return node;
  }

  /// The node as a cluster of one, its publisher.
  core::Cluster as_cluster() const {
    using core::NodeService;
    core::ClusterNode node{
        core::kThisNode, core::NodeRole::publisher, "ao115sub", "", {"192.0.2.1"}, {}};
    node.services = {NodeService::call_manager, NodeService::tftp, NodeService::tvs,
                     NodeService::capf};
    const std::pair<core::Unit, const Identity&> units[] = {
        {core::Unit::itl_recovery, itl_recovery},
        {core::Unit::call_manager, call_manager},
        {core::Unit::call_manager_ecdsa, call_manager_ecdsa},
        {core::Unit::capf, capf},
        {core::Unit::tvs, tvs}};
    for (const auto& [unit, identity] : units)
      node.certificates[unit] = core::shared_certificate(core::to_der(*identity.certificate));
    return {{std::move(node)}};
  }

  core::Bytes itl(const Identity& signer, core::Digest digest = core::Digest::sha1) const {
    return core::build_trust_list(core::ListKind::itl, core::itl_records(cluster, cluster.nodes[0]),
                                  {signer.certificate.get(), signer.key.get(), nullptr}, digest,
                                  kNodeTime);
  }

  Identity itl_recovery = identity(core::Unit::itl_recovery);
  Identity call_manager = identity(core::Unit::call_manager);
  Identity call_manager_ecdsa = identity(core::Unit::call_manager_ecdsa);
  Identity capf = identity(core::Unit::capf);
  Identity tvs = identity(core::Unit::tvs);
  core::Cluster cluster = as_cluster();
};

}  // namespace ringfence::test
