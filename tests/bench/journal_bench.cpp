// journal_bench: what CAPF's journal costs an enrolment, alone and grouped, small and large.
//
// Usage: journal_bench [seconds a series, 3 when absent]. Everything is measured side by side in
// one run; only the ratios mean something.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/phones/enrolment_store.h"
#include "core/storage/rows.h"
#include "core/storage/write_group.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::bench {
namespace {

using core::Bytes;
using Clock = std::chrono::steady_clock;

/// A certificate of the size of a phone's, RSA 2048.
core::IssuedCertificate certificate(std::uint64_t number) {
  core::IssuedCertificate certificate;
  certificate.phone = "SEP" + std::to_string(100'000'000'000 + number);
  certificate.request = static_cast<std::int64_t>(number);
  // Serials are random: their order must not be the order of the rows.
  std::uint64_t mixed = number * 0x9e3779b97f4a7c15U;
  for (int i = 0; i < 16; ++i) {
    certificate.serial.push_back(static_cast<std::uint8_t>(mixed >> (i % 8 * 8)));
    if (i == 7) mixed ^= mixed >> 29;
  }
  certificate.subject = "CN=CP-8861-" + certificate.phone + ",OU=Voice,O=Example,C=DE";
  certificate.issuer = "CN=CAPF-7f0ae8d7,OU=Voice,O=Example,L=Berlin,C=DE";
  certificate.der = Bytes(900, 0x5a);
  certificate.key = "RSA 2048";
  certificate.issued_at = core::from_seconds(1'795'255'200);
  certificate.not_after = core::from_seconds(1'900'000'000);
  return certificate;
}

/// enrol writes and reads what a session does.
void enrol(core::EnrolmentStore& journal, const core::EnrolmentStore& seen, std::uint64_t number) {
  const core::IssuedCertificate lsc = certificate(number);
  seen.outcome(lsc.phone, lsc.request);
  seen.held(lsc.phone);
  journal.issued(lsc);
  journal.delivered(lsc.serial, lsc.issued_at);
  journal.confirmed(lsc.serial, lsc.issued_at);
}

struct Figures {
  double per_second = 0;
  double cpu_us = 0;  ///< processor time an enrolment
  double p99_ms = 0;  ///< of an enrolment's whole time in the journal
  double worst_ms = 0;
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

Figures measure(int callers, double limit, const std::function<void()>& one) {
  std::vector<double> took;
  std::mutex mutex;
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i)
    threads.emplace_back([&] {
      std::vector<double> mine;
      while (seconds() < limit) {
        const double start = seconds();
        one();
        mine.push_back(seconds() - start);
      }
      const std::lock_guard lock(mutex);
      took.insert(took.end(), mine.begin(), mine.end());
    });
  for (auto& thread : threads) thread.join();
  const auto count = static_cast<double>(took.size());
  std::sort(took.begin(), took.end());
  return {count / seconds(), (cpu_seconds() - cpu) / count * 1e6,
          took[took.size() * 99 / 100] * 1e3, took.back() * 1e3};
}

/// Journal is a capf.db with `devices` enrolled phones in it.
class Journal {
 public:
  explicit Journal(std::uint64_t devices) {
    core::EnrolmentStore store(database_);
    while (number_ < devices) {
      core::Database::Transaction transaction(database_);
      for (int i = 0; i < 1000 && number_ < devices; ++i) enrol(store, store, number_++);
      transaction.commit();
    }
  }

  Figures alone(int callers, double seconds) {
    core::EnrolmentStore store(database_);
    return measure(callers, seconds, [&] { enrol(store, store, number_++); });
  }

  Figures grouped(int callers, double seconds) {
    core::Database reader{core::Database::Beside{database_}};
    const core::EnrolmentStore seen(reader);
    core::WriteGroup group(database_);
    core::EnrolmentStore store(database_, group);
    return measure(callers, seconds, [&] { enrol(store, seen, number_++); });
  }

  core::Database& database() { return database_; }

 private:
  test::TemporaryFolder folder_;
  core::Database database_{folder_ / "capf.db", core::Schema::capf, core::Access::read_write};
  std::atomic<std::uint64_t> number_ = 0;
};

void print(const char* series, const Figures& figures) {
  std::printf("%-28s %9.0f/s %9.0f cpu_us %9.1f p99_ms %9.1f worst_ms\n", series,
              figures.per_second, figures.cpu_us, figures.p99_ms, figures.worst_ms);
}

void print_ratio(const char* name, double over, double under) {
  std::printf("ratio/%-40s %.2f\n", name, over / under);
}

void report(double seconds) {
  Journal small(1000);
  const Figures alone = small.alone(1, seconds);
  print("alone/callers:1", alone);
  const Figures crowd = small.alone(64, seconds);
  print("alone/callers:64", crowd);
  const Figures one = small.grouped(1, seconds);
  print("grouped/callers:1", one);
  const Figures grouped = small.grouped(64, seconds);
  print("grouped/callers:64", grouped);
  // A large site, and beside it a small one again: the machine drifts.
  Journal large(seconds < 1 ? 2000 : 100'000);
  const Figures at_large = large.grouped(64, seconds);
  print("grouped/callers:64/large", at_large);
  Journal again(1000);
  const Figures at_small = again.grouped(64, seconds);
  print("grouped/callers:64/small", at_small);

  core::Database& database = small.database();
  const std::string phone = "SEP100000000007";
  long long count = 0;
  const char* const statement = "select count(*) from issued where phone = :phone";
  const Figures fresh = measure(1, seconds / 3, [&] {
    database.read(
        [&](soci::session& sql) { sql << statement, soci::into(count), soci::use(phone); });
  });
  const Figures kept = measure(1, seconds / 3, [&] {
    database.read([&](soci::session& /*sql*/) {
      core::Database::Prepared(database, statement).into(count).use(phone).execute();
    });
  });
  print("statement/fresh", fresh);
  print("statement/kept", kept);

  print_ratio("grouped_64 to alone_1", grouped.per_second, alone.per_second);
  print_ratio("grouped_64 to alone_64", grouped.per_second, crowd.per_second);
  print_ratio("grouped_1 to alone_1", one.per_second, alone.per_second);
  print_ratio("large to small (goal 0.9)", at_large.per_second, at_small.per_second);
  print_ratio("statement: kept to fresh", kept.per_second, fresh.per_second);
}

}  // namespace
}  // namespace ringfence::bench

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 3;
  ringfence::bench::report(seconds > 0 ? seconds : 3);
}
