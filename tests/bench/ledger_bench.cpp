// ledger_bench: what the ledger of phones' trust costs with very many phones.
//
// Usage: ledger_bench [phones, 100000 when absent]. Processor time of this process.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "services/admin/jobs/guards.h"
#include "services/admin/trust/trust_ledger.h"
#include "services/admin/wiring.h"
#include "tests/bench/site.h"

namespace ringfence::bench {
namespace {

using services::admin::House;

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

template <typename Work>
void measure(const char* what, const Work& work) {
  const double before = processor_seconds();
  const auto began = std::chrono::steady_clock::now();
  work();
  const double used = processor_seconds() - before;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%-44s %9.3f s of processor time, %9.3f s\n", what, used, took.count());
}

void run(std::size_t phones) {
  Site site(phones);
  House& house = site.house();
  services::admin::TrustWiring trust(house);
  Stopped services;
  services::admin::Guards guards(house, trust.keeper, services);
  std::printf("%zu phones\n", phones);
  measure("the first look after a start", [&] { house.trust().refresh(); });
  services::admin::TrustCounts counts;
  measure("show phone summary", [&] { counts = house.trust().counts(); });
  measure("a guard", [&] { guards.left_out({}); });
  site.come(1000);
  measure("a look after 1000 phones came", [&] { house.trust().refresh(); });
  measure("a look when nothing happened", [&] { house.trust().refresh(); });
  measure("one phone of show phone", [&] { house.trust().of(Site::name_of(phones / 2)); });
  std::printf("accepted %zu, fetched %zu, refused %zu, unknown %zu\n", counts.accepted,
              counts.fetched, counts.refused, counts.unknown);
}

}  // namespace
}  // namespace ringfence::bench

int main(int argc, char** argv) {
  const int phones = argc > 1 ? std::atoi(argv[1]) : 100'000;
  ringfence::bench::run(static_cast<std::size_t>(std::max(2000, phones)));
  return 0;
}
