#include "services/admin/jobs/bulk_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/database_file.h"
#include "tests/unit/services/admin/jobs/small_house.h"

namespace ringfence::services::admin {
namespace {

using core::ItemState;
using core::JobState;
using core::JobWanted;
using testing::ElementsAre;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

const std::string kFirst = "SEP000000000001";
const std::string kSecond = "SEP000000000002";
const std::string kThird = "SEP000000000003";

/// A job of three phones, two of them at a time, the third not registered.
class BulkRunTest : public testing::Test {
 protected:
  BulkRunTest() {
    BulkTerms terms;
    terms.auth_mode = core::AuthMode::null_string;
    terms.completes_by = house_.clock.now() + 1h;
    terms.wave = 2;
    job_.kind = "capf-bulk";
    job_.arguments = terms.to_text();
    job_.who = "admin";
    job_.started = house_.clock.now();
    job_.id = house_.jobs.create(job_);
    std::vector<core::JobItem> items;
    for (const std::string& name : {kFirst, kSecond, kThird}) {
      small_.add(name);
      if (name != kThird) small_.registrar->registers(name, 1h);
      items.push_back({name, ItemState::waiting, house_.clock.now(),
                       house_.phones.find(name)->capf.request, ""});
    }
    house_.jobs.set_items(job_.id, items);
    begin();
  }

  /// begin is how a daemon takes the job up; the one before was killed.
  void begin() {
    run_ = std::make_unique<BulkRun>(house_, *small_.jobs, house_.jobs.find(job_.id));
  }

  /// enrols is CAPF's record of a phone that did what it was asked.
  void enrols(const std::string& phone) {
    core::EnrolmentStore(capf_).finished({phone, house_.phones.find(phone)->capf.request,
                                          core::Operation::install, core::OperationStatus::success,
                                          house_.clock.now()});
  }

  std::optional<ItemState> state(const std::string& phone) { return small_.state(job_.id, phone); }

  SmallHouse small_;
  House& house_ = *small_.house;
  core::Database capf_{house_.config.capf_db(), core::Schema::capf, core::Access::read_write};
  core::Job job_;
  std::unique_ptr<BulkRun> run_;
};

TEST_F(BulkRunTest, AsksInWavesAndFollowsEachPhoneToItsEnd) {
  EXPECT_FALSE(run_->step());
  EXPECT_THAT(small_.registrar->asked(), UnorderedElementsAre(kFirst, kSecond));
  EXPECT_EQ(house_.phones.find(kFirst)->capf.operation, core::Operation::install);
  EXPECT_EQ(state(kThird), ItemState::waiting);
  EXPECT_FALSE(run_->step());
  EXPECT_EQ(state(kFirst), ItemState::enrolling);
  EXPECT_EQ(state(kThird), ItemState::waiting) << "two are on their way";
  enrols(kFirst);
  EXPECT_FALSE(run_->step());
  EXPECT_EQ(state(kFirst), ItemState::succeeded);
  EXPECT_EQ(state(kThird), ItemState::away) << "it had its turn, and is not registered";
  enrols(kSecond);
  enrols(kThird);
  EXPECT_TRUE(run_->step());
  const core::Job ended = house_.jobs.find(job_.id);
  EXPECT_EQ(ended.state, JobState::done);
  EXPECT_EQ(ended.message, "3 of 3 phones succeeded");
}

TEST_F(BulkRunTest, OfAKilledDaemonGoesOnInTheMiddleOfAWaveAndTellsNobodyTwice) {
  run_->step();
  enrols(kFirst);  // nobody sees it now
  begin();
  run_->step();
  EXPECT_EQ(state(kFirst), ItemState::succeeded);
  EXPECT_EQ(state(kSecond), ItemState::enrolling);
  EXPECT_EQ(state(kThird), ItemState::away);
  EXPECT_THAT(small_.registrar->asked(), UnorderedElementsAre(kFirst, kSecond));
}

TEST_F(BulkRunTest, WhatAFailedStepHadCountedIsCountedByWhoGoesOnFromTheRows) {
  run_->step();
  const std::filesystem::path admin = house_.config.state() / "db/admin.db";
  test::sqlite3(admin,
                "create trigger full before update on job_item when new.state = 'succeeded' "
                "begin select raise(abort, 'the disk is full'); end");
  enrols(kFirst);
  EXPECT_THROW(run_->step(), core::Error);
  test::sqlite3(admin, "drop trigger full");
  begin();  // as BulkJobs does after a step that failed
  run_->step();
  EXPECT_EQ(state(kFirst), ItemState::succeeded);
}

TEST_F(BulkRunTest, PausedAsksNobodyAndCancelledTakesBackWhatIsNotDone) {
  house_.jobs.want(job_.id, JobWanted::pause);
  EXPECT_FALSE(run_->step());
  EXPECT_THAT(small_.registrar->asked(), testing::IsEmpty());
  EXPECT_EQ(house_.jobs.find(job_.id).state, JobState::paused);
  house_.jobs.want(job_.id, JobWanted::run);
  run_->step();
  house_.jobs.want(job_.id, JobWanted::cancel);
  run_->step();
  EXPECT_EQ(state(kFirst), ItemState::cancelled);
  EXPECT_EQ(state(kThird), ItemState::cancelled);
  EXPECT_EQ(house_.phones.find(kFirst)->capf.operation, core::Operation::none);
  EXPECT_EQ(small_.jobs->report(job_.id).total, 3);
}

TEST_F(BulkRunTest, ARemovedPhoneEndsAndIsNotAsked) {
  house_.phones.remove(kFirst);
  run_->step();
  EXPECT_EQ(state(kFirst), ItemState::removed);
  EXPECT_THAT(small_.registrar->asked(), ElementsAre(kSecond));
  house_.phones.remove(kSecond);
  run_->step();
  EXPECT_EQ(state(kSecond), ItemState::removed);
}

}  // namespace
}  // namespace ringfence::services::admin
