// How long what has ended is kept, and who takes it away.
#include "core/storage/retention.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/storage/pruner.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class RetentionTest : public testing::Test {
 protected:
  fs::path file() const { return folder_ / "admin.db"; }

  test::TemporaryFolder folder_;
  Database database_{file(), Schema::admin, Access::read_write};
  RetentionStore store_{database_};
};

TEST_F(RetentionTest, HasDefaultsAndKeepsWhatIsSet) {
  EXPECT_EQ(store_.load(), Retention());
  EXPECT_EQ(store_.load().days(Kept::jobs), 365);
  store_.set(Kept::resets, 7);
  store_.set(Kept::logs, 3650);
  Retention expected;
  expected.set(Kept::resets, 7);
  expected.set(Kept::logs, 3650);
  EXPECT_EQ(store_.load(), expected);
  EXPECT_EQ(expected.oldest(Kept::resets, from_seconds(1'000'000)),
            from_seconds(1'000'000 - 7 * 86'400));
}

TEST_F(RetentionTest, RefusesWhatIsBeyondItsBounds) {
  for (const int days : {-1, 0, 6, 3651}) {
    try {
      store_.set(Kept::jobs, days);
      ADD_FAILURE() << days;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::malformed);
      EXPECT_STREQ(error.what(), "jobs may be kept for 7 to 3650 days");
    }
  }
  EXPECT_EQ(store_.load(), Retention());
  EXPECT_THROW(kept_from("audit"), Error);
  for (const Kept kept : kAllKept) EXPECT_EQ(kept_from(word(kept)), kept);
}

TEST_F(RetentionTest, APrunerTakesAllOfItInSmallStepsAndAgainWhenItIsSetAnew) {
  std::atomic<int> left = 1200;
  std::atomic<int> looks = 0;
  std::atomic<std::int64_t> days = 0;
  const auto step = [&](Database&, Time before, std::size_t most) {
    const auto taken = std::min<std::size_t>(most, static_cast<std::size_t>(left.load()));
    EXPECT_LE(taken, Pruner::kAtOnce);
    left -= static_cast<int>(taken);
    days = (SystemClock().now() - before) / std::chrono::hours(24);
    ++looks;
    return taken;
  };
  const Pruner pruner(file(), {{Kept::jobs, step}});
  EXPECT_TRUE(test::eventually([&] { return left == 0; }));
  EXPECT_EQ(days, 365);
  EXPECT_EQ(looks, 3);
  store_.set(Kept::jobs, 30);
  EXPECT_TRUE(test::eventually([&] { return days == 30; }));
}

TEST_F(RetentionTest, ARuleThatFailsKeepsNoOtherFromItsTurn) {
  std::atomic<int> failed = 0;
  std::atomic<bool> pruned = false;
  const auto fails = [&](Database&, Time, std::size_t) -> std::size_t {
    ++failed;
    throw Error(Code::io, "the disk is full");
  };
  const auto goes = [&](Database&, Time, std::size_t) {
    pruned = true;
    return std::size_t{0};
  };
  const Pruner pruner(file(), {{Kept::jobs, fails}, {Kept::resets, goes}});
  EXPECT_TRUE(test::eventually([&] { return pruned.load(); }));
  EXPECT_EQ(failed, 1);
}

TEST_F(RetentionTest, APrunerWaitsForAdminDbToComeToExist) {
  const fs::path later = folder_ / "later.db";
  std::atomic<bool> looked = false;
  const Pruner pruner(later, {{Kept::fetches, [&](Database&, Time, std::size_t) {
                                 looked = true;
                                 return std::size_t{0};
                               }}});
  const Database made(later, Schema::admin, Access::read_write);
  EXPECT_TRUE(test::eventually([&] { return looked.load(); }));
}

TEST_F(RetentionTest, TakesFilesThatWereWrittenLongAgoAndMayGo) {
  const Time before = from_seconds(1'800'000'000);
  const auto write = [&](const char* name, std::int64_t at) {
    const fs::path path = folder_ / name;
    std::ofstream(path) << "x";
    const timespec times[] = {{at, 0}, {at, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  };
  write("old.1", 1'799'999'999);
  write("bound.1", 1'800'000'000);
  write("old", 1'000'000'000);
  fs::create_symlink("old", folder_ / "link.1");
  const auto may_go = [](const fs::path& path) { return path.extension() == ".1"; };
  EXPECT_EQ(prune_files(folder_.path(), before, 10, may_go), 1U);
  EXPECT_FALSE(fs::exists(folder_ / "old.1"));
  EXPECT_TRUE(fs::exists(folder_ / "bound.1") && fs::exists(folder_ / "old"));
  EXPECT_EQ(prune_files(folder_ / "missing", before, 10, may_go), 0U);
}

}  // namespace
}  // namespace ringfence::core
