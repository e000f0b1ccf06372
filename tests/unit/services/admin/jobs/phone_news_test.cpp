#include "services/admin/jobs/phone_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/services/admin/jobs/small_house.h"

namespace ringfence::services::admin {
namespace {

using core::ItemState;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

const std::string kFirst = "SEP000000000001";
const std::string kSecond = "SEP000000000002";
const std::string kThird = "SEP000000000003";

class PhoneNewsTest : public testing::Test {
 protected:
  PhoneNewsTest() {
    for (const std::string& name : {kFirst, kSecond, kThird}) {
      small_.add(name);
      small_.registrar->registers(name, 1h);
    }
    small_.publish("old");
  }

  /// names returns whom a step looks at.
  std::vector<std::string> names(PhoneNews& news, const std::vector<std::string>& due = {}) {
    std::vector<std::string> names;
    looks_.clear();
    news.follow(book_, due, [&](const std::vector<PhoneLook>& looks) {
      for (const PhoneLook& look : looks) {
        names.push_back(look.phone);
        looks_[look.phone] = look;
      }
    });
    return names;
  }

  SmallHouse small_;
  House& house_ = *small_.house;
  Waves book_{{{kFirst, ItemState::reset_sent, house_.clock.now()},
               {kSecond, ItemState::returned, house_.clock.now()}},
              {}};
  std::map<std::string, PhoneLook> looks_;
};

TEST_F(PhoneNewsTest, LooksAtWhomNewsMayMoveAtFirstAndThenAtWhoChanged) {
  PhoneNews news(house_, {.job = 7});
  EXPECT_THAT(names(news), ElementsAre(kFirst, kThird)) << "the second is back already";
  EXPECT_THAT(names(news), IsEmpty());
  EXPECT_THAT(names(news, {kFirst}), ElementsAre(kFirst)) << "it is due";
  small_.registrar->registers(kSecond);
  EXPECT_THAT(names(news), ElementsAre(kSecond));
  ASSERT_EQ(looks_[kSecond].contacts.size(), 1U);
  EXPECT_EQ(looks_[kSecond].addresses, std::set<std::string>{"10.0.0.1"});
  small_.takes(kFirst, "old");
  EXPECT_THAT(names(news), ElementsAre(kFirst));
  EXPECT_EQ(looks_[kFirst].trust.judgement.acceptance, core::Acceptance::accepted);
  EXPECT_THAT(names(news), IsEmpty());
}

TEST_F(PhoneNewsTest, LooksAtEverybodyWhenAnotherListComesIntoForce) {
  PhoneNews news(house_, {.job = 7});
  names(news);
  small_.publish("new");
  EXPECT_THAT(names(news), ElementsAre(kFirst, kThird));
}

TEST_F(PhoneNewsTest, TellsWhoWasRemoved) {
  PhoneNews news(house_, {.job = 7});
  names(news);
  house_.phones.remove(kFirst);
  EXPECT_THAT(names(news), ElementsAre(kFirst));
  EXPECT_FALSE(looks_[kFirst].known);
}

TEST_F(PhoneNewsTest, HasTheResetsOfItsJobAndNoOther) {
  PhoneNews news(house_, {.job = 7});
  names(news);
  core::Database database(house_.config.callmanager_db(), core::Schema::callmanager,
                          core::Access::read_write);
  core::RegistrationStore store(database);
  const core::Time now = house_.clock.now();
  store.reset_sent(std::vector<core::ResetRow>{{7, kFirst, "reset", now, std::nullopt, 0},
                                               {8, kThird, "reset", now, std::nullopt, 0}});
  EXPECT_THAT(names(news), ElementsAre(kFirst, kThird));
  EXPECT_TRUE(looks_[kFirst].reset);
  EXPECT_FALSE(looks_[kThird].reset);
}

TEST_F(PhoneNewsTest, OfABulkJobHasOutcomesAndLeavesOthersOut) {
  PhoneNews news(house_, {.job = 7,
                          .outcomes = PhoneNews::Subject::Outcomes::last,
                          .others = PhoneNews::Subject::Others::left_out});
  EXPECT_THAT(names(news), ElementsAre(kFirst));
  core::Database capf(house_.config.capf_db(), core::Schema::capf, core::Access::read_write);
  core::EnrolmentStore journal(capf);  // made after the job began
  for (const std::string& name : {kFirst, kThird})
    journal.finished(
        {name, 4, core::Operation::install, core::OperationStatus::success, house_.clock.now()});
  EXPECT_THAT(names(news), ElementsAre(kFirst));
  ASSERT_EQ(looks_[kFirst].outcomes.size(), 1U);
  EXPECT_EQ(looks_[kFirst].outcomes[0].status, core::OperationStatus::success);
  EXPECT_THAT(names(news), IsEmpty());
}

}  // namespace
}  // namespace ringfence::services::admin
