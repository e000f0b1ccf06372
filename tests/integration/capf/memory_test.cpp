// What a phone that works on its key costs ringfence-capf in memory.
#include <sys/resource.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/file.h"
#include "tests/bench/crowd.h"
#include "tests/integration/capf/house.h"
#include "tests/integration/capf/program.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;

/// Sanitizers keep freed memory and put red zones around what lives.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// crowd_of makes `count` phones that will work on their key for an hour, and so need none.
bench::CrowdPlan crowd_of(House& house, std::uint16_t port, std::size_t first, std::size_t count) {
  bench::CrowdPlan plan;
  plan.port = port;
  plan.at_once = count;
  plan.key_time = 1h;
  std::vector<core::Phone> records;
  for (std::size_t i = 0; i < count; ++i) {
    core::Phone record;
    record.name = fmt::format("SEP{:012X}", first + i);
    record.model = "CP-8861";
    record.capf.operation = core::Operation::install;
    record.capf.completes_by = house.clock.now() + 24h;
    plan.names.push_back(record.name);
    records.push_back(std::move(record));
  }
  house.phones.save(records, core::PhoneStore::Ask::again);
  return plan;
}

TEST(CapfMemory, IsUnderSixtyFourKilobytesForAPhoneThatWorksOnItsKey) {
  constexpr std::size_t kPhones = 2000;
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < kPhones + 200) GTEST_SKIP() << "needs more open files: ulimit -n";

  House house;
  const std::uint16_t port = free_port(4804);
  core::write_atomically(house.folder / "ringfence.toml",
                         core::bytes_of(fmt::format("[network]\nport_offset = {}\n", port - 3804)));
  Program program(house.folder.path());
  EXPECT_EQ(program.status().at("sessions").to_number<std::size_t>(), 0U);
  // The first ones fill what is not per phone: threads' stacks, OpenSSL's and SQLite's caches.
  bench::Crowd first(crowd_of(house, port, 0, 200));
  ASSERT_TRUE(first.wait_until_working(200, 60s));
  const std::size_t before = program.resident_bytes();
  bench::Crowd crowd(crowd_of(house, port, 1000, kPhones));
  ASSERT_TRUE(crowd.wait_until_working(kPhones, 60s));
  const std::size_t each = (program.resident_bytes() - before) / kPhones;
  fmt::print("{} bytes a phone\n", each);
  RecordProperty("bytes_a_phone", static_cast<int>(each));
  EXPECT_EQ(program.status().at("sessions").to_number<std::size_t>(), kPhones + 200);
  if (kSanitized) GTEST_SKIP() << "a sanitizer's memory is not the program's";
  EXPECT_LT(each, 64U * 1024U);
}

}  // namespace
}  // namespace ringfence::test
