#include "core/trust/node_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/certificates/certificate_store.h"
#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "core/storage/rows.h"
#include "core/storage/schema.h"
#include "core/trust/list_store.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

const Time kNow = from_seconds(1'795'255'200);

Bytes certificate(Unit unit, const std::string& host) {
  const EvpPkey key = test::ec_key("P-256");
  return to_der(*issue_self_signed(unit, {host, {}}, *key, nullptr, kNow));
}

ClusterNode node(const std::string& name) {
  ClusterNode one;
  one.name = name;
  one.domain = "example.com";
  one.addresses = {"192.0.2.8", name + ".example.com"};
  one.ports = {15060, 15061, 12445, 13804};
  one.services = {NodeService::tftp, NodeService::tvs};
  for (const Unit unit : {Unit::tvs, Unit::call_manager})
    one.certificates[unit] = shared_certificate(certificate(unit, name));
  return one;
}

class NodeStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  NodeStore store_{database_};
};

TEST_F(NodeStoreTest, BeginsWithThisNodeAsThePublisher) {
  const Cluster cluster = store_.cluster(Release::r12);
  ASSERT_EQ(cluster.nodes.size(), 1U);
  EXPECT_EQ(cluster.nodes[0].id, kThisNode);
  EXPECT_EQ(cluster.nodes[0].role, NodeRole::publisher);
  EXPECT_EQ(cluster.nodes[0].services.size(), 4U);
  EXPECT_EQ(cluster.mode, ClusterMode::non_secure);
  EXPECT_EQ(cluster.release, Release::r12);
  EXPECT_EQ(cluster.digest, Digest::sha1);
}

TEST_F(NodeStoreTest, KeepsWhereThisNodeIsFoundAndItsCertificates) {
  ClusterNode self = node("voice-a");
  self.id = kThisNode;
  self.role = NodeRole::publisher;
  store_.describe_this(self);
  const Bytes der = certificate(Unit::capf, "voice-a");
  CertificateStore(database_).replace({Unit::capf, der, {"CAPF", 1}, kNow, ""}, {});
  const Cluster cluster = store_.cluster(Release::r11_5);
  EXPECT_EQ(cluster.nodes[0].name, "voice-a");
  EXPECT_EQ(cluster.nodes[0].addresses, self.addresses);
  EXPECT_EQ(cluster.nodes[0].ports, self.ports);
  ASSERT_EQ(cluster.nodes[0].certificates.size(), 1U);
  EXPECT_EQ(to_der(*cluster.nodes[0].certificate(Unit::capf)), der);
}

TEST_F(NodeStoreTest, WritesNothingWhenThisNodesRowIsRight) {
  Database reader(folder_ / "admin.db", Schema::admin, Access::read_only);
  ClusterNode self = store_.list()[0];
  const Change before = reader.change();
  store_.describe_this(self);
  EXPECT_EQ(reader.change(), before);
  self.ports.tvs = 3445;
  store_.describe_this(self);
  EXPECT_NE(reader.change(), before);
}

TEST_F(NodeStoreTest, AddsReplacesAndRemovesAnotherNode) {
  CertificateStore certificates(database_);
  certificates.replace({Unit::tvs, certificate(Unit::tvs, "voice-a"), {"TVS", 4}, kNow, ""}, {});
  ClusterNode other = node("voice-b");
  const NodeId id = store_.save(other, kNow);
  EXPECT_EQ(id, 2);
  Cluster cluster = store_.cluster(Release::r11_5);
  ASSERT_EQ(cluster.nodes.size(), 2U);
  EXPECT_EQ(cluster.nodes[1].name, "voice-b");
  EXPECT_EQ(cluster.nodes[1].role, NodeRole::subscriber);
  EXPECT_EQ(cluster.nodes[1].services, other.services);
  EXPECT_EQ(cluster.nodes[1].certificates.size(), 2U);
  EXPECT_EQ(store_.imported_at(id), kNow);
  EXPECT_EQ(store_.imported_at(kThisNode), std::nullopt);
  EXPECT_EQ(certificates.all_own().size(), 1U) << "another node's certificates are not our own";

  other.id = id;
  other.certificates.erase(Unit::call_manager);
  EXPECT_EQ(store_.save(other, kNow), id);
  EXPECT_EQ(store_.cluster(Release::r11_5).nodes[1].certificates.size(), 1U);
  EXPECT_EQ(store_.save(node("voice-c"), kNow), 3);

  ListStore lists(database_);
  lists.add({0, ListKind::itl, "CallManager", "ab", "test", {1}, kNow, id});
  lists.add({0, ListKind::itl, "CallManager", "cd", "test", {2}, kNow});
  EXPECT_EQ(lists.last(ListKind::itl)->sha1, "cd");
  EXPECT_EQ(lists.last(ListKind::itl, id)->sha1, "ab");
  store_.remove(id);
  cluster = store_.cluster(Release::r11_5);
  ASSERT_EQ(cluster.nodes.size(), 2U);
  EXPECT_EQ(cluster.nodes[1].name, "voice-c");
  EXPECT_FALSE(lists.last(ListKind::itl, id).has_value());
  EXPECT_TRUE(lists.last(ListKind::itl).has_value());
  EXPECT_EQ(test::sqlite3(folder_ / "admin.db", "select count(*) from certificate"), "3");
}

TEST_F(NodeStoreTest, KeepsThisNodesRow) {
  ClusterNode self = node("voice-b");
  self.id = kThisNode;
  EXPECT_THROW(store_.save(self, kNow), Error);
  EXPECT_THROW(store_.remove(kThisNode), Error);
}

TEST(NodeMigration, MakesAnExistingHouseOneRow) {
  const test::TemporaryFolder folder;
  const auto path = folder / "admin.db";
  const Bytes der = certificate(Unit::tvs, "voice-a");
  {
    soci::session sql("sqlite3", path.string());
    constexpr std::size_t kBeforeNodes = 5;
    migrate(sql, migrations(Schema::admin).first(kBeforeNodes));
    sql << "pragma application_id = " + std::to_string(application_id(Schema::admin));
    const std::string hex = to_hex(der);
    sql << "insert into certificate (unit, der, key_label, key_version, created, description)"
           " values ('TVS', :der, 'TVS', 7, 1795255200, 'kept')",
        soci::use(hex);
    sql << "insert into trust_list_version (id, kind, signer, sha1, reason, content, published)"
           " values (3, 'ITL', 'CallManager', 'abcd', 'first start', '0102', 1795255200)";
  }
  Database database(path, Schema::admin, Access::read_write);
  const auto own = CertificateStore(database).own(Unit::tvs);
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->der, der);
  EXPECT_EQ(own->key, (KeyRef{"TVS", 7}));
  EXPECT_EQ(own->description, "kept");
  EXPECT_EQ(ListStore(database).last(ListKind::itl)->id, 3);
  const Cluster cluster = NodeStore(database).cluster(Release::r11_5);
  ASSERT_EQ(cluster.nodes.size(), 1U);
  EXPECT_EQ(cluster.nodes[0].certificates.size(), 1U);
  EXPECT_EQ(test::sqlite3(path, "pragma foreign_key_check"), "");
}

}  // namespace
}  // namespace ringfence::core
