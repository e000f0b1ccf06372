// Signatures a second with software keys, raw token loops, the pool and the provider, side by side
// in one run, and the ratios between them.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "tests/bench/crew.h"
#include "tests/bench/pool.h"
#include "tests/bench/processor.h"
#include "tests/bench/raw_token.h"
#include "tests/bench/results.h"
#include "tests/bench/software.h"
#include "tests/bench/wakes.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::bench {
namespace {

constexpr std::size_t kRounds = 5;
constexpr std::size_t kCallers = 64;
constexpr double kHalfLoadSeconds = 1;  // of paced calls a round: p99 of some thousand calls

enum class Extent { full, one_round };

/// Bench is everything that is measured, started once, and what came out.
struct Bench {
  std::size_t cores = std::max(2U, std::thread::hardware_concurrency());
  test::TemporaryFolder raw_folder;
  RawToken raw{raw_folder.path(), 2 * cores};  // first: it forks
  test::TemporaryFolder pool_folder;
  Pool pool{pool_folder.path()};
  Results results;
  bool failed = false;
};

std::string figure(const std::string& series, const char* name) {
  return series + "/" + name;
}

/// Used is processor time, by who used it.
struct Used {
  Seconds callers;  ///< this process: callers, and software signatures
  Seconds raw;
  Seconds parent;
  Seconds workers;

  explicit Used(const Bench& bench)
      : callers(processor_time(::getpid())),
        raw(bench.raw.processes_time()),
        parent(bench.pool.parent_time()),
        workers(bench.pool.workers_time()) {}
};

/// report_use adds processor time a signature to a line, and to the results for its ratio.
void report_use(Bench& bench, benchmark::State& state, const std::string& series, std::size_t round,
                const Used& before, std::size_t count) {
  const Used after(bench);
  const auto micros = [count](Seconds began, Seconds ended) {
    return (ended - began).count() * 1e6 / static_cast<double>(count);
  };
  const double parent = micros(before.parent, after.parent);
  const double workers = micros(before.workers, after.workers);
  const double all =
      micros(before.callers, after.callers) + micros(before.raw, after.raw) + parent + workers;
  state.counters["cpu_us"] = all;
  if (workers > 0.5) {
    state.counters["parent_us"] = parent;
    state.counters["workers_us"] = workers;
  }
  bench.results.set(figure(series, "cpu"), round, all);
}

using Count = std::size_t;
using Measure = std::function<Seconds(Count)>;

/// guarded runs a benchmark's body; what it throws fails that benchmark and the program.
template <typename Body>
void guarded(Bench& bench, benchmark::State& state, const Body& body) {
  try {
    body();
  } catch (const std::exception& error) {
    bench.failed = true;
    state.SkipWithError(error.what());
  }
}

/// add_rate registers a benchmark whose iterations are signatures, all made as one batch.
void add_rate(Bench& bench, const std::string& series, std::size_t round, const Measure& measure) {
  const auto body = [&bench, series, round, measure](benchmark::State& state) {
    guarded(bench, state, [&] {
      while (state.KeepRunningBatch(state.max_iterations)) {
        const auto count = static_cast<Count>(state.max_iterations);
        const Used before(bench);
        const Seconds time = measure(count);
        report_use(bench, state, series, round, before, count);
        state.SetIterationTime(time.count());
        bench.results.set(series, round, static_cast<double>(count) / time.count());
      }
      state.SetItemsProcessed(state.iterations());
    });
  };
  benchmark::RegisterBenchmark(fmt::format("{}/round:{}", series, round).c_str(), body)
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

std::string software(const MeasuredKey& key) {
  return fmt::format("{}/software", key.name);
}

std::string raw(const MeasuredKey& key, std::size_t processes) {
  return fmt::format("{}/raw/processes:{}", key.name, processes);
}

std::string naive(const MeasuredKey& key, std::size_t threads) {
  return fmt::format("{}/naive/threads:{}", key.name, threads);
}

std::string pool(const MeasuredKey& key, std::size_t callers) {
  return fmt::format("{}/pool/callers:{}", key.name, callers);
}

std::string x509(const MeasuredKey& key, std::size_t callers) {
  return fmt::format("{}/x509/callers:{}", key.name, callers);
}

const std::string kWakes = fmt::format("wakes/sleepers:{}", kCallers);

/// Signer is who signs at half load: the pool, or keys in memory to see what the machine itself
/// does to a latency.
enum class Signer { pool, software };

std::string half_load(const MeasuredKey& key, Arrivals arrivals, Signer signer) {
  return fmt::format("{}/{}/{}", key.name,
                     signer == Signer::pool ? "half_load" : "half_load_in_software",
                     arrivals == Arrivals::even ? "even" : "poisson");
}

/// paced says for which keys half load is measured: one of each kind is enough.
bool paced(const MeasuredKey& key) {
  return key.spec == hsm::KeySpec{hsm::KeyAlgorithm::rsa, 2048} ||
         key.spec == hsm::KeySpec{hsm::KeyAlgorithm::ec, 256};
}

/// add_half_load registers calls at half the rate that 64 callers reached in the same round. A
/// figure is a whole run's, from each call's intended start.
void add_half_load(Bench& bench, const MeasuredKey& key, Arrivals arrivals, Signer signer,
                   std::size_t round, Extent extent) {
  const std::string series = half_load(key, arrivals, signer);
  const auto body = [&bench, &key, arrivals, signer, series, round](benchmark::State& state) {
    const std::optional<double> full = bench.results.at(pool(key, kCallers), round);
    if (!full) return state.SkipWithError("needs pool/callers:64 in the same run");
    guarded(bench, state, [&] {
      while (state.KeepRunningBatch(state.max_iterations)) {
        const auto count = static_cast<Count>(state.max_iterations);
        const Clock::time_point began = Clock::now();
        const std::vector<Seconds> times =
            pace(count, *full / 2, arrivals, kCallers,
                 signer == Signer::pool ? bench.pool.sign(key) : sign_in_software(key));
        state.SetIterationTime(Seconds(Clock::now() - began).count());
        const double median_us = times[count / 2].count() * 1e6;
        const double p99_us = times[count * 99 / 100].count() * 1e6;
        state.counters["median_us"] = median_us;
        state.counters["p99_us"] = p99_us;
        bench.results.set(figure(series, "median"), round, median_us);
        bench.results.set(figure(series, "p99"), round, p99_us);
      }
      state.SetItemsProcessed(state.iterations());
    });
  };
  auto* made = benchmark::RegisterBenchmark(fmt::format("{}/round:{}", series, round).c_str(), body)
                   ->UseManualTime()
                   ->Unit(benchmark::kMicrosecond);
  if (extent == Extent::full) made->MinTime(kHalfLoadSeconds);
}

void add_round(Bench& bench, const MeasuredKey& key, std::size_t round, Extent extent) {
  const std::size_t cores = bench.cores;
  add_rate(bench, software(key), round,
           [&, cores](Count count) { return share(count, cores, sign_in_software(key)); });
  for (const std::size_t processes : {cores, 2 * cores})
    add_rate(bench, raw(key, processes), round,
             [&, processes](Count count) { return bench.raw.by_copies(key, processes, count); });
  for (const std::size_t callers : {std::size_t{1}, std::size_t{8}, kCallers})
    add_rate(bench, pool(key, callers), round,
             [&, callers](Count count) { return share(count, callers, bench.pool.sign(key)); });
  for (const std::size_t callers : {std::size_t{1}, std::size_t{8}, kCallers})
    add_rate(bench, x509(key, callers), round, [&, callers](Count count) {
      return share(count, callers, bench.pool.x509_sign(key));
    });
  for (const std::size_t threads : {std::size_t{1}, cores, 2 * cores})
    add_rate(bench, naive(key, threads), round,
             [&, threads](Count count) { return bench.raw.by_token_object(key, threads, count); });
  if (!paced(key)) return;
  for (const Signer signer : {Signer::pool, Signer::software})
    for (const Arrivals arrivals : {Arrivals::even, Arrivals::poisson})
      add_half_load(bench, key, arrivals, signer, round, extent);
}

/// add_ratio registers a line that measures nothing and reports `ratio` from what was measured.
void add_ratio(Bench& bench, const Ratio& ratio) {
  const auto body = [&bench, ratio](benchmark::State& state) {
    for (auto _ : state) continue;
    const std::string under = bench.results.best(ratio.under);
    std::vector<double> figures = bench.results.ratio(ratio.over, under);
    if (figures.empty()) return state.SetLabel("not measured in this run");
    const double middle = median(figures);
    state.counters["ratio"] = middle;
    const std::vector<double> costs =
        bench.results.ratio(figure(under, "cpu"), figure(ratio.over, "cpu"));
    if (!costs.empty()) state.counters["cpu_ratio"] = median(costs);
    state.counters["lowest"] = *std::min_element(figures.begin(), figures.end());
    state.counters["highest"] = *std::max_element(figures.begin(), figures.end());
    state.SetLabel(verdict(ratio, middle) + " (" + ratio.over + " : " + under + ")");
  };
  benchmark::RegisterBenchmark(("ratio/" + ratio.name).c_str(), body)->Iterations(1);
}

/// add_ceiling registers the share of the raw loop's rate that is left when nothing but the waking
/// of sleeping callers is added to the token's own work.
void add_ceiling(Bench& bench, const MeasuredKey& key, const std::vector<std::string>& raws) {
  const std::string name = key.name;
  const auto body = [&bench, raws](benchmark::State& state) {
    for (auto _ : state) continue;
    const std::string best = bench.results.best(raws);
    const std::vector<double> wakes_to_raw =
        bench.results.ratio(figure(kWakes, "cpu"), figure(best, "cpu"));
    if (wakes_to_raw.empty()) return state.SetLabel("not measured in this run");
    state.counters["ratio"] = 1 / (1 + median(wakes_to_raw));
    state.SetLabel("for information: the most that callers who sleep can get");
  };
  benchmark::RegisterBenchmark(("ratio/" + name + "/ceiling").c_str(), body)->Iterations(1);
}

/// add_ratios registers what issue 3 asks for. P-384 has no goal against the raw loop there.
void add_ratios(Bench& bench, const MeasuredKey& key) {
  const std::string name = key.name;
  const std::vector<std::string> raws = {raw(key, bench.cores), raw(key, 2 * bench.cores)};
  const std::vector<std::string> naives = {naive(key, bench.cores), naive(key, 2 * bench.cores)};
  const bool rsa = key.spec.algorithm == hsm::KeyAlgorithm::rsa;
  const Aim aim = rsa || key.spec.bits == 256 ? Aim::at_least : Aim::none;
  const std::string over = pool(key, kCallers);
  add_ratio(bench, {name + "/pool_to_raw", over, raws, aim, rsa ? 0.95 : 0.80});
  add_ceiling(bench, key, raws);
  add_ratio(bench, {name + "/x509_to_pool", x509(key, kCallers), {over}, Aim::at_least, 0.90});
  add_ratio(bench, {name + "/pool_to_naive", over, naives, Aim::at_least, 1.7});
  add_ratio(bench, {name + "/pool_to_naive_with_one_thread", over, {naive(key, 1)}});
  add_ratio(bench, {name + "/naive_to_raw", naives.front(), raws});
  add_ratio(bench, {name + "/pool_to_software", over, {software(key)}});
  if (!paced(key)) return;
  for (const Signer signer : {Signer::pool, Signer::software})
    for (const Arrivals arrivals : {Arrivals::even, Arrivals::poisson}) {
      const std::string series = half_load(key, arrivals, signer);
      const Aim at_most = signer == Signer::pool ? Aim::at_most : Aim::none;
      add_ratio(bench, {series + "/p99_to_median",
                        figure(series, "p99"),
                        {figure(series, "median")},
                        at_most,
                        3});
    }
}

/// extent_of says how much to measure: with --benchmark_min_time one short round. Otherwise the
/// default's time is inserted.
Extent extent_of(std::vector<char*>& arguments) {
  const auto names_time = [](const char* argument) {
    return std::strncmp(argument, "--benchmark_min_time", 20) == 0;
  };
  if (std::any_of(arguments.begin(), arguments.end(), names_time)) return Extent::one_round;
  static char time[] = "--benchmark_min_time=0.25";
  arguments.insert(arguments.begin() + 1, time);
  return Extent::full;
}

int run(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  const Extent extent = extent_of(arguments);
  argc = static_cast<int>(arguments.size());
  benchmark::Initialize(&argc, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(argc, arguments.data())) return 1;
  Bench bench;
  const std::size_t rounds = extent == Extent::full ? kRounds : 1;
  for (std::size_t round = 1; round <= rounds; ++round) {
    add_rate(bench, kWakes, round, [](Count count) { return wake_sleepers(count, kCallers); });
    for (const MeasuredKey& key : kKeys) add_round(bench, key, round, extent);
  }
  for (const MeasuredKey& key : kKeys) add_ratios(bench, key);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return bench.failed ? 1 : 0;
}

}  // namespace
}  // namespace ringfence::bench

int main(int argc, char** argv) {
  try {
    return ringfence::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "signing_bench: {}\n", error.what());
    return 1;
  }
}
