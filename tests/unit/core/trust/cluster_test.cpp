// Trust lists as functions of a cluster: the two-node list of lsc-on-ip-phones.txt among them.
#include "core/trust/cluster.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/trust/itl.h"
#include "tests/support/golden.h"
#include "tests/unit/core/trust/node.h"
#include "tests/unit/core/trust/sized_certificate.h"

namespace ringfence::core {
namespace {

using test::sized_certificate;
using test::TestNode;
using testing::ElementsAre;

const TestNode& node() {
  return TestNode::shared();
}

/// Lab is the publisher and the subscriber of lsc-on-ip-phones.txt: its names, serial numbers, and
/// lengths of certificates; keys and what the document leaves out are ours.
struct Lab {
  Lab() {
    cluster.nodes.resize(2);
    ClusterNode& publisher = cluster.nodes[0];
    publisher.id = kThisNode;
    publisher.role = NodeRole::publisher;
    publisher.name = "ao115pub";
    publisher.addresses = {"10.122.138.102"};
    publisher.services = {NodeService::call_manager, NodeService::tftp, NodeService::tvs,
                          NodeService::capf};
    ClusterNode& subscriber = cluster.nodes[1];
    subscriber.id = 2;
    subscriber.name = "ao115sub";
    subscriber.addresses = {"10.122.138.103"};
    subscriber.services = {NodeService::call_manager, NodeService::tftp, NodeService::tvs};
    give(publisher, Unit::capf, {"CAPF-7f0ae8d7", "64F2FE613B79C5D362E26DAB4A8B761B", 0});
    give(publisher, Unit::tvs, {"ao115pub", "6B993115D1555E759C428ACEF27EEAE8", 0});
    give(publisher, Unit::itl_recovery,
         {"ITLRECOVERY_ao115pub", "51BB2F1CEE8002166269519A14F6037E", 963});
    give(publisher, Unit::call_manager, {"ao115pub", "11223344556677889900AABBCCDDEEFF", 959});
    give(publisher, Unit::call_manager_ecdsa,
         {"ao115pub-EC", "21223344556677889900AABBCCDDEEFF", 0});
    give(subscriber, Unit::tvs, {"ao115sub", "65E51072E7F877DAF134D5E35AE01741", 0});
    give(subscriber, Unit::call_manager, {"ao115sub", "48F7D2F3A26637F2DDDFC47CE6B9CD44", 959});
    give(subscriber, Unit::call_manager_ecdsa,
         {"ao115sub-EC", "53CC1D87BA6A28BDDA22B249568B516C", 651, 103});
  }

  void give(ClusterNode& to, Unit unit, const test::SizedSubject& subject) {
    EvpPkey& key = keys[{to.id, unit}];
    key = unit == Unit::call_manager_ecdsa ? test::ec_key("P-384") : test::rsa_key();
    to.certificates[unit] = shared_certificate(to_der(*sized_certificate(subject, *key)));
  }

  /// list is the file that a node serves, signed by its CallManager and verified.
  Bytes list(ListKind kind, const ClusterNode& of) const {
    const FileSigner signer = {of.certificate(Unit::call_manager),
                               keys.at({of.id, Unit::call_manager}).get(), nullptr};
    Bytes file = build_trust_list(kind, list_records(kind, cluster, of), signer, cluster.digest,
                                  test::kNodeTime);
    const TrustList parsed = parse_trust_list(file);
    verify_file(file, find_signer_in(parsed));
    return file;
  }

  Cluster cluster;
  std::map<std::pair<NodeId, Unit>, EvpPkey> keys;
};

const Lab& lab() {
  static const Lab one;
  return one;
}

/// text_of_records lays records out as the columns of `show itl` that depend on nothing but the
/// document: number, length, role, what of the certificate, names, serial number.
std::string text_of_records(const TrustList& list) {
  std::string text;
  int number = 0;
  for (const Record& record : list.records)
    text += fmt::format(
        "{} RECORDLENGTH {} {} DNSNAME {} '{}' PUBLICKEY {} SIGNATURE {} {} {} {}\n", ++number,
        record.length, describe(record.function), record.dns_name_length,
        record.dns_name.value_or(""), record.public_key.size(), record.signature.size(),
        record.certificate.empty() ? std::string("CERTHASH")
                                   : fmt::format("CERTIFICATE {}", record.certificate.size()),
        to_hex(record.serial, Case::upper, ":"), record.subject);
  return text;
}

TEST(ClusterItl, IsTheSevenRecordListOfASubscriber) {
  const Cluster& cluster = lab().cluster;
  const TrustList list = parse_trust_list(lab().list(ListKind::itl, cluster.node(2)));
  std::vector<int> lengths;
  for (const Record& record : list.records) lengths.push_back(record.length);
  EXPECT_THAT(lengths, ElementsAre(727, 717, 1680, 717, 1652, 1652, 1031));
  EXPECT_EQ(list.header.signer.subject,
            "CN=ao115sub;OU=TAC;O=Cisco Systems;L=Boxborough;ST=MA;C=US");
  EXPECT_EQ(signer_record_in(list), 4U) << "the fifth record signed it, not ITLRecovery";
  test::expect_golden("trust/two_node_itl.txt", text_of_records(list));
}

TEST(ClusterItl, OfThePublisherHasTheSameOrderAndItsOwnSigner) {
  const Cluster& cluster = lab().cluster;
  const TrustList list = parse_trust_list(lab().list(ListKind::itl, cluster.publisher()));
  ASSERT_EQ(list.records.size(), 7U);
  const Unit units[] = {Unit::capf,         Unit::tvs,          Unit::itl_recovery,      Unit::tvs,
                        Unit::call_manager, Unit::call_manager, Unit::call_manager_ecdsa};
  for (std::size_t i = 0; i < 7; ++i) {
    const ClusterNode& owner = i == 3 ? cluster.node(2) : cluster.publisher();
    EXPECT_TRUE(list.records[i].matches(to_der(*owner.certificate(units[i])))) << i;
  }
  EXPECT_EQ(list.records[6].dns_name, "ao115pub");
}

TEST(ClusterItl, ListsTheTvsOfEveryNodeThatRunsOneOnce) {
  Cluster cluster = lab().cluster;
  ClusterNode third = cluster.nodes[1];
  third.id = 3;
  third.name = "shares-the-certificate";
  cluster.nodes.push_back(third);
  EXPECT_EQ(itl_records(cluster, cluster.publisher()).size(), 7U);
  cluster.nodes[2].certificates[Unit::tvs] = shared_certificate(to_der(*node().tvs.certificate));
  EXPECT_EQ(itl_records(cluster, cluster.publisher()).size(), 8U);
  cluster.nodes[2].services.erase(NodeService::tvs);
  EXPECT_EQ(itl_records(cluster, cluster.publisher()).size(), 7U);
}

TEST(ClusterItl, OfOneNodeHasTheRecordsOfTheSampleInItsOrder) {
  const Cluster& cluster = node().cluster;
  const auto records = itl_records(cluster, cluster.nodes[0]);
  const std::pair<Role, Content> expected[] = {
      {Role::capf, Content::hash}, {Role::tvs, Content::hash},  {Role::sast, Content::full},
      {Role::sast, Content::full}, {Role::tftp, Content::full}, {Role::tftp, Content::full}};
  ASSERT_EQ(records.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(records[i].function, expected[i].first) << i;
    EXPECT_EQ(records[i].content, expected[i].second) << i;
    EXPECT_EQ(records[i].dns_name, i == 5 ? "ao115sub" : "") << i;
  }
  const Unit units[] = {Unit::capf,         Unit::tvs,          Unit::itl_recovery,
                        Unit::call_manager, Unit::call_manager, Unit::call_manager_ecdsa};
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(records[i].certificate, cluster.nodes[0].certificate(units[i])) << i;
}

TEST(ClusterItl, LeavesOutWhatTheNodeDoesNotHaveOrRun) {
  Cluster cluster = node().cluster;
  cluster.nodes[0].services.erase(NodeService::capf);
  auto records = itl_records(cluster, cluster.nodes[0]);
  ASSERT_EQ(records.size(), 5U);
  EXPECT_EQ(records[0].function, Role::tvs);
  cluster.nodes[0].certificates.erase(Unit::call_manager_ecdsa);
  EXPECT_EQ(itl_records(cluster, cluster.nodes[0]).size(), 4U);
  cluster.nodes[0].role = NodeRole::subscriber;
  EXPECT_THROW(itl_records(cluster, cluster.nodes[0]), Error);
}

TEST(ClusterCtl, IsThereInMixedModeOnly) {
  Cluster cluster = lab().cluster;
  EXPECT_TRUE(ctl_records(cluster).empty());
  cluster.mode = ClusterMode::mixed;
  EXPECT_FALSE(ctl_records(cluster).empty());
}

TEST(ClusterCtl, HasEveryNodeWithNameAndAddressAndNeverTvs) {
  Lab mixed;
  mixed.cluster.mode = ClusterMode::mixed;
  const Cluster& cluster = mixed.cluster;
  const TrustList list = parse_trust_list(mixed.list(ListKind::ctl, cluster.publisher()));
  const std::tuple<Role, Unit, NodeId> expected[] = {{Role::sast, Unit::call_manager, 1},
                                                     {Role::ccm_tftp, Unit::call_manager, 1},
                                                     {Role::capf, Unit::capf, 1},
                                                     {Role::sast, Unit::itl_recovery, 1},
                                                     {Role::ccm_tftp, Unit::call_manager, 2},
                                                     {Role::ccm_tftp, Unit::call_manager_ecdsa, 1},
                                                     {Role::ccm_tftp, Unit::call_manager_ecdsa, 2}};
  ASSERT_EQ(list.records.size(), 7U);
  for (std::size_t i = 0; i < 7; ++i) {
    const auto& [function, unit, id] = expected[i];
    const ClusterNode& owner = cluster.node(id);
    EXPECT_EQ(list.records[i].function, function) << i;
    EXPECT_EQ(list.records[i].certificate, to_der(*owner.certificate(unit))) << i;
    EXPECT_EQ(list.records[i].dns_name, owner.name) << i;
    EXPECT_EQ(list.records[i].ip_address,
              (Bytes{10, 122, 138, static_cast<std::uint8_t>(id == 1 ? 102 : 103)}))
        << i;
  }
}

TEST(ClusterLists, AreSignedByTheReleasesSignerAndRecoveredByTheOther) {
  EXPECT_EQ(normal_signer_of(*release_named("11.5")), Unit::call_manager);
  EXPECT_EQ(recovery_signer_of(*release_named("11.5")), Unit::itl_recovery);
  EXPECT_EQ(normal_signer_of(*release_named("12")), Unit::itl_recovery);
  EXPECT_EQ(recovery_signer_of(*release_named("12")), Unit::call_manager);
  EXPECT_FALSE(release_named("13").has_value());
}

TEST(Cluster, NamesANodeThatItDoesNotHave) {
  EXPECT_EQ(lab().cluster.find(7), nullptr);
  EXPECT_THROW(lab().cluster.node(7), Error);
  EXPECT_THROW(Cluster().publisher(), Error);
}

}  // namespace
}  // namespace ringfence::core
