// Security events are never lost: what comes too fast is counted.
#include "core/phones/security_event_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using std::chrono::seconds;

constexpr Time kNow{seconds(1'800'000'000)};

class SecurityEventStoreTest : public testing::Test {
 protected:
  void add(int count, const std::string& phone = "SEP1", Time at = kNow) {
    for (int i = 0; i < count; ++i)
      store_.add({0, at, phone, "192.0.2.1:9", "auth_string_refused", "wrong"});
  }

  std::vector<std::string> details() const {
    std::vector<std::string> all;
    for (const CapfEvent& event : store_.after(0, 10'000)) all.push_back(event.detail);
    return all;
  }

  test::TemporaryFolder folder_;
  Database database_{folder_ / "capf.db", Schema::capf, Access::read_write};
  SecurityEventStore store_{database_};
};

TEST_F(SecurityEventStoreTest, CountsWhatComesTooFastOverRestarts) {
  add(25);
  EXPECT_EQ(details().size(), 10U);
  SecurityEventStore restarted(database_);
  restarted.flush(kNow + seconds(59));
  EXPECT_EQ(details().size(), 10U) << "the window is not over";
  restarted.flush(kNow + seconds(60));
  ASSERT_EQ(details().size(), 11U);
  EXPECT_THAT(details().back(), testing::StartsWith("and 15 more since "));
  restarted.flush(kNow + seconds(500));
  EXPECT_EQ(details().size(), 11U) << "once";
}

TEST_F(SecurityEventStoreTest, TellsTheCountBeforeTheNextEvent) {
  add(11);
  add(1, "SEP1", kNow + seconds(61));
  ASSERT_EQ(details().size(), 12U);
  EXPECT_THAT(details()[10], testing::StartsWith("and 1 more"));
  EXPECT_EQ(details()[11], "wrong");
}

TEST_F(SecurityEventStoreTest, NamesTheFirstAddressesAndCountsTheOthers) {
  add(10);
  for (int i = 0; i < 40; ++i)
    store_.add({0, kNow, "SEP1", "10.0.0." + std::to_string(i % 20) + ":9", "auth_string_refused",
                "wrong"});
  store_.flush(kNow + seconds(60));
  EXPECT_THAT(details().back(), testing::HasSubstr("and 40 more since "));
  EXPECT_THAT(details().back(),
              testing::HasSubstr("they came from 10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, "
                                 "10.0.0.5, 10.0.0.6, 10.0.0.7, and 24 more from other addresses"));
  EXPECT_LE(details().back().size(), 500U);
}

TEST_F(SecurityEventStoreTest, BoundsAllPhonesTogetherAndLosesNone) {
  for (int phone = 0; phone < 40; ++phone) add(5, "SEP" + std::to_string(phone));
  EXPECT_EQ(details().size(), 120U);
  store_.flush(kNow + seconds(60));
  EXPECT_EQ(details().size(), 136U) << "one for each of the sixteen others";
}

}  // namespace
}  // namespace ringfence::core
