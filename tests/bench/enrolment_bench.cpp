// Enrolments a second beside the pool's signatures a second, thousands of phones at once, and what
// a large database costs, as ratios within one run: real processes, a real token, a real disk.
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "core/base/file.h"
#include "hsm/client.h"
#include "tests/bench/crew.h"
#include "tests/bench/crowd.h"
#include "tests/bench/processor.h"
#include "tests/bench/results.h"
#include "tests/fleet/key_pool.h"
#include "tests/integration/capf/house.h"
#include "tests/integration/capf/program.h"

namespace ringfence::bench {
namespace {

using namespace std::chrono_literals;

/// Extent is how much is measured; a short one only shows that everything works.
struct Extent {
  std::size_t rounds = 5;
  std::size_t phones = 1500;      ///< of a round
  std::size_t signatures = 6000;  ///< of a round
  std::size_t crowd = 5000;       ///< at once
  std::chrono::seconds key_time = 20s;
  std::size_t few_devices = 1500;
  std::size_t many_devices = 100'000;
};

constexpr Extent kShort{1, 20, 50, 50, 1s, 50, 200};
constexpr std::size_t kCallers = 64;
constexpr std::size_t kAtOnce = 64;

/// PhoneKeys makes each device its RSA key when it is asked for the first time, never while
/// something is measured: CAPF takes a key from one device only.
class PhoneKeys {
 public:
  const core::Bytes& of(std::size_t device) {
    core::Bytes& key = keys_[device];
    if (key.empty()) key = fleet::spki_of(pool_.rsa(2048).get());
    return key;
  }

 private:
  fleet::KeyPool pool_{1};
  std::map<std::size_t, core::Bytes> keys_;
};

/// Node is what enrols: a signer, ringfence-capf and its databases with `devices` phones.
class Node {
 public:
  explicit Node(std::size_t devices) : devices_(devices), port_(test::free_port(4804)) {
    core::write_atomically(
        house_.folder / "ringfence.toml",
        core::bytes_of(fmt::format("[network]\nport_offset = {}\n", port_ - 3804)));
    std::vector<core::Phone> phones;
    for (std::size_t i = 0; i < devices; ++i) phones.push_back(phone(i));
    house_.phones.save(phones, core::PhoneStore::Ask::again);
    restart();
  }

  /// restart gives ringfence-capf empty histograms, and the memory of a fresh process.
  void restart() {
    program_.reset();
    program_.emplace(house_.folder.path());
    program_->status();
  }

  /// ask asks `count` phones, spread over all devices, to enrol again, and returns their plan.
  CrowdPlan ask(std::size_t count, PhoneKeys& keys) {
    CrowdPlan plan;
    plan.port = port_;
    std::vector<core::Phone> asked;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t device = i * devices_ / count;
      asked.push_back(phone(device));
      plan.names.push_back(asked.back().name);
      plan.keys.push_back(keys.of(device));
    }
    house_.phones.save(asked, core::PhoneStore::Ask::again);
    return plan;
  }

  /// signatures_a_second is what the pool makes for 64 callers with CAPF's key.
  double signatures_a_second(std::size_t count) {
    hsm::SignerClient client(house_.signer->socket("capf"));
    const core::KeyRef key = house_.certificates.own(core::Unit::capf)->key;
    hsm::SignRequest request;
    request.key = {key.label, key.version};
    request.scheme = hsm::Scheme::rsa_pkcs1;
    request.hash = hsm::Hash::sha256;
    const std::string proof =
        std::string(64, ' ') + "TLS 1.3, server CertificateVerify" + std::string(33, '\0');
    request.message.assign(proof.begin(), proof.end());
    const MakeWork make = [&]() -> Work { return [&] { client.sign(request); }; };
    return static_cast<double>(count) / share(count, kCallers, make).count();
  }

  struct Used {
    Seconds capf;
    Seconds signer;
    Seconds workers;

    Seconds all() const { return capf + signer + workers; }
  };

  Used used() const {
    Used used{processor_time(program_->pid()), processor_time(house_.signer->pid()), {}};
    for (const pid_t worker : house_.signer->workers()) used.workers += processor_time(worker);
    return used;
  }

  test::Program& program() { return *program_; }

  test::House& house() { return house_; }

 private:
  core::Phone phone(std::size_t index) const {
    core::Phone phone;
    phone.name = fmt::format("SEP{:012X}", index);
    phone.model = "CP-8861";
    phone.description = "bench";
    phone.device_pool = "Default";
    phone.capf.operation = core::Operation::install;
    phone.capf.auth_mode = core::AuthMode::null_string;
    phone.capf.key_order = core::KeyOrder::rsa_only;
    phone.capf.rsa_bits = 2048;
    phone.capf.completes_by = house_.clock.now() + 24h;
    return phone;
  }

  const std::size_t devices_;
  const std::uint16_t port_;
  test::House house_;
  std::optional<test::Program> program_;
};

/// require ends the bench when something did not work: a rate of failures means nothing.
void require(const CrowdResult& result, bool ended, std::size_t phones) {
  if (ended && result.stored == phones) return;
  std::string why = fmt::format("{} of {} phones enrolled", result.stored, phones);
  for (const auto& [where, count] : result.failures) why += fmt::format(", {}: {}", where, count);
  throw std::runtime_error(why);
}

/// enrol lets the phones of `plan` enrol and returns how many did in a second.
double enrol(CrowdPlan plan) {
  const std::size_t phones = plan.names.size();
  Crowd crowd(std::move(plan));
  const auto began = Clock::now();
  const bool ended = crowd.run(300s);
  const Seconds time = Clock::now() - began;
  require(crowd.result(), ended, phones);
  return static_cast<double>(phones) / time.count();
}

double percentile(std::vector<double> figures, double part) {
  if (figures.empty()) return 0;
  std::sort(figures.begin(), figures.end());
  return figures[static_cast<std::size_t>(static_cast<double>(figures.size() - 1) * part)];
}

void line(const std::string& what, const std::string& figure, const std::string& verdict) {
  fmt::print("{:<44} {:<34} {}\n", what, figure, verdict);
  std::fflush(stdout);
}

void line(const std::string& what, const std::vector<double>& figures, Aim aim, double goal) {
  const Ratio ratio{what, "", {}, aim, goal};
  const double middle = median(figures);
  line(what,
       fmt::format("{:.2f} ({:.2f} to {:.2f})", middle,
                   *std::min_element(figures.begin(), figures.end()),
                   *std::max_element(figures.begin(), figures.end())),
       verdict(ratio, middle));
}

/// measure_rate sets enrolments beside signatures, with either version of TLS.
void measure_rate(const Extent& extent, PhoneKeys& keys) {
  Node node(extent.few_devices);
  enrol(node.ask(std::min<std::size_t>(200, extent.few_devices), keys));  // warm
  for (const int tls : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    const char* name = tls == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2";
    std::vector<double> ratios;
    std::vector<double> signatures;
    std::vector<double> rates;
    std::vector<double> phones;
    std::vector<double> capf;
    std::vector<double> signer;
    std::vector<double> workers;
    std::vector<double> by_processor;
    for (std::size_t round = 0; round < extent.rounds; ++round) {
      CrowdPlan plan = node.ask(extent.phones, keys);
      plan.tls = tls;
      plan.at_once = kAtOnce;
      const Seconds signing_began = node.used().all() + processor_time(::getpid());
      signatures.push_back(node.signatures_a_second(extent.signatures));
      const Seconds own = processor_time(::getpid());
      const Node::Used before = node.used();
      const double a_signature = (before.all() + own - signing_began).count() * 1e6 /
                                 static_cast<double>(extent.signatures);
      rates.push_back(enrol(std::move(plan)));
      const Node::Used after = node.used();
      const auto micros = [&extent](Seconds used) {
        return used.count() * 1e6 / static_cast<double>(extent.phones);
      };
      phones.push_back(micros(processor_time(::getpid()) - own));
      capf.push_back(micros(after.capf - before.capf));
      signer.push_back(micros(after.signer - before.signer));
      workers.push_back(micros(after.workers - before.workers));
      ratios.push_back(rates.back() / signatures.back());
      by_processor.push_back(a_signature /
                             (phones.back() + capf.back() + signer.back() + workers.back()));
    }
    line(fmt::format("enrolments : signatures, {}", name), ratios, Aim::at_least, 0.30);
    line("  the same by processor time", by_processor, Aim::none, 0);
    line("  a second", fmt::format("{:.0f} : {:.0f}", median(rates), median(signatures)),
         "for information");
    line("  processor time of an enrolment, us",
         fmt::format("phone {:.0f}, capf {:.0f}, signer {:.0f}, its workers {:.0f}", median(phones),
                     median(capf), median(signer), median(workers)),
         "for information");
  }
}

std::string described(const boost::json::object& status, const char* what) {
  const boost::json::object& latency = status.at(what).as_object();
  return fmt::format(
      "p50 {:.0f} ms, p99 {:.0f} ms, max {:.0f} ms", latency.at("p50_ms").to_number<double>(),
      latency.at("p99_ms").to_number<double>(), latency.at("max_ms").to_number<double>());
}

/// measure_crowd lets all phones come at once, or `per_second`, and compares what they stored with
/// what the server knows.
void measure_crowd(const Extent& extent, PhoneKeys& keys, double per_second) {
  Node node(extent.crowd);
  enrol(node.ask(std::min<std::size_t>(300, extent.crowd), keys));
  node.restart();
  enrol(node.ask(std::min<std::size_t>(300, extent.crowd), keys));  // caches and stacks
  const std::size_t before = node.program().resident_bytes();
  CrowdPlan plan = node.ask(extent.crowd, keys);
  const std::vector<std::string> names = plan.names;
  plan.at_once = extent.crowd;
  plan.key_time = extent.key_time;
  plan.per_second = per_second;
  Crowd crowd(std::move(plan));
  const auto began = Clock::now();
  if (!crowd.wait_until_working(extent.crowd, extent.key_time + 60s))
    throw std::runtime_error("not all phones work on their key at the same time");
  const Seconds connected = Clock::now() - began;
  const std::size_t each = (node.program().resident_bytes() - before) / extent.crowd;
  const bool ended = crowd.run(300s);
  require(crowd.result(), ended, extent.crowd);

  std::set<core::Bytes> serials;
  for (const std::string& name : names)
    if (const auto held = node.house().journal.held(name)) serials.insert(held->serial);
  const std::size_t stale = node.house().journal.stale().size();
  const boost::json::object status = node.program().status();
  const double answers = status.at("answers").at("p99_ms").to_number<double>();
  const double handshakes = status.at("handshakes").at("p99_ms").to_number<double>();

  line(
      fmt::format("{} phones {}", extent.crowd,
                  per_second > 0 ? fmt::format("at {:.0f} a second", per_second) : "at once"),
      fmt::format("{} stored, all connected in {:.1f} s", crowd.result().stored, connected.count()),
      "all succeed: reached");
  line("  server's time for an answer", described(status, "answers"),
       answers < 1000 ? "reached, p99 < 1 s" : "not reached, p99 < 1 s");
  line("  server's time for a handshake", described(status, "handshakes"),
       handshakes < 1000 ? "reached, p99 < 1 s" : "not reached, p99 < 1 s");
  line("  phones' time for an answer, a handshake",
       fmt::format("p99 {:.0f} ms, {:.0f} ms", percentile(crowd.result().answers, 0.99) * 1000,
                   percentile(crowd.result().handshakes, 0.99) * 1000),
       "for information");
  line("  memory of a waiting session", fmt::format("{:.1f} KiB", static_cast<double>(each) / 1024),
       each < 64 * 1024 ? "reached, < 64 KiB" : "not reached, < 64 KiB");
  line("  confirmed, of them different, stale",
       fmt::format("{}, {}, {}", names.size(), serials.size(), stale),
       serials.size() == names.size() && stale == 0 ? "nothing lost: reached"
                                                    : "nothing lost: not reached");
}

/// measure_devices sets a node with few devices beside one with many.
void measure_devices(const Extent& extent, PhoneKeys& keys) {
  Node few(extent.few_devices);
  Node many(extent.many_devices);
  const std::size_t phones = std::min(extent.phones, extent.few_devices);
  for (Node* node : {&few, &many}) enrol(node->ask(std::min<std::size_t>(200, phones), keys));
  std::vector<double> ratios;
  for (std::size_t round = 0; round < extent.rounds; ++round) {
    const double with_few = enrol(few.ask(phones, keys));
    const double with_many = enrol(many.ask(phones, keys));
    ratios.push_back(with_many / with_few);
  }
  line(fmt::format("rate with {} devices : with {}", extent.many_devices, extent.few_devices),
       ratios, Aim::at_least, 0.9);
}

void raise_file_limit(std::size_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted)
    throw std::runtime_error(fmt::format("may open {} files and needs {}: ulimit -n {}",
                                         limit.rlim_cur, wanted, wanted));
}

int run(const std::vector<std::string>& words) {
  Extent extent;
  std::set<std::string> parts;
  for (const std::string& word : words) {
    if (word == "--short") {
      extent = kShort;
    } else if (word == "rate" || word == "crowd" || word == "devices") {
      parts.insert(word);
    } else {
      fmt::print(stderr, "usage: enrolment_bench [--short] [rate] [crowd] [devices]\n");
      return 2;
    }
  }
  const auto wanted = [&parts](const char* part) { return parts.empty() || parts.contains(part); };
  raise_file_limit(extent.crowd + 200);
  PhoneKeys keys;
  if (wanted("rate")) measure_rate(extent, keys);
  if (wanted("crowd")) {
    measure_crowd(extent, keys,
                  4 * static_cast<double>(extent.crowd) / Seconds(extent.key_time).count());
    measure_crowd(extent, keys, 0);
  }
  if (wanted("devices")) measure_devices(extent, keys);
  return 0;
}

}  // namespace
}  // namespace ringfence::bench

int main(int argc, char** argv) {
  try {
    return ringfence::bench::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "enrolment_bench: {}\n", error.what());
    return 1;
  }
}
