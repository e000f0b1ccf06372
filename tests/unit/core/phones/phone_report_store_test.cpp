#include "core/phones/phone_report_store.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

const Time kNow = from_seconds(1'795'255'200);

TEST(PhoneReportStore, KeepsTheLastReportOfEachDevice) {
  const test::TemporaryFolder folder;
  Database database(folder / "callmanager.db", Schema::callmanager, Access::read_write);
  PhoneReportStore store(database);
  PhoneReport first;
  first.device = "SEP1";
  first.address = "192.0.2.1";
  store.save(first);
  EXPECT_EQ(store.find("SEP1"), first);
  const PhoneReport full{"SEP1",
                         "192.0.2.2",
                         "192.0.2.1",
                         kNow,
                         "Alarm",
                         23,
                         "Reset",
                         "sip.2",
                         "sip.1",
                         kNow,
                         {"192.0.2.9", 25, "Initialized", kNow}};
  store.save(full);
  PhoneReport other;
  other.device = "SEP2";
  store.save(other);
  EXPECT_EQ(store.find("SEP1"), full);
  EXPECT_EQ(store.list(), (std::vector{full, other}));
  EXPECT_EQ(store.list_of("SEP1", "SEP9"), std::vector{other});
  EXPECT_EQ(store.find("SEP3"), std::nullopt);
}

}  // namespace
}  // namespace ringfence::core
