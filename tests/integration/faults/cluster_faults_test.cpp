// Importing and removing nodes while the list cannot be written or published: all or nothing, and
// what is in force is told.
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "services/admin/wiring.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

namespace fs = std::filesystem;
using core::ClusterNode;
using core::Unit;
using testing::ElementsAre;
using testing::HasSubstr;

ClusterNode other() {
  ClusterNode node;
  node.name = "voice-b";
  node.addresses = {"192.0.2.8"};
  node.services = {core::NodeService::tvs};
  const core::EvpPkey key(EVP_RSA_gen(2048));
  node.certificates[Unit::tvs] = core::shared_certificate(core::to_der(*core::issue_self_signed(
      Unit::tvs, {"voice-b", {}}, *key, nullptr, core::SystemClock().now())));
  return node;
}

class ClusterFaults : public testing::Test {
 protected:
  void SetUp() override {
    keeper_.ensure_certificates();
    keeper_.ensure_itl("first start");
    for (const core::AuditRecord& one : house_.audit.last(1)) before_ = one.sequence;
  }

  std::optional<ClusterKeeper::Done> import() {
    return cluster_.apply("anna", [&](const core::Cluster& now) {
      ClusterKeeper::Change change;
      change.after = now;
      change.after.nodes.push_back(node_);
      change.after.nodes.back().id = 2;
      change.write = [&] { core::NodeStore(house_.database).save(node_, house_.clock.now()); };
      change.event = "CLUSTER_NODE_IMPORT";
      change.reason = "import of node voice-b";
      change.detail = {{"node", "voice-b"}};
      return std::optional(std::move(change));
    });
  }

  std::size_t nodes() { return core::NodeStore(house_.database).list().size(); }

  std::vector<std::string> audited() const {
    std::vector<std::string> events;
    for (const core::AuditRecord& one : house_.audit.last(100))
      if (one.sequence > before_) events.push_back(one.event);
    return events;
  }

  std::size_t records() const {
    return core::parse_trust_list(core::read_file(list(), kMaxListBytes)).records.size();
  }

  fs::path list() const { return folder_ / "tftp" / "ITLFile.tlv"; }

  test::TemporaryFolder folder_;
  test::SignerProcess signer_{folder_.path()};
  mutable House house_{folder_.path()};
  TrustWiring trust_{house_};
  TrustKeeper& keeper_ = trust_.keeper;
  ClusterKeeper& cluster_ = trust_.cluster;
  ClusterNode node_ = other();
  std::int64_t before_ = 0;
};

TEST_F(ClusterFaults, AChangeIsInForceAtOnceAndAgainAfterARestoredFile) {
  const auto done = import();
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->itl_sha1, keeper_.served_itl_sha1());
  EXPECT_EQ(nodes(), 2U);
  EXPECT_EQ(records(), 7U);
  EXPECT_THAT(audited(), ElementsAre("CLUSTER_NODE_IMPORT_INTENT", "CLUSTER_NODE_IMPORT_DONE"));
  EXPECT_FALSE(keeper_.ensure_itl("start").has_value()) << "the list is that of the nodes";
  keeper_.regenerate(Unit::capf, "anna");
  EXPECT_EQ(records(), 7U) << "a regeneration keeps the other nodes";
  keeper_.reset_localkey();
  EXPECT_EQ(records(), 7U) << "and so does a recovery list";
}

TEST_F(ClusterFaults, AListThatCannotBeWrittenLeavesTheNodesAsTheyWere) {
  const core::Bytes served = core::read_file(list(), kMaxListBytes);
  fs::create_directories(list().string() + ".next/in-the-way");
  EXPECT_THROW(import(), core::Error);
  EXPECT_EQ(nodes(), 1U);
  EXPECT_EQ(core::read_file(list(), kMaxListBytes), served);
  EXPECT_THAT(audited(), ElementsAre("CLUSTER_NODE_IMPORT_INTENT", "CLUSTER_NODE_IMPORT_FAILED"));
  EXPECT_THAT(house_.audit.last(1).front().detail, HasSubstr("the earlier nodes and ITL"));
}

TEST_F(ClusterFaults, AListThatCannotBePublishedIsSaidAndPublishedLater) {
  fs::remove(list());
  fs::create_directories(list() / "in-the-way");
  try {
    import();
    FAIL() << "published over a folder";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::io);
    EXPECT_THAT(error.what(), HasSubstr("the nodes are changed, but the ITL"));
  }
  EXPECT_EQ(nodes(), 2U);
  EXPECT_THAT(house_.audit.last(1).front().detail, HasSubstr("the new nodes and the earlier ITL"));
  fs::remove_all(list());
  ASSERT_TRUE(keeper_.ensure_itl("restart of Cisco Tftp").has_value());
  EXPECT_EQ(records(), 7U);
}

TEST_F(ClusterFaults, EachKindAndNodeHasItsOwnListLastGoodCopyAndHistory) {
  import();
  const core::Bytes mine = core::read_file(list(), kMaxListBytes);
  const NodeCertificates all = {house_.certificates.all_own(),
                                cluster_of(house_.database, house_.config)};
  Publisher here(house_.config, house_.database, house_.token, house_.clock);
  Publisher there(house_.config, house_.database, house_.token, house_.clock, core::ListKind::itl,
                  2);
  EXPECT_EQ(there.served_sha1(), "");
  const std::string sha1 = here.served_sha1();
  SignedList signed_list = there.build(all);
  const std::lock_guard lock(house_.trust_mutex);
  there.prepare(signed_list);
  there.record(signed_list, "test");
  there.publish(signed_list, "test");
  EXPECT_EQ(there.served_sha1(), signed_list.sha1);
  EXPECT_EQ(here.served_sha1(), sha1);
  EXPECT_EQ(core::read_file(list(), kMaxListBytes), mine);
  const fs::path theirs = node_list_path(house_.config, core::ListKind::itl, 2);
  EXPECT_EQ(core::read_file(theirs.string() + ".good", kMaxListBytes), signed_list.file);
  core::write_atomically(theirs, core::bytes_of("damaged"));
  EXPECT_EQ(there.ensure(all, "test")->by, Ensured::By::last_good);
  EXPECT_EQ(core::read_file(theirs, kMaxListBytes), signed_list.file);
}

TEST_F(ClusterFaults, NothingToBeDoneWritesNothing) {
  const std::string sha1 = keeper_.served_itl_sha1();
  EXPECT_FALSE(
      cluster_
          .apply("anna",
                 [](const core::Cluster&) { return std::optional<ClusterKeeper::Change>(); })
          .has_value());
  EXPECT_THAT(audited(), testing::IsEmpty());
  EXPECT_EQ(keeper_.served_itl_sha1(), sha1);
}

}  // namespace
}  // namespace ringfence::services::admin
