// What is written down of fetches, against real databases.
#include "services/tftp/fetch_log.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace ringfence::services::tftp {
namespace {

constexpr const char* kDevice = "SEP001122334455";
constexpr const char* kList = "ITLSEP001122334455.tlv";

class FetchLogTest : public testing::Test {
 protected:
  FetchLogTest() {
    core::Phone phone;
    phone.name = kDevice;
    phone.model = "CP-8861";
    core::PhoneStore(admin).save({phone}, core::PhoneStore::Ask::changed_only);
  }

  /// written returns who fetched for the device, the newest first, after `fetch` has fetched.
  template <typename Fetch>
  std::vector<std::string> written(const std::string& device, const Fetch& fetch) {
    {
      FetchLog log(journal, admin);
      fetch(log);
    }
    std::vector<std::string> peers;
    for (const core::Fetch& row : core::FetchStore(journal).of(device)) peers.push_back(row.peer);
    return peers;
  }

  File file(const std::string& device) const { return {content, device}; }

  test::TemporaryFolder folder;
  core::Database journal{folder / "tftp.db", core::Schema::tftp, core::Access::read_write};
  core::Database admin{folder / "admin.db", core::Schema::admin, core::Access::read_write};
  std::shared_ptr<const Content> content = std::make_shared<const Content>();
  core::SystemClock clock;
};

using Peers = std::vector<std::string>;

TEST_F(FetchLogTest, KeepsTheLastOfEachPeerInTheOrderInWhichTheyCame) {
  const Peers peers = written(kDevice, [&](FetchLog& log) {
    for (const char* peer : {"10.0.0.1:4000", "10.0.0.2", "10.0.0.3", "10.0.0.2", "10.0.0.1"})
      log.add(file(kDevice), kList, peer, clock.now());
  });
  EXPECT_EQ(peers, (Peers{"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
}

TEST_F(FetchLogTest, KnowsNoDeviceThatNoPhoneHas) {
  const Peers none = written("SEPAABBCCDDEEFF", [&](FetchLog& log) {
    log.add(file("SEPAABBCCDDEEFF"), "ITLSEPAABBCCDDEEFF.tlv", "10.0.0.9", clock.now());
  });
  EXPECT_EQ(none, Peers());
  const auto fetched = core::FetchStore(journal).last_itl("");
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->file, "ITLSEPAABBCCDDEEFF.tlv");
}

TEST_F(FetchLogTest, NotesWhatKnownPhonesShowByTheirFetches) {
  written(kDevice, [&](FetchLog& log) {
    log.add(file(kDevice), kList, "10.0.0.1", clock.now());
    log.add(file("SEPAABBCCDDEEFF"), "ITLSEPAABBCCDDEEFF.tlv", "10.0.0.9", clock.now());
  });
  const auto signs = core::TrustSignStore(journal).of(kDevice);
  ASSERT_EQ(signs.size(), 1U);
  EXPECT_EQ(signs.front().kind, core::TrustSignKind::list_fetched);
  EXPECT_EQ(signs.front().detail, kList);
}

}  // namespace
}  // namespace ringfence::services::tftp
