#include "core/plans/job_store.h"

#include <functional>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using ByPhone = std::map<std::string, std::string>;

using std::chrono::seconds;

const Time kNow = from_seconds(1'795'255'200);

Job job() {
  return {0,  "regenerate", R"({"unit":"CAPF"})", "root", JobState::running, "generating a key",
          "", kNow,         std::nullopt};
}

Code code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return Code::internal;
}

class JobStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  Database secrets_{folder_ / "secrets.db", Schema::secrets, Access::read_write};
  JobStore store_{database_, secrets_};
};

TEST_F(JobStoreTest, KeepsAJobAndWhatBecameOfIt) {
  const std::int64_t id = store_.create(job());
  Job found = store_.find(id);
  EXPECT_EQ(found.id, id);
  EXPECT_EQ(found.kind, "regenerate");
  EXPECT_EQ(found.arguments, R"({"unit":"CAPF"})");
  EXPECT_EQ(found.who, "root");
  EXPECT_EQ(found.state, JobState::running);
  EXPECT_EQ(found.step, "generating a key");
  EXPECT_EQ(found.started, kNow);
  EXPECT_EQ(found.finished, std::nullopt);
  found.state = JobState::failed;
  found.step = "resetting phones";
  found.message = "1 of 2 returned";
  found.finished = kNow + seconds(9);
  store_.update(found);
  const Job after = store_.find(id);
  EXPECT_EQ(after.state, JobState::failed);
  EXPECT_EQ(after.step, "resetting phones");
  EXPECT_EQ(after.message, "1 of 2 returned");
  EXPECT_EQ(after.finished, kNow + seconds(9));
}

TEST_F(JobStoreTest, ListsTheNewestFirstAndTheUnfinishedOldestFirst) {
  EXPECT_TRUE(store_.list(5).empty());
  for (const JobState state :
       {JobState::running, JobState::done, JobState::running, JobState::interrupted}) {
    Job next = job();
    next.state = state;
    store_.create(next);
  }
  const auto newest = store_.list(3);
  ASSERT_EQ(newest.size(), 3U);
  EXPECT_EQ(newest[0].id, 4);
  EXPECT_EQ(newest[0].state, JobState::interrupted);
  EXPECT_EQ(newest[2].id, 2);
  const auto unfinished = store_.unfinished();
  ASSERT_EQ(unfinished.size(), 2U);
  EXPECT_EQ(unfinished[0].id, 1);
  EXPECT_EQ(unfinished[1].id, 3);
}

TEST_F(JobStoreTest, CountsEachPhoneInItsOneState) {
  const std::int64_t id = store_.create(job());
  const std::int64_t other = store_.create(job());
  std::vector<JobItem> items;
  for (int i = 0; i < 10; ++i)
    items.push_back({"CSF" + std::to_string(i), ItemState::waiting, kNow});
  store_.set_items(id, items);
  store_.set_items(other, {{"CSF0", ItemState::failed, kNow}});
  store_.set_items(id, {{"CSF1", ItemState::reset_sent, kNow + seconds(1)},
                        {"CSF2", ItemState::returned, kNow},
                        {"CSF3", ItemState::returned, kNow},
                        {"CSF4", ItemState::not_returned, kNow},
                        {"CSF5", ItemState::failed, kNow}});
  const JobCounts counts = store_.counts(id);
  EXPECT_EQ(counts.total, 10U);
  EXPECT_EQ(counts.of(ItemState::waiting), 5U);
  EXPECT_EQ(counts.of(ItemState::reset_sent), 1U);
  EXPECT_EQ(counts.of(ItemState::returned), 2U);
  EXPECT_EQ(counts.of(ItemState::not_returned), 1U);
  EXPECT_EQ(counts.of(ItemState::failed), 1U);
  const auto found = store_.items(id);
  ASSERT_EQ(found.size(), 10U);
  EXPECT_EQ(found[1].phone, "CSF1");
  EXPECT_EQ(found[1].state, ItemState::reset_sent);
  EXPECT_EQ(found[1].changed, kNow + seconds(1));
  EXPECT_EQ(store_.counts(99).total, 0U);
}

TEST_F(JobStoreTest, KnowsNoJobThatWasNotMade) {
  Job stranger = job();
  stranger.id = 7;
  EXPECT_EQ(code_of([&] { store_.find(7); }), Code::not_found);
  EXPECT_EQ(code_of([&] { store_.update(stranger); }), Code::not_found);
  EXPECT_EQ(code_of([&] {
              store_.set_items(7, {{"CSFa", ItemState::waiting, kNow}});
            }),
            Code::not_found);
  EXPECT_EQ(test::sqlite3(folder_ / "admin.db", "select count(*) from job_item"), "0");
}

TEST_F(JobStoreTest, KeepsWhatIsWantedApartFromHowFarItIs) {
  const std::int64_t id = store_.create(job());
  EXPECT_EQ(store_.find(id).wanted, JobWanted::run);
  Job before = store_.find(id);
  store_.want(id, JobWanted::cancel);
  before.step = "resetting phones";
  store_.update(before);  // its worker knows nothing of it yet
  EXPECT_EQ(store_.find(id).wanted, JobWanted::cancel);
  EXPECT_EQ(store_.find(id).step, "resetting phones");
  EXPECT_EQ(code_of([&] { store_.want(7, JobWanted::pause); }), Code::not_found);
}

TEST_F(JobStoreTest, APausedJobIsUnfinishedAndACancelledOneIsNot) {
  for (const JobState state : {JobState::paused, JobState::cancelled}) {
    Job next = job();
    next.state = state;
    store_.create(next);
  }
  const auto unfinished = store_.unfinished();
  ASSERT_EQ(unfinished.size(), 1U);
  EXPECT_EQ(unfinished[0].state, JobState::paused);
}

TEST_F(JobStoreTest, ReturnsTheFirstItemsInTheseStatesOnly) {
  const std::int64_t id = store_.create(job());
  store_.set_items(id, {{"CSFd", ItemState::failed, kNow, 9, "Upgrade Failed: Invalid LSC"},
                        {"CSFa", ItemState::succeeded, kNow, 8, ""},
                        {"CSFc", ItemState::failed, kNow, 7, ""},
                        {"CSFb", ItemState::away, kNow, 6, ""}});
  const auto some = store_.items_in(id, {ItemState::failed, ItemState::away}, 10);
  ASSERT_EQ(some.size(), 3U);
  EXPECT_EQ(some[0].phone, "CSFc");
  EXPECT_EQ(some[1].phone, "CSFd");
  EXPECT_EQ(some[1].request, 9);
  EXPECT_EQ(some[1].detail, "Upgrade Failed: Invalid LSC");
  EXPECT_EQ(some[2].phone, "CSFb");
  EXPECT_EQ(store_.items_in(id, {ItemState::failed, ItemState::away}, 2).size(), 2U);
}

TEST_F(JobStoreTest, KnowsWhichPhonesAnUnfinishedJobOfAKindStillHasToDoWith) {
  const std::int64_t first = store_.create(job());
  Job other = job();
  other.kind = "capf-bulk";
  const std::int64_t second = store_.create(other);
  store_.set_items(first, {{"CSFa", ItemState::waiting, kNow}});
  store_.set_items(second, {{"CSFb", ItemState::waiting, kNow},
                            {"CSFc", ItemState::away, kNow},
                            {"CSFd", ItemState::failed, kNow}});
  const std::map<std::string, std::int64_t> expected = {{"CSFb", second}, {"CSFc", second}};
  EXPECT_EQ(store_.busy("capf-bulk"), expected);
  other = store_.find(second);
  other.state = JobState::cancelled;
  store_.update(other);
  EXPECT_TRUE(store_.busy("capf-bulk").empty());
}

TEST_F(JobStoreTest, GivesASecretOnceAndForgetsIt) {
  const std::int64_t id = store_.create(job());
  store_.set_items(id, {{"CSFa", ItemState::waiting, kNow}, {"CSFb", ItemState::waiting, kNow}});
  store_.keep_secrets(id, {{"CSFa", "0123456789"}, {"CSFb", "4711"}});
  EXPECT_EQ(store_.take_secrets(id, {"CSFa"}), (ByPhone{{"CSFa", "0123456789"}}));
  EXPECT_EQ(store_.take_secrets(id, {"CSFa"}), ByPhone{});
  store_.forget_secrets(id);
  EXPECT_EQ(store_.take_secrets(id, {"CSFb"}), ByPhone{});
  EXPECT_EQ(test::sqlite3(folder_ / "secrets.db", "select count(*) from job_secret"), "0");
}

TEST_F(JobStoreTest, TakesAwayInSmallStepsWhatEndedLongAgoAndNothingElse) {
  const auto ended_at = [&](Time when, JobState state) {
    Job one = job();
    one.state = state;
    one.finished = when;
    const std::int64_t id = store_.create(one);
    store_.update([&] {
      Job stored = store_.find(id);
      stored.state = state;
      stored.finished = when;
      return stored;
    }());
    store_.set_items(id, {{"CSFa", ItemState::succeeded, when},
                          {"CSFb", ItemState::succeeded, when},
                          {"CSFc", ItemState::failed, when}});
    return id;
  };
  const std::int64_t old = ended_at(kNow - std::chrono::seconds(1), JobState::done);
  const std::int64_t at_the_bound = ended_at(kNow, JobState::failed);
  const std::int64_t running = store_.create(job());
  store_.set_items(running, {{"CSFa", ItemState::waiting, kNow - std::chrono::hours(9999)}});
  const std::int64_t newest = ended_at(kNow - std::chrono::hours(9999), JobState::done);

  EXPECT_EQ(store_.prune(kNow, 2), 2U);
  EXPECT_EQ(store_.items(old).size(), 1U) << "its items go first, and not all at once";
  EXPECT_EQ(store_.prune(kNow, 2), 2U) << "the last item, and the job";
  EXPECT_EQ(store_.prune(kNow, 2), 0U);
  EXPECT_EQ(code_of([&] { store_.find(old); }), Code::not_found);
  EXPECT_EQ(store_.items(at_the_bound).size(), 3U);
  EXPECT_EQ(store_.items(running).size(), 1U);
  EXPECT_EQ(store_.items(newest).size(), 3U) << "the next number would be one that was";
  EXPECT_EQ(store_.create(job()), newest + 1);
}

TEST_F(JobStoreTest, RefusesADamagedRow) {
  const std::int64_t id = store_.create(job());
  test::sqlite3(folder_ / "admin.db", "update job set state = 'dancing'");
  EXPECT_EQ(code_of([&] { store_.find(id); }), Code::malformed);
}

TEST_F(JobStoreTest, SurvivesTheDaemon) {
  const test::TemporaryFolder folder;
  {
    Database database(folder / "admin.db", Schema::admin, Access::read_write);
    JobStore store(database);
    store.set_items(store.create(job()), {{"CSFa", ItemState::reset_sent, kNow}});
  }
  Database database(folder / "admin.db", Schema::admin, Access::read_write);
  ASSERT_EQ(JobStore(database).unfinished().size(), 1U);
  EXPECT_EQ(JobStore(database).items(1).at(0).state, ItemState::reset_sent);
}

}  // namespace
}  // namespace ringfence::core
