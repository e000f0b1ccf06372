// A whole instance whose daemons are killed at random while phones enrol: nothing is lost, nothing
// is there twice.
#include <signal.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/faults/books.h"
#include "tests/integration/faults/long_form.h"
#include "tests/support/instance.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLines = 16;  // phones that talk at once

/// Victim is a daemon and how often it dies in the short form; the long form kills on until the
/// phones are done.
struct Victim {
  const char* daemon;
  bool worker;  ///< not the daemon itself but one of its workers
  int kills;
};

class RandomKills : public testing::Test {
 protected:
  RandomKills() {
    if (const char* given = std::getenv("RINGFENCE_FAULTS_SEED")) seed_ = std::stoul(given);
    std::printf("RINGFENCE_FAULTS_SEED=%lu repeats this run's choices\n", seed_);
    std::fflush(stdout);
    random_.seed(seed_);
  }

  void start() {
    const Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  void import_phones(std::size_t count) {
    std::ofstream csv(instance_ / "phones.csv");
    csv << "name,model,operation,auth_mode,key_order,ec_bits\n";
    for (std::size_t i = 0; i < count; ++i) {
      const std::chrono::milliseconds thinks(random_() % 600);
      phones_.push_back(std::make_unique<SturdyPhone>(fmt::format("SEP{:012X}", i + 1), thinks));
      csv << phones_.back()->name() << ",CP-8861,install,null-string,ec-only,256\n";
    }
    csv.close();
    const Result imported =
        instance_.sh("utils phone import " + (instance_ / "phones.csv").string());
    ASSERT_EQ(imported.status, 0) << imported.out << imported.err;
  }

  /// enrol_all returns the threads that let all phones enrol, kLines at a time.
  std::vector<std::jthread> enrol_all(std::chrono::steady_clock::time_point until) {
    std::vector<std::jthread> lines;
    const auto port = static_cast<std::uint16_t>(3804 + instance_.port_offset());
    for (std::size_t i = 0; i < kLines; ++i)
      lines.emplace_back([this, port, until] {
        while (true) {
          const std::size_t mine = next_++;
          if (mine >= phones_.size()) return;
          SturdyPhone& phone = *phones_[mine];
          EXPECT_TRUE(phone.enrol(port, until)) << phone.name() << ": " << phone.complaint();
          ++done_;
        }
      });
    return lines;
  }

  bool all_done() const { return done_ == phones_.size(); }

  /// kill ends one process of `victim`; false when none runs now.
  bool kill(const Victim& victim) {
    std::vector<int> all = instance_.processes(victim.daemon);
    if (std::string(victim.daemon) == "signer") {  // the oldest is the daemon, the rest its workers
      std::sort(all.begin(), all.end());
      if (victim.worker && !all.empty()) all.erase(all.begin());
      if (!victim.worker && all.size() > 1) all.resize(1);
    }
    if (all.empty()) return false;
    ::kill(all[random_() % all.size()], SIGKILL);
    ++killed_;
    if (std::string(victim.daemon) == "admin") start();  // the others are started anew by it
    return true;
  }

  /// pause waits up to `most`, or until all are done.
  void pause(std::chrono::milliseconds most) {
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::milliseconds(random_() % static_cast<unsigned>(most.count()));
    while (!all_done() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(1ms);  // the moment is the point
  }

  std::vector<const SturdyPhone*> phones() const {
    std::vector<const SturdyPhone*> all;
    for (const auto& phone : phones_) all.push_back(phone.get());
    return all;
  }

  std::string log_of(const std::string& daemon) {
    std::ifstream file(instance_ / "log" / (daemon + ".log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Instance instance_;
  unsigned long seed_ = std::random_device{}();
  std::mt19937 random_;
  std::vector<std::unique_ptr<SturdyPhone>> phones_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> done_ = 0;
  int killed_ = 0;
};

TEST_F(RandomKills, LeaveTheBooksRight) {
  start();
  import_phones(long_form() ? 2000 : 100);
  std::vector<Victim> victims = {
      {"capf", false, 2}, {"signer", true, 3}, {"signer", false, 1}, {"admin", false, 1}};
  const auto until = std::chrono::steady_clock::now() + (long_form() ? 3000s : 100s);
  {
    const std::vector<std::jthread> lines = enrol_all(until);
    while (!all_done() && !victims.empty() && std::chrono::steady_clock::now() < until) {
      pause(1500ms);
      const std::size_t chosen = random_() % victims.size();
      if (kill(victims[chosen]) && --victims[chosen].kills == 0 && !long_form())
        victims.erase(victims.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
  }
  EXPECT_GE(killed_, 3);
  instance_.stop();
  EXPECT_THAT(faults_in(instance_ / "db" / "capf.db", phones(), log_of("capf"), Books::closed),
              testing::IsEmpty());
  int tries = 0;
  std::size_t certificates = 0;
  for (const auto& phone : phones_) {
    tries += phone->tries();
    certificates += phone->received().size();
  }
  std::printf("%zu phones, %d conversations, %zu certificates, %d kills\n", phones_.size(), tries,
              certificates, killed_);
}

}  // namespace
}  // namespace ringfence::test
