// waves_bench: what a step of a job that resets phones costs, when one of very many moves.
//
// Usage: waves_bench [phones, 100000 when absent]. Processor time of the job's thread.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "services/admin/jobs/phone_waves.h"
#include "services/admin/wiring.h"
#include "tests/bench/site.h"

namespace ringfence::bench {
namespace {

using core::ItemState;
using services::admin::House;
using services::admin::PhoneWaves;

constexpr std::size_t kOnTheirWay = 400;
constexpr std::size_t kSteps = 21;

double processor_milliseconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

/// begin makes a job whose last phones were reset a moment ago and whose others are back.
core::Job begin(Site& site, std::size_t phones) {
  House& house = site.house();
  core::Job job;
  job.kind = "phone-reset";
  job.arguments = "{}";
  job.started = house.clock.now() - std::chrono::minutes(1);
  job.id = house.jobs.create(job);
  const core::Time sent = house.clock.now() - std::chrono::seconds(10);
  std::vector<core::JobItem> items;
  std::vector<core::ResetRow> resets;
  for (std::size_t i = 0; i < phones; ++i) {
    const bool back = i >= kOnTheirWay;
    items.push_back(
        {Site::name_of(i), back ? ItemState::returned : ItemState::reset_sent, sent, 0, ""});
    resets.push_back({job.id, Site::name_of(i), "reset", sent, sent, 200, Site::address_of(i)});
  }
  house.jobs.set_items(job.id, items);
  core::RegistrationStore(site.registrar()).reset_sent(resets);
  return job;
}

void run(std::size_t phones) {
  Site site(phones);
  House& house = site.house();
  services::admin::TrustWiring trust(house);
  Stopped services;
  services::admin::Jobs jobs(house.jobs);
  core::Job job = begin(site, phones);
  house.trust().refresh();  // as the daemon does at its start
  std::vector<double> steps;
  double began = 0;
  std::size_t moved = 0;
  const auto between = [&](std::chrono::milliseconds /*time*/) {
    steps.push_back(processor_milliseconds() - began);
    core::RegistrationStore(site.registrar())
        .save(site.registration(moved, "after", house.clock.now()));
    std::vector<core::TrustSign> signs;
    Site::boot(moved++, signs);
    site.signs().save(signs);
    began = processor_milliseconds();
    return steps.size() == kSteps + 1;
  };
  PhoneWaves waves({house, trust.keeper, services, jobs}, {}, {[](core::Job&) {}, between});
  began = processor_milliseconds();
  waves.run(job);
  const std::size_t returned = house.jobs.counts(job.id).of(ItemState::returned);
  const double first = steps.front();
  steps.erase(steps.begin());
  std::ranges::sort(steps);
  std::printf("%zu phones: a step in which one moves %.2f ms (%.2f to %.2f), the first %.0f ms\n",
              phones, steps[steps.size() / 2], steps.front(), steps.back(), first);
  if (returned != phones - kOnTheirWay + kSteps) {
    std::printf("of %zu that moved %zu were seen\n", kSteps, returned - (phones - kOnTheirWay));
    std::exit(1);
  }
}

}  // namespace
}  // namespace ringfence::bench

int main(int argc, char** argv) {
  const int phones = argc > 1 ? std::atoi(argv[1]) : 100'000;
  ringfence::bench::run(static_cast<std::size_t>(std::max(1000, phones)));
  return 0;
}
