#include "core/phones/trust_sign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/trust_sign_log.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::SizeIs;

const TrustSign::Time kNow{milliseconds(1'795'255'200'123)};

TrustSign sign(std::string device, TrustSignKind kind, std::string peer, std::string subject,
               int after = 0) {
  return {std::move(device),  kind,       std::move(peer),
          std::move(subject), "a detail", kNow + milliseconds(after)};
}

TEST(TrustSignWords, SerialsAndAddressesHaveOneSpelling) {
  EXPECT_EQ(serial_text(Bytes{0x00, 0x0a, 0xff}), "0AFF");
  EXPECT_EQ(serial_text(Bytes{0x00}), "00");
  EXPECT_EQ(address_text("10.0.0.5:49152"), "10.0.0.5");
  EXPECT_EQ(address_text("10.0.0.5"), "10.0.0.5");
  EXPECT_EQ(address_text("[2001:db8::5]:5060"), "2001:db8::5");
  EXPECT_EQ(address_text("2001:db8::5"), "2001:db8::5");
  EXPECT_EQ(address_text("[::ffff:10.0.0.5]:5060"), "10.0.0.5");
  EXPECT_EQ(address_text("unknown"), "unknown");
}

class TrustSignTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "tvs.db", Schema::tvs, Access::read_write};
  TrustSignStore store_{database_};
};

TEST_F(TrustSignTest, KeepsEachSubjectOfEachPeerOnce) {
  const auto vouched = sign("SEP1", TrustSignKind::tvs_vouched, "10.0.0.1", "1A");
  const auto config = sign("SEP1", TrustSignKind::signed_config, "10.0.0.1", "1A", 1);
  const auto again = sign("SEP1", TrustSignKind::tvs_vouched, "10.0.0.1", "1A", 2);
  store_.save({vouched, config});
  EXPECT_THAT(store_.of("SEP1"), ElementsAre(vouched, config));
  store_.save({again});
  EXPECT_THAT(store_.of("SEP1"), ElementsAre(config, again));
  EXPECT_THAT(store_.of("SEP2"), SizeIs(0));
  EXPECT_THAT(store_.between("SEP1", "SEP1"), SizeIs(2));
  EXPECT_THAT(store_.between("SEP2", "SEP9"), SizeIs(0));
}

TEST_F(TrustSignTest, TellsWhatCameSinceAMarkInItsOrder) {
  const auto first = sign("SEP1", TrustSignKind::list_fetched, "10.0.0.1", "aa", 5);
  const auto second = sign("SEP1", TrustSignKind::itl_reported, "10.0.0.1", "aa", 1);
  store_.save({first, second});
  const auto page = store_.after(0, 10);
  EXPECT_THAT(page.signs, ElementsAre(first, second));
  EXPECT_THAT(store_.after(page.last, 10).signs, SizeIs(0));
  EXPECT_EQ(store_.after(page.last, 10).last, page.last);
  store_.save({first});  // seen again: news, whatever the clock says
  EXPECT_THAT(store_.after(page.last, 10).signs, ElementsAre(first));
  EXPECT_THAT(store_.after(0, 1).signs, SizeIs(1));
}

TEST_F(TrustSignTest, BoundsTheRowsOfAPeerADeviceAndTheStrangers) {
  std::vector<TrustSign> many;
  for (int i = 0; i < 50; ++i)
    many.push_back(sign("SEP1", TrustSignKind::itl_reported, "10.0.0.9", std::to_string(i), i));
  for (int i = 0; i < 50; ++i)
    many.push_back(
        sign("SEP2", TrustSignKind::list_fetched, "10.0.1." + std::to_string(i), "aa", i));
  for (int i = 0; i < 1200; ++i)
    many.push_back(sign("", TrustSignKind::tls_refused, "10.1.1." + std::to_string(i % 300),
                        std::to_string(i)));
  store_.save(many);
  EXPECT_THAT(store_.of("SEP1"), SizeIs(TrustSignStore::kSubjects));
  EXPECT_EQ(store_.of("SEP1").back().subject, "49");
  EXPECT_THAT(store_.of("SEP2"), SizeIs(TrustSignStore::kPeers));
  EXPECT_EQ(test::sqlite3(folder_ / "tvs.db", "select count(*) from trust_sign where device = ''"),
            std::to_string(TrustSignStore::kStrangers));
  EXPECT_THAT(store_.of_peer("10.1.1.299"), SizeIs(TrustSignStore::kSubjects));
}

TEST_F(TrustSignTest, CutsALongDetailAndPassesOverWhatALaterVersionWrote) {
  TrustSign long_one = sign("SEP1", TrustSignKind::itl_refused, "10.0.0.1", "");
  long_one.detail = std::string(5000, 'x');
  store_.save({long_one});
  EXPECT_THAT(store_.of("SEP1").front().detail, SizeIs(TrustSign::kMaxDetail));
  test::sqlite3(folder_ / "tvs.db", "update trust_sign set kind = 'tomorrow'");
  EXPECT_THAT(store_.of("SEP1"), SizeIs(0));
}

TEST_F(TrustSignTest, TheLogSavesWhatIsLeftAtItsEnd) {
  {
    WriteGroup group(database_);
    TrustSignLog log(database_, group);
    for (int i = 0; i < 3; ++i)
      log.add(sign("SEP" + std::to_string(i), TrustSignKind::plain_config, "10.0.0.1", ""));
  }
  EXPECT_THAT(store_.after(0, 100).signs, SizeIs(3));
}

TEST_F(TrustSignTest, AHostThatDoesMuchLosesItsOwnSignsAndNobodyElses) {
  {
    WriteGroup group(database_);
    TrustSignLog log(database_, group, {.waiting = 50, .batch = 50});
    const Database::Lease busy(database_);  // nothing can be saved meanwhile
    log.add(sign("SEP1", TrustSignKind::signed_config, "10.0.0.1", "1A"));
    for (int i = 0; i < 500; ++i)
      log.add(sign("", TrustSignKind::tls_refused, "10.0.0.66", std::to_string(i)));
    log.add(sign("SEP2", TrustSignKind::signed_config, "10.0.0.2", "1A"));
  }
  EXPECT_THAT(store_.of("SEP1"), SizeIs(1));
  EXPECT_THAT(store_.of("SEP2"), SizeIs(1));
}

}  // namespace
}  // namespace ringfence::core
