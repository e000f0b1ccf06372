// The power is cut while a house starts for the first time, regenerates, publishes a recovery list
// and ends it, stops and starts again: whatever the token's folder, admin.db and the trust lists
// are found as, all that was said still holds, and the house starts.
//
// All processes run once with their writes, syncs and changes of names written down in one order.
// Then each prefix of that record is taken for all that happened (tests/support/recorded_disk.h).
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <random>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/faults/house_judge.h"
#include "tests/integration/faults/long_form.h"
#include "tests/integration/faults/sturdy_phone.h"
#include "tests/support/instance.h"
#include "tests/support/recorded_disk.h"

namespace ringfence::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr char kSaid = 'p';  // an entry of ours: what was said by now

/// Recording is what a house did to its disk, and when it had said what.
class Recording {
 public:
  Recording() : root_(instance_.state()) {
    ::setenv("RINGFENCE_DISK_ROOT", root_.c_str(), 1);
    ::setenv("RINGFENCE_DISK_RECORD", record().c_str(), 1);
    ::setenv("LD_PRELOAD", RINGFENCE_DISK_LIBRARY, 1);
    expect(instance_.start());
    mark();
    for (const char* words :
         {"--yes set cert regen CallManager", "--yes set csr gen CAPF",
          "--yes utils itl reset localkey", "--yes utils service restart Cisco Tftp",
          "--yes set cert regen CAPF"}) {
      expect(instance_.sh(words));
      mark();
    }
    expect(instance_.stop());
    expect(instance_.start());  // the workers log in again, to a token with keys
    mark();
    expect(instance_.stop());
    for (const char* name : {"LD_PRELOAD", "RINGFENCE_DISK_ROOT", "RINGFENCE_DISK_RECORD"})
      ::unsetenv(name);
    for (DiskStep& step : read_disk_steps(record()))
      if (of_interest(step)) steps_.push_back(std::move(step));
  }

  const fs::path& root() const { return root_; }

  const std::vector<DiskStep>& steps() const { return steps_; }

  const std::vector<Promised>& said() const { return said_; }

 private:
  fs::path record() const { return folder_ / "record"; }

  static void expect(const Result& result) {
    EXPECT_TRUE(result.status == 0 || result.status == 5) << result.out << result.err;
  }

  void mark() {
    const bool list = fs::exists(root_ / "tftp" / "ITLFile.tlv");
    ASSERT_TRUE(list) << "the house did not start";
    said_.push_back(promised_by(root_, said_.empty() ? Promised{} : said_.back()));
    std::string entry(1, kSaid);
    const std::uint64_t number = said_.size() - 1;
    entry.append(4, '\0').append(reinterpret_cast<const char*>(&number), 8).append(4, '\0');
    std::ofstream(record(), std::ios::binary | std::ios::app) << entry;
  }

  /// of_interest leaves out logs, sockets and what the other daemons wrote; SQLite's index of its
  /// log does not survive, and is made anew.
  bool of_interest(const DiskStep& step) const {
    if (step.kind == kSaid) return true;
    const std::string path = fs::path(step.path).lexically_relative(root_).string();
    if (path.ends_with("-shm") || path == "hsm/lock") return false;
    for (const char* name : {"hsm", "hsm/", "db/admin.db", "tftp/ITLFile", "tftp/CTLFile"})
      if (path.starts_with(name)) return true;
    return path == "." || path == "db" || path == "tftp";
  }

  const TemporaryFolder folder_;
  Instance instance_;
  const fs::path root_;
  std::vector<DiskStep> steps_;
  std::vector<Promised> said_;
};

const char* word(Unsynced survives) {
  return survives == Unsynced::all ? "all" : survives == Unsynced::none ? "none" : "some";
}

class HousePowerCut : public testing::Test {
 protected:
  static void SetUpTestSuite() { recording_ = new Recording; }

  static void TearDownTestSuite() {
    delete recording_;
    recording_ = nullptr;
  }

  static const Recording& recording() { return *recording_; }

  /// Cut is called with the disk behind a step that changed it, and what had been said by then; it
  /// returns whether to go on.
  using Cut = std::function<bool(const RecordedDisk&, std::size_t at, const Promised&)>;
  using Loses = std::function<bool(const DiskStep&)>;

  /// walk takes step after step, but those that `loses` names.
  static void walk(const Cut& cut, const Loses& loses = {}) {
    RecordedDisk disk(recording().root());
    Promised said;
    const std::vector<DiskStep>& steps = recording().steps();
    for (std::size_t i = 0; i < steps.size() && !HasFailure(); ++i) {
      if (steps[i].kind == kSaid)
        said = recording().said().at(steps[i].offset);
      else if ((loses && loses(steps[i])) || !disk.take(steps[i]))
        continue;
      if (!cut(disk, i, said)) return;
    }
  }

  /// changes lists the steps behind which there is another disk.
  static std::vector<std::size_t> changes() {
    std::vector<std::size_t> all;
    walk([&](const RecordedDisk&, std::size_t at, const Promised&) {
      all.push_back(at);
      return true;
    });
    return all;
  }

  static std::string relative(const std::string& path) {
    return fs::path(path).lexically_relative(recording().root()).string();
  }

  static std::string behind(std::size_t at) {
    const DiskStep& step = recording().steps()[at];
    return fmt::format("behind step {} ({} {})", at, step.kind, relative(step.path));
  }

  std::vector<std::string> faults_in(const RecordedDisk& disk, Unsynced survives,
                                     const Promised& said) {
    const TemporaryFolder found("/dev/shm");
    disk.build(found.path(), survives, random_);
    ++cuts_;
    return faults_in_house(found.path(), said);
  }

  void expect_house(const RecordedDisk& disk, const std::string& where) {
    Instance instance;
    disk.build(instance.state(), Unsynced::some, random_);
    const Result started = instance.start();
    ASSERT_EQ(started.status, 0) << where << ": " << started.out << started.err;
    const Result shown = instance.sh("show itl");
    EXPECT_EQ(shown.status, 0) << where << ": " << started.out << started.err << shown.out;
    SturdyPhone phone("SEP000000000001");
    std::ofstream(instance / "phones.csv")
        << "name,model,operation,auth_mode,key_order,ec_bits\n"
        << phone.name() << ",CP-8861,install,null-string,ec-only,256\n";
    const Result imported = instance.sh("utils phone import " + (instance / "phones.csv").string());
    ASSERT_EQ(imported.status, 0) << where << ": " << imported.out << imported.err;
    EXPECT_TRUE(phone.enrol(static_cast<std::uint16_t>(3804 + instance.port_offset()),
                            std::chrono::steady_clock::now() + 60s))
        << where << ": " << phone.complaint();
    ++houses_;
  }

  std::mt19937 random_{20261128};
  std::size_t cuts_ = 0;
  std::size_t houses_ = 0;

 private:
  static Recording* recording_;
};

Recording* HousePowerCut::recording_ = nullptr;

TEST_F(HousePowerCut, TakesNothingBackThatWasSaid) {
  const std::size_t all = changes().size();
  ASSERT_GE(all, 500U) << "the processes were not recorded";
  const std::size_t stride = long_form() ? 1 : all / 60;
  std::size_t seen = 0;
  walk([&](const RecordedDisk& disk, std::size_t at, const Promised& said) {
    const bool mark = recording().steps()[at].kind == kSaid;
    if (++seen % stride != 0 && !mark) return true;
    for (const Unsynced survives : {Unsynced::all, Unsynced::none, Unsynced::some})
      EXPECT_THAT(faults_in(disk, survives, said), testing::IsEmpty())
          << behind(at) << ", " << word(survives) << " of what was not synced";
    return true;
  });
  RecordProperty("changes", static_cast<int>(all));
  RecordProperty("cuts", static_cast<int>(cuts_));
}

/// A harness that cannot fail proves nothing: without these syncs it finds something.
TEST_F(HousePowerCut, IsRedWithoutASync) {
  const std::string tokens = "hsm/tokens/";

  struct Without {
    const char* what;
    std::function<bool(const std::string& path)> loses;
  };

  const std::vector<Without> all = {
      {"the token's objects", [](const std::string& path) { return path.ends_with(".object"); }},
      {"the token's folder",
       [&](const std::string& path) {
         return path.starts_with(tokens) && path.find('/', tokens.size()) == std::string::npos;
       }},
      {"hsm", [](const std::string& path) { return path == "hsm"; }},
      {"the lists",
       [](const std::string& path) { return path.find("ITLFile.tlv") != std::string::npos; }},
      {"the lists' folder", [](const std::string& path) { return path == "tftp"; }},
      {"admin.db's log", [](const std::string& path) { return path == "db/admin.db-wal"; }},
      {"db", [](const std::string& path) { return path == "db"; }},
      {"the state folder", [](const std::string& path) { return path == "."; }},
  };
  const std::size_t stride = changes().size() / 40;
  for (const Without& without : all) {
    std::string found;
    std::size_t seen = 0;
    walk(
        [&](const RecordedDisk& disk, std::size_t at, const Promised& said) {
          const bool mark = recording().steps()[at].kind == kSaid;
          if (++seen % stride != 0 && !mark) return true;
          for (const Unsynced survives : {Unsynced::none, Unsynced::some})
            for (const std::string& fault : faults_in(disk, survives, said))
              if (found.empty()) found = fault + " " + behind(at);
          return found.empty();
        },
        [&](const DiskStep& step) {
          return step.kind == 's' && without.loses(relative(step.path));
        });
    EXPECT_NE(found, "") << "nothing is lost without the syncs of " << without.what;
    RecordProperty(without.what, found);
  }
}

/// A disk from which a whole house starts and enrols a phone.
TEST_F(HousePowerCut, LeavesAHouseThatEnrols) {
  const std::vector<std::size_t> all = changes();
  std::set<std::size_t> chosen;
  const std::size_t count = long_form() ? 40 : 2;
  for (std::size_t i = 0; i < count; ++i) chosen.insert(all[random_() % all.size()]);
  // Between the row of a new list and its name, at a regeneration.
  for (std::size_t i = all.size(); i-- > 0 && chosen.size() <= count;)
    if (recording().steps()[all[i]].kind == 'r' &&
        relative(recording().steps()[all[i]].other) == "tftp/ITLFile.tlv")
      chosen.insert(all[i - 1]);
  walk([&](const RecordedDisk& disk, std::size_t at, const Promised&) {
    if (chosen.contains(at)) expect_house(disk, behind(at));
    return true;
  });
  EXPECT_EQ(houses_, chosen.size());
}

}  // namespace
}  // namespace ringfence::test
