// Coroutines that wait for the disk.
#include "core/net/committed.h"

#include <chrono>
#include <latch>
#include <set>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/storage/setting_store.h"
#include "core/storage/write_group.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

class CommittedTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "admin.db"; }

  std::string rows() const { return test::sqlite3(file(), "select count(*) from setting"); }

  Task<void> save(std::string name) {
    auto work = [&] { settings_.save(name, "x"); };
    co_await committed(group_, work);
    EXPECT_EQ(std::this_thread::get_id(), home_) << "it went on in another's thread";
    EXPECT_EQ(test::sqlite3(file(), "select value from setting where name = '" + name + "'"), "x");
    ++done_;
  }

  void spawn(Task<void> task) {
    auto end = [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    };
    asio::co_spawn(io_, std::move(task), end);
  }

  test::TemporaryFolder folder_;
  Database database_{file(), Schema::admin, Access::read_write};
  SettingStore settings_{database_};
  asio::io_context io_{1};
  WriteGroup group_{database_};
  const std::thread::id home_ = std::this_thread::get_id();
  int done_ = 0;
};

TEST_F(CommittedTest, IsOnTheDiskWhenTheCoroutineGoesOnInItsOwnThread) {
  spawn(save("a"));
  io_.run();
  EXPECT_EQ(done_, 1);
}

TEST_F(CommittedTest, HoldsNoThreadAndSharesTheDiskAmongManyCoroutines) {
  std::latch begun(1);
  std::latch go(1);
  std::thread held([&] {
    group_.write([&](soci::session& /*sql*/) {
      begun.count_down();
      go.wait();
    });
  });
  begun.wait();
  for (int i = 0; i < 200; ++i) spawn(save(std::to_string(i)));
  // All have begun on this one thread, and it is free, while the disk is busy.
  while (io_.poll() > 0) {
  }
  EXPECT_EQ(done_, 0);
  EXPECT_FALSE(io_.stopped()) << "the context gave up on what waits for the disk";
  go.count_down();
  held.join();
  io_.run();
  EXPECT_EQ(done_, 200);
  EXPECT_LE(group_.counts().commits, 3U);
}

TEST_F(CommittedTest, ReturnsWhatTheWorkReturnedAndThrowsWhatItThrew) {
  auto both = [this]() -> Task<void> {
    auto answer = [&] {
      settings_.save("good", "1");
      return std::string("forty-two");
    };
    const std::string got = co_await committed(group_, answer);
    EXPECT_EQ(got, "forty-two");
    auto fail = [&] {
      settings_.save("bad", "1");
      throw Error(Code::refused, "no more");
    };
    try {
      co_await committed(group_, fail);
      ADD_FAILURE() << "it failed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::refused);
    }
  };
  spawn(both());
  io_.run();
  EXPECT_EQ(test::sqlite3(file(), "select group_concat(name) from setting"), "good");
}

TEST_F(CommittedTest, NeverWaitsForRoomOnTheCallersThread) {
  WriteGroup::Bounds bounds;
  bounds.waiting = 2;
  WriteGroup narrow(database_, bounds);
  auto save_many = [this, &narrow](int i) -> Task<void> {
    auto work = [&] { settings_.save(std::to_string(i), "x"); };
    co_await committed(narrow, work);
    ++done_;
  };
  for (int i = 0; i < 50; ++i) spawn(save_many(i));
  io_.run();
  EXPECT_EQ(done_, 50);
  EXPECT_EQ(rows(), "50");
}

}  // namespace
}  // namespace ringfence::core
