// ringfence-capf is killed at each step in turn: every write, sync, signature and socket write.
#include <array>
#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/faults/books.h"
#include "tests/integration/faults/long_form.h"
#include "tests/integration/faults/world.h"
#include "tests/support/stopped.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;

/// Kind is a kind of step and where in it the process may end.
struct Kind {
  const char* name;
  char letter;
  std::vector<const char*> places;
};

const std::array<Kind, 7> kKinds = {{{"write", 'w', {"before", "half", "after"}},
                                     {"truncate", 't', {"before", "after"}},
                                     {"sync", 's', {"before", "after"}},
                                     {"unlink", 'u', {"before", "after"}},
                                     {"ask", 'a', {"before", "half", "after"}},
                                     {"answer", 'r', {"after"}},
                                     {"send", 'n', {"before", "half", "after"}}}};

class StopAtAStep : public testing::Test {
 protected:
  auto soon() const { return std::chrono::steady_clock::now() + 60s; }

  const SturdyPhone* add() { return phones_.emplace_back(world_.add()).get(); }

  std::vector<const SturdyPhone*> phones() const {
    std::vector<const SturdyPhone*> all;
    for (const auto& phone : phones_) all.push_back(phone.get());
    return all;
  }

  void expect_books(Books books, const std::string& where) {
    EXPECT_THAT(faults_in(world_.capf_db(), phones(), world_.log(), books), testing::IsEmpty())
        << where;
  }

  /// conversation enrols one phone, begun with a program in `environment`; returns whether that one
  /// was killed. A second program takes over then.
  bool conversation(const std::vector<std::string>& environment, const std::string& where) {
    phones_.push_back(world_.add());
    SturdyPhone& phone = *phones_.back();
    bool done = false;
    {
      CapfProcess capf(world_.state(), world_.log_file(), environment);
      // It may be killed before it is ready; a phone that finds nobody comes back.
      if (capf.wait_ready()) {
        const auto give_up = soon();
        while (!done && !capf.ended() && std::chrono::steady_clock::now() < give_up)
          done = phone.enrol(world_.port(), std::chrono::steady_clock::now() + 1ms);
      }
      const int status = capf.stop();
      if (status == 0) {
        expect_books(Books::closed, where);
        return false;
      }
      EXPECT_EQ(status, 128 + SIGKILL) << where;
    }
    expect_books(done ? Books::closed : Books::open, where);
    if (done) return true;  // it was killed behind the phone's last message
    CapfProcess capf(world_.state(), world_.log_file());
    EXPECT_TRUE(capf.wait_ready()) << where;
    EXPECT_TRUE(phone.enrol(world_.port(), soon())) << where << ": " << phone.complaint();
    EXPECT_EQ(capf.stop(), 0);
    expect_books(Books::closed, where);
    return true;
  }

  World world_;
  std::vector<std::unique_ptr<SturdyPhone>> phones_;
};

TEST_F(StopAtAStep, LeavesTheBooksRightWhicheverItIs) {
  const TemporaryFolder folder;
  const auto record = folder / "record";
  // The first run makes capf.db; the second is one like all that follow.
  conversation({}, "at first");
  conversation(World::preloaded("RINGFENCE_STOP_RECORD", record), "while recording");
  const std::vector<Step> steps = read_steps(record);
  std::size_t tried = 0;
  std::size_t killed = 0;
  for (const Kind& kind : kKinds) {
    const std::size_t count = steps_of(steps, kind.letter);
    for (const char* place : kind.places) {
      // The short form tries about four steps of each kind, other ones in each place.
      const std::size_t stride = long_form() ? 1 : std::max<std::size_t>(count / 2, 1);
      const std::size_t first = long_form() ? 1 : 1 + tried % stride;
      for (std::size_t step = first; step <= count && !HasFailure(); step += stride) {
        const std::string where = fmt::format("{} {} {}", kind.name, step, place);
        ++tried;
        if (conversation(World::preloaded("RINGFENCE_STOP", where), where)) ++killed;
      }
    }
  }
  // The number of steps differs a little from run to run: the last may not come.
  EXPECT_GE(killed * 10, tried * 8);
  EXPECT_GE(steps_of(steps, 'n'), 4U);
  EXPECT_GE(steps_of(steps, 'a'), 1U);
  RecordProperty("tried", static_cast<int>(tried));
  RecordProperty("killed", static_cast<int>(killed));
}

}  // namespace
}  // namespace ringfence::test
