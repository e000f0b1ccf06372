#include "core/phones/change_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/enrolment_store.h"
#include "core/phones/phone_store.h"
#include "core/phones/registration_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const Time kNow = from_seconds(1'795'255'200);

Registration registration(const std::string& device) {
  Registration one;
  one.device = device;
  one.contact = "sip:" + device;
  one.call_id = "call";
  one.peer = "10.0.0.1:5060";
  one.registered_at = one.refreshed_at = kNow;
  one.expires_at = kNow + seconds(60);
  return one;
}

class RegistrarsLog : public testing::Test {
 protected:
  /// changed returns who changed since the last call.
  std::vector<std::string> changed() {
    const ChangeLog::Page page = log_.after(mark_, 100);
    mark_ = page.last;
    EXPECT_EQ(mark_, log_.last());
    return page.devices;
  }

  test::TemporaryFolder folder_;
  Database database_{folder_ / "callmanager.db", Schema::callmanager, Access::read_write};
  RegistrationStore store_{database_};
  ChangeLog log_{database_};
  std::int64_t mark_ = 0;
};

TEST_F(RegistrarsLog, TellsOfRegistrationsThatAreNewSilentOrGoneAndOfNoRefresh) {
  EXPECT_THAT(changed(), IsEmpty());
  store_.save(std::vector{registration("SEP1"), registration("SEP2")});
  EXPECT_THAT(changed(), ElementsAre("SEP1", "SEP2"));
  Registration refreshed = registration("SEP1");
  refreshed.refreshed_at += seconds(50);
  refreshed.expires_at += seconds(50);
  store_.save(refreshed);
  EXPECT_THAT(changed(), IsEmpty());
  Registration anew = refreshed;
  anew.call_id = "another";
  store_.save(anew);
  EXPECT_THAT(changed(), ElementsAre("SEP1"));
  anew.silent_since = kNow;
  store_.save(anew);
  EXPECT_THAT(changed(), ElementsAre("SEP1"));
  store_.save(anew);
  EXPECT_THAT(changed(), IsEmpty());
  anew.silent_since.reset();
  store_.save(anew);
  EXPECT_THAT(changed(), ElementsAre("SEP1"));
  store_.remove("SEP2", "sip:SEP2", "10.0.0.1");
  EXPECT_THAT(changed(), ElementsAre("SEP2"));
  store_.remove_expired(kNow + seconds(200));
  EXPECT_THAT(changed(), ElementsAre("SEP1"));
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(RegistrarsLog, TellsOfResetsAndTheirAnswers) {
  store_.reset_sent(std::vector<ResetRow>{{7, "SEP1", "reset", kNow, std::nullopt, 0},
                                          {7, "SEP2", "reset", kNow, std::nullopt, 0}});
  EXPECT_THAT(changed(), ElementsAre("SEP1", "SEP2"));
  store_.reset_answered(7, "SEP1", 200, kNow, "10.0.0.1");
  EXPECT_THAT(changed(), ElementsAre("SEP1"));
  const auto row = store_.reset(7, "SEP1");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->status, 200);
  EXPECT_EQ(row->answered_by, "10.0.0.1");
  EXPECT_FALSE(store_.reset(8, "SEP1"));
}

TEST_F(RegistrarsLog, NamesADeviceOnceAndGoesOnWhereAPageEnded) {
  for (const char* device : {"SEP1", "SEP2", "SEP1", "SEP3"}) {
    Registration one = registration(device);
    one.call_id = std::to_string(mark_++);
    store_.save(one);
  }
  const ChangeLog::Page first = log_.after(0, 2);
  EXPECT_THAT(first.devices, ElementsAre("SEP2", "SEP1"));
  const ChangeLog::Page second = log_.after(first.last, 2);
  EXPECT_THAT(second.devices, ElementsAre("SEP3"));
  EXPECT_EQ(log_.after(second.last, 2).last, second.last);
}

TEST_F(RegistrarsLog, KeepsNothingOfAChangeThatWasTakenBack) {
  {
    Database::Transaction transaction(database_);
    store_.save(registration("SEP1"));
  }
  EXPECT_THAT(changed(), IsEmpty());
}

TEST(CapfsLog, TellsOfOutcomes) {
  const test::TemporaryFolder folder;
  Database database(folder / "capf.db", Schema::capf, Access::read_write);
  EnrolmentStore store(database);
  store.finished({"SEP1", 4, Operation::install, OperationStatus::failed, kNow});
  store.finished({"SEP1", 5, Operation::install, OperationStatus::success, kNow});
  EXPECT_THAT(ChangeLog(database).after(0, 9).devices, ElementsAre("SEP1"));
  const auto outcomes = store.last_outcomes("SEP1", 9);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].request, 4);
  EXPECT_EQ(outcomes[1].status, OperationStatus::success);
  EXPECT_EQ(store.last_outcomes("SEP1", 1).at(0).request, 5);
}

TEST(AdminsLog, TellsOfPhonesThatWereRemoved) {
  const test::TemporaryFolder folder;
  Database database(folder / "admin.db", Schema::admin, Access::read_write);
  PhoneStore phones(database);
  Phone phone;
  phone.name = "SEP001122334455";
  phone.model = "CP-8861";
  phones.save({phone}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(ChangeLog(database).last(), 0);
  EXPECT_TRUE(phones.remove(phone.name));
  EXPECT_FALSE(phones.remove(phone.name));
  EXPECT_THAT(ChangeLog(database).after(0, 9).devices, ElementsAre(phone.name));
}

}  // namespace
}  // namespace ringfence::core
