#include "services/admin/jobs/phone_resets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
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

const std::string kAnna = "CSFANNA";
const std::string kBerta = "CSFBERTA";

class PhoneResetsTest : public testing::Test {
 protected:
  PhoneResetsTest() {
    for (const std::string& name : {kAnna, kBerta}) {
      small_.add(name);
      small_.registrar->registers(name, 1h);
    }
    begin();
  }

  void begin() {
    jobs_ = std::make_unique<Jobs>(house_.jobs);
    resets_ = std::make_unique<PhoneResets>(
        PhoneWaves::Parts{house_, small_.trust->keeper, small_.services, *jobs_});
    jobs_->add(*resets_);
    jobs_->resume();
  }

  SmallHouse small_;
  House& house_ = *small_.house;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<PhoneResets> resets_;
};

TEST_F(PhoneResetsTest, RestartAllIsAJobThatCountsWhoComesBack) {
  const std::int64_t job = resets_->start("restart", "admin");
  ASSERT_TRUE(small_.comes(job, kBerta, ItemState::reset_sent));
  for (const std::string& name : {kAnna, kBerta}) small_.registrar->registers(name);
  const core::Job ended = small_.ended(job);
  EXPECT_EQ(ended.state, JobState::done);
  EXPECT_EQ(ended.message, "2 of 2 phones returned");
}

TEST_F(PhoneResetsTest, ApplyConfigAllCountsWhoTookTheNotify) {
  const std::int64_t job = resets_->start("apply-config", "admin");
  EXPECT_EQ(small_.ended(job).message, "2 of 2 phones told");
}

TEST_F(PhoneResetsTest, OfAKilledDaemonGoOnAtTheNextStartAndResetNobodyTwice) {
  const std::int64_t job = resets_->start("reset", "admin");
  ASSERT_TRUE(small_.comes(job, kBerta, ItemState::reset_sent));
  resets_.reset();
  house_.jobs.set_items(job, {{kBerta, ItemState::waiting, house_.clock.now()}});
  small_.registrar->registers(kAnna);
  begin();
  ASSERT_TRUE(small_.comes(job, kAnna, ItemState::returned));
  small_.registrar->registers(kBerta);
  EXPECT_EQ(small_.ended(job).message, "2 of 2 phones returned");
  EXPECT_THAT(small_.registrar->asked(), UnorderedElementsAre(kAnna, kBerta));
}

TEST_F(PhoneResetsTest, GoOnOnceWhatTheySawCanBeWrittenDown) {
  const std::filesystem::path admin = house_.config.state() / "db/admin.db";
  test::sqlite3(admin,
                "create trigger full before update on job_item "
                "begin select raise(abort, 'the disk is full'); end");
  const std::int64_t job = resets_->start("restart", "admin");
  ASSERT_TRUE(test::eventually([&] { return house_.resets(job).size() == 2; }));
  test::sqlite3(admin, "drop trigger full");
  for (const std::string& name : {kAnna, kBerta}) small_.registrar->registers(name);
  EXPECT_EQ(small_.ended(job).message, "2 of 2 phones returned");
  EXPECT_THAT(small_.registrar->asked(), UnorderedElementsAre(kAnna, kBerta)) << "nobody twice";
}

TEST_F(PhoneResetsTest, AfterARecoveryListCountWhoTookIt) {
  const std::string desk = "SEP000000000001";
  small_.add(desk);
  small_.publish("old");
  small_.registrar->registers(desk, 1h);
  small_.takes(desk, "old");
  small_.publish("recovery");
  const std::int64_t job = resets_->start("reset", "admin");
  for (const std::string& name : {kAnna, kBerta, desk})
    ASSERT_TRUE(small_.comes(job, name, ItemState::reset_sent));
  for (const std::string& name : {kAnna, kBerta, desk}) small_.registrar->registers(name);
  ASSERT_TRUE(small_.comes(job, kBerta, ItemState::returned));
  EXPECT_EQ(small_.state(job, desk), ItemState::reset_sent) << "it is back, with its old list";
  EXPECT_EQ(jobs_->report(job).returned, 2);
  small_.takes(desk, "recovery");
  EXPECT_EQ(small_.ended(job).message, "3 of 3 phones returned");
}

TEST_F(PhoneResetsTest, AListThatComesIntoForceMeanwhileIsTheOneThatCounts) {
  const std::string desk = "SEP000000000001";
  small_.add(desk);
  small_.publish("old");
  small_.registrar->registers(desk, 1h);
  const std::int64_t job = resets_->start("reset", "admin");
  ASSERT_TRUE(small_.comes(job, desk, ItemState::reset_sent));
  small_.publish("recovery");
  small_.takes(desk, "recovery");
  for (const std::string& name : {kAnna, kBerta, desk}) small_.registrar->registers(name);
  EXPECT_EQ(small_.ended(job).message, "3 of 3 phones returned");
}

TEST_F(PhoneResetsTest, PausedTellsNobodyUntilItIsResumed) {
  // Held at its beginning by a job that is paused before its first step.
  core::Job job;
  job.kind = PhoneResets::kKind;
  job.arguments = R"({"kind":"restart"})";
  job.who = "admin";
  job.started = house_.clock.now();
  job.id = house_.jobs.create(job);
  house_.jobs.set_items(job.id, {{kAnna, ItemState::waiting, house_.clock.now()},
                                 {"CSFGONE", ItemState::waiting, house_.clock.now()}});
  house_.jobs.want(job.id, JobWanted::pause);
  resets_.reset();
  begin();
  ASSERT_TRUE(test::eventually([&] { return house_.jobs.find(job.id).state == JobState::paused; }));
  EXPECT_TRUE(small_.registrar->asked().empty());
  jobs_->want(job.id, JobWanted::run);
  ASSERT_TRUE(small_.comes(job.id, kAnna, ItemState::reset_sent));
  EXPECT_THAT(small_.registrar->asked(), ElementsAre(kAnna));
  small_.registrar->registers(kAnna);
  EXPECT_EQ(small_.ended(job.id).state, JobState::done);
  EXPECT_EQ(small_.state(job.id, "CSFGONE"), ItemState::removed) << "nobody knows it any more";
}

}  // namespace
}  // namespace ringfence::services::admin
