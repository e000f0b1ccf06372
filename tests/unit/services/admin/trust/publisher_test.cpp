// Publishing that fails: what is in force then, and what mends it.
#include "services/admin/trust/publisher.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/net/rpc.h"
#include "services/admin/node/this_node.h"
#include "tests/unit/services/admin/trust/made_house.h"

namespace ringfence::services::admin {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class FailingPublish : public testing::Test {
 protected:
  void SetUp() override { first_ = served(); }

  NodeCertificates certificates() {
    return {house_.certificates.all_own(), cluster_of(house_.database, house_.config)};
  }

  fs::path file() const { return list_path(house_.config, core::ListKind::itl); }

  core::Bytes served() const { return core::read_file(file(), kMaxListBytes); }

  std::size_t versions() { return house_.lists.list(core::ListKind::itl).size(); }

  MadeHouse made_;
  House& house_ = made_.house;
  Publisher& publisher_ = made_.trust.itl;
  core::Bytes first_;
};

TEST_F(FailingPublish, AListThatCannotBeWrittenIsNeitherRecordedNorServed) {
  const SignedList list = publisher_.build(certificates());
  fs::create_directories(file().string() + ".next/in the way");
  EXPECT_THROW(publisher_.prepare(list), core::Error);
  EXPECT_EQ(served(), first_);
  EXPECT_EQ(versions(), 1U);
}

TEST_F(FailingPublish, AListThatCannotTakeItsNameIsPublishedByTheNextStartByteForByte) {
  const SignedList list = publisher_.build(certificates());
  publisher_.prepare(list);
  publisher_.record(list, "test");
  fs::remove(file());
  fs::create_directories(file() / "in the way");
  EXPECT_ANY_THROW(publisher_.publish(list, "test"));
  EXPECT_EQ(publisher_.served_sha1(), list.sha1) << "its version is decided";
  fs::remove_all(file());
  const auto ensured = publisher_.ensure(certificates(), "start");
  ASSERT_TRUE(ensured.has_value());
  EXPECT_EQ(ensured->by, Ensured::By::last_good);
  EXPECT_EQ(served(), list.file);
  EXPECT_EQ(versions(), 2U) << "no further list is made";
}

TEST_F(FailingPublish, WhatAKilledProcessLeftOfAListIsTakenAwayByTheNextStart) {
  for (const char* left : {".aB3xY9", ".next.000000", ".good.zzzzzz"})
    std::ofstream(file().string() + left) << "half a list";
  EXPECT_FALSE(publisher_.ensure(certificates(), "start").has_value());
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(file().parent_path()))
    if (entry.path().filename().string().starts_with("ITLFile.tlv")) ++files;
  EXPECT_EQ(files, 2U) << "the list and its copy";
  EXPECT_EQ(served(), first_);
}

TEST_F(FailingPublish, WhatFailsBehindTheNameIsAWarning) {
  fs::remove(file().string() + ".good");
  fs::create_directories(file().string() + ".good/in the way");
  const SignedList list = publisher_.build(certificates());
  publisher_.prepare(list);
  publisher_.record(list, "test");
  const Published published = publisher_.publish(list, "test");
  EXPECT_EQ(served(), list.file);
  EXPECT_THAT(published.warnings,
              ElementsAre(HasSubstr("The new ITL is in force, but its copy ITLFile.tlv.good could "
                                    "not be written")));
}

TEST_F(FailingPublish, AServiceThatRunsAndDoesNotRereadIsNamed) {
  const core::RpcServer tftp(
      house_.config.control_socket("tftp"),
      [](const core::Caller&, std::string_view, const boost::json::object&) -> boost::json::value {
        throw core::Error(core::Code::io, "the disk is full");
      });
  const SignedList list = publisher_.build(certificates());
  publisher_.prepare(list);
  publisher_.record(list, "test");
  const Published published = publisher_.publish(list, "test");
  EXPECT_EQ(served(), list.file);
  EXPECT_THAT(published.untold, ElementsAre("Cisco Tftp"));
  EXPECT_THAT(published.warnings, ElementsAre(HasSubstr("utils service restart Cisco Tftp")));
}

TEST_F(FailingPublish, WithoutTheTokenTheLastGoodListStillComesBack) {
  made_.signer.stop();
  std::ofstream(file()) << "half a list";
  const auto ensured = publisher_.ensure(certificates(), "start");
  ASSERT_TRUE(ensured.has_value());
  EXPECT_EQ(ensured->by, Ensured::By::last_good);
  EXPECT_EQ(served(), first_);
  EXPECT_THROW(publisher_.build(certificates()), core::Error);
}

}  // namespace
}  // namespace ringfence::services::admin
