#include "services/admin/jobs/regeneration.h"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/unit/services/admin/jobs/small_house.h"

namespace ringfence::services::admin {
namespace {

using core::ItemState;
using core::JobState;
using core::JobWanted;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

const std::string kSoft = "CSFANNA";
const std::string kOther = "CSFBERTA";
const std::string kDesk = "SEP000000000001";

class RegenerationTest : public testing::Test {
 protected:
  RegenerationTest() {
    for (const std::string& name : {kSoft, kOther, kDesk}) small_.add(name);
    small_.publish("old");
    begin();
  }

  /// begin is the start of a daemon; end is how the one before was killed: it wrote nothing more.
  void begin() {
    jobs_ = std::make_unique<Jobs>(house_.jobs);
    regeneration_ =
        std::make_unique<Regeneration>(house_, small_.trust->keeper, small_.services, *jobs_);
    jobs_->add(*regeneration_);
  }

  void end() { regeneration_.reset(); }

  /// start begins a regeneration that only publishes the list "new".
  std::int64_t start() {
    return regeneration_->start_import(core::Unit::capf, "admin", [this](const std::string&) {
      small_.publish("new");
      return Published{"new", {}};
    });
  }

  SmallHouse small_;
  House& house_ = *small_.house;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<Regeneration> regeneration_;
};

TEST_F(RegenerationTest, ResetsWhoIsRegisteredAndCountsEachReturn) {
  jobs_->resume();
  small_.registrar->registers(kSoft, 1h);
  const std::int64_t job = start();
  ASSERT_TRUE(small_.comes(job, kSoft, ItemState::reset_sent));
  EXPECT_THAT(small_.registrar->asked(), ElementsAre(kSoft));
  EXPECT_EQ(house_.jobs.find(job).state, JobState::running);
  small_.registrar->registers(kSoft);
  const core::Job ended = small_.ended(job);
  EXPECT_EQ(ended.state, JobState::done);
  EXPECT_EQ(ended.message, "1 of 1 phone returned");
  EXPECT_EQ(small_.state(job, kSoft), ItemState::returned);
  core::admin::JobReport report = jobs_->report(job);
  EXPECT_TRUE(report.published);
  EXPECT_EQ(report.subject, "CAPF");
}

TEST_F(RegenerationTest, TakesInAPhoneThatBootedWithTheOldListAndRegistersMeanwhile) {
  jobs_->resume();
  small_.registrar->registers(kSoft, 1h);
  const std::int64_t job = start();
  ASSERT_TRUE(small_.comes(job, kSoft, ItemState::reset_sent));
  small_.takes(kDesk, "old");
  small_.registrar->registers(kDesk, 3s);
  ASSERT_TRUE(small_.comes(job, kDesk, ItemState::reset_sent));
  EXPECT_THAT(small_.registrar->asked(), ElementsAre(kSoft, kDesk));
  small_.registrar->registers(kSoft);
  small_.takes(kDesk, "new");
  small_.registrar->registers(kDesk);
  const core::Job ended = small_.ended(job);
  EXPECT_EQ(ended.state, JobState::done);
  EXPECT_EQ(ended.message, "2 of 2 phones returned");
}

TEST_F(RegenerationTest, LeavesAPhoneAloneThatRegistersMeanwhileAndHasTheNewList) {
  jobs_->resume();
  small_.registrar->registers(kSoft, 1h);
  const std::int64_t job = start();
  ASSERT_TRUE(small_.comes(job, kSoft, ItemState::reset_sent));
  small_.takes(kDesk, "new");
  small_.registrar->registers(kDesk, 3s);
  small_.registrar->registers(kOther, 3s);
  small_.registrar->registers(kSoft);
  EXPECT_EQ(small_.ended(job).message, "1 of 1 phone returned");
  EXPECT_THAT(small_.registrar->asked(), ElementsAre(kSoft)) << "nor a soft client: it has no list";
}

TEST_F(RegenerationTest, APhoneThatIsRemovedMeanwhileEnds) {
  jobs_->resume();
  small_.registrar->registers(kSoft, 1h);
  const std::int64_t job = start();
  ASSERT_TRUE(small_.comes(job, kSoft, ItemState::reset_sent));
  house_.phones.remove(kSoft);
  EXPECT_EQ(small_.ended(job).state, JobState::done);
  EXPECT_EQ(small_.state(job, kSoft), ItemState::removed);
}

TEST_F(RegenerationTest, FailsAndResetsNobodyWhenTheChangeFails) {
  jobs_->resume();
  small_.registrar->registers(kSoft, 1h);
  const std::int64_t job =
      regeneration_->start_import(core::Unit::capf, "admin", [](const std::string&) -> Published {
        throw core::Error(core::Code::io, "the token is away");
      });
  const core::Job ended = small_.ended(job);
  EXPECT_EQ(ended.state, JobState::failed);
  EXPECT_EQ(ended.message, "the token is away");
  EXPECT_THAT(small_.registrar->asked(), IsEmpty());
  EXPECT_FALSE(jobs_->report(job).published);
}

TEST_F(RegenerationTest, StartsNothingBeforeItWasResumedNorBesideAnother) {
  small_.registrar->registers(kSoft, 1h);
  EXPECT_THROW(start(), core::Error);
  jobs_->resume();
  const std::int64_t job = start();
  ASSERT_TRUE(small_.comes(job, kSoft, ItemState::reset_sent));
  try {
    start();
    FAIL() << "it began beside another";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::conflict);
    EXPECT_THAT(error.what(), HasSubstr("is still resetting phones"));
  }
}

TEST_F(RegenerationTest, GoesOnWhereAKilledDaemonLeftIt) {
  jobs_->resume();
  for (const std::string& name : {kSoft, kOther}) small_.registrar->registers(name, 1h);
  const std::int64_t job = start();
  ASSERT_TRUE(small_.comes(job, kSoft, ItemState::reset_sent));
  ASSERT_TRUE(small_.comes(job, kOther, ItemState::reset_sent));
  end();
  // What the registrar knows counts, and not what the item says: it may not have been written.
  house_.jobs.set_items(job, {{kOther, ItemState::waiting, house_.clock.now()}});
  small_.registrar->registers(kSoft);  // nobody sees it now
  begin();
  jobs_->resume();
  ASSERT_TRUE(small_.comes(job, kSoft, ItemState::returned));
  EXPECT_FALSE(core::ended(house_.jobs.find(job).state));
  small_.registrar->registers(kOther);
  EXPECT_EQ(small_.ended(job).message, "2 of 2 phones returned");
  EXPECT_THAT(small_.registrar->asked(), UnorderedElementsAre(kSoft, kOther))
      << "nobody is reset twice";
}

TEST_F(RegenerationTest, ThatHadChangedNothingIsInterruptedByTheNextStart) {
  core::Job job;
  job.kind = Regeneration::kKind;
  job.arguments =
      R"({"unit":"CAPF","published":false,"itl_sha1":"","old_serial":"","imported":false})";
  job.who = "admin";
  job.started = house_.clock.now();
  job.id = house_.jobs.create(job);
  small_.registrar->registers(kSoft, 1h);
  jobs_->resume();
  const core::Job ended = house_.jobs.find(job.id);
  EXPECT_EQ(ended.state, JobState::interrupted);
  EXPECT_EQ(ended.message, "ringfence-admin ended before anything was changed; regenerate again");
  EXPECT_THAT(small_.registrar->asked(), IsEmpty());
}

TEST_F(RegenerationTest, CancelledFollowsWhoObeysToItsEnd) {
  jobs_->resume();
  small_.registrar->registers(kSoft, 1h);
  const std::int64_t job = start();
  ASSERT_TRUE(small_.comes(job, kSoft, ItemState::reset_sent));
  jobs_->want(job, JobWanted::cancel);
  ASSERT_TRUE(test::eventually(
      [&] { return house_.jobs.find(job).step.starts_with("cancelled: waiting"); }));
  small_.registrar->registers(kSoft);
  EXPECT_EQ(small_.ended(job).state, JobState::done);
  EXPECT_EQ(small_.state(job, kSoft), ItemState::returned);
}

}  // namespace
}  // namespace ringfence::services::admin
