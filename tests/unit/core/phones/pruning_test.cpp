// What is taken away of each store when it is too old, at its bounds; and what stays for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/enrolment_store.h"
#include "core/phones/fetch_store.h"
#include "core/phones/registration_store.h"
#include "core/phones/security_event_store.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const Time kBefore = from_seconds(1'800'000'000);

class PruningTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
};

TEST_F(PruningTest, TakesOldOutcomesButEachPhonesLast) {
  Database database(folder_ / "capf.db", Schema::capf, Access::read_write);
  EnrolmentStore store(database);
  const auto finished = [&](const std::string& phone, std::int64_t request, Time at) {
    store.finished({phone, request, Operation::install, OperationStatus::failed, at});
  };
  finished("SEPA", 1, kBefore - 1s);
  finished("SEPA", 2, kBefore);
  finished("SEPA", 3, kBefore - 2s);  // the clock was set back: it is the last all the same
  finished("SEPB", 4, kBefore - 999h);
  EXPECT_EQ(store.prune_outcomes(kBefore, 10), 1U);
  EXPECT_EQ(store.outcome("SEPA", 1), std::nullopt);
  EXPECT_TRUE(store.outcome("SEPA", 2) && store.outcome("SEPA", 3) && store.outcome("SEPB", 4));
  EXPECT_EQ(store.prune_outcomes(kBefore + 1s, 10), 1U);
  EXPECT_TRUE(store.outcome("SEPA", 3) && store.outcome("SEPB", 4));
}

TEST_F(PruningTest, TakesNoMoreAtOnceThanItIsAsked) {
  Database database(folder_ / "capf.db", Schema::capf, Access::read_write);
  EnrolmentStore store(database);
  for (int request = 1; request <= 6; ++request)
    store.finished({"SEPA", request, Operation::install, OperationStatus::failed, kBefore - 1h});
  EXPECT_EQ(store.prune_outcomes(kBefore, 3), 3U);
  EXPECT_EQ(store.prune_outcomes(kBefore, 3), 2U);
  EXPECT_EQ(store.prune_outcomes(kBefore, 3), 0U);
}

TEST_F(PruningTest, TakesOldResetsButThoseOfJobsThatHaveNotEnded) {
  Database database(folder_ / "callmanager.db", Schema::callmanager, Access::read_write);
  RegistrationStore store(database);
  const auto sent = [&](std::int64_t id, const std::string& device, Time at) {
    store.reset_sent({id, device, "reset", at, std::nullopt, 0});
  };
  sent(1, "SEPA", kBefore - 1s);
  sent(1, "SEPB", kBefore);
  sent(2, "SEPA", kBefore - 999h);
  sent(-3, "SEPA", kBefore - 999h);
  EXPECT_EQ(store.prune_resets(kBefore, {2}, 10), 2U);
  EXPECT_EQ(store.resets(1).size(), 1U);
  EXPECT_EQ(store.resets(2).size(), 1U);
  EXPECT_EQ(store.prune_resets(kBefore, {}, 10), 1U);
}

TEST_F(PruningTest, TakesOldFetchesButTheNewestOfEachDeviceAndKind) {
  Database database(folder_ / "tftp.db", Schema::tftp, Access::read_write);
  FetchStore store(database);
  const auto fetch = [&](const std::string& device, const std::string& file,
                         const std::string& peer, Time at) {
    store.save({{device, file, "ab", peer, at, ""}});
  };
  fetch("SEPA", "ITLSEPA.tlv", "10.0.0.1", kBefore - 1s);
  fetch("SEPA", "ITLSEPA.tlv", "10.0.0.2", kBefore - 999h);  // newer, by another clock
  fetch("SEPA", "SEPA.cnf.xml.sgn", "10.0.0.1", kBefore - 999h);
  fetch("", "ITLFile.tlv", "10.0.0.9", kBefore - 1s);
  fetch("", "ITLFile.tlv", "10.0.0.8", kBefore);
  EXPECT_EQ(store.prune(kBefore, 10), 2U);
  ASSERT_TRUE(store.last_itl("SEPA"));
  EXPECT_EQ(store.last_itl("SEPA")->peer, "10.0.0.2");
  EXPECT_TRUE(store.last_config("SEPA"));
  EXPECT_EQ(store.of("SEPA").size(), 2U);
  EXPECT_EQ(store.of("").size(), 1U);
}

TEST_F(PruningTest, TakesOldSecurityEventsThatTheAuditLogHas) {
  Database database(folder_ / "capf.db", Schema::capf, Access::read_write);
  SecurityEventStore store(database);
  {
    WriteGroup group(database);
    SecurityEventStore writing(database, group);
    for (int i = 0; i < 3; ++i)
      writing.add({0, kBefore - std::chrono::hours(100 - i), "SEP" + std::to_string(i),
                   "10.0.0.1:1", "auth_string_refused", ""});
    writing.add({0, kBefore, "SEP9", "10.0.0.1:1", "auth_string_refused", ""});
  }
  EXPECT_EQ(store.prune(kBefore, 2, 10), 2U);
  EXPECT_EQ(store.after(0, 10).size(), 2U);
  EXPECT_EQ(store.prune(kBefore, 99, 10), 1U);
  ASSERT_EQ(store.after(0, 10).size(), 1U);
  EXPECT_EQ(store.after(0, 10).front().phone, "SEP9");
}

}  // namespace
}  // namespace ringfence::core
