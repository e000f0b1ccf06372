// tftp_bench: ringfence-tftp beside dnsmasq and tftpd-hpa, and a large file in windows.
//
// Usage: tftp_bench [--short]. The same clients for all, one thread of this process; what counts
// are the ratios within a round. --short only shows that it works.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/net/rpc.h"
#include "services/tftp/server.h"
#include "tests/bench/child.h"
#include "tests/bench/results.h"
#include "tests/bench/tftp_load.h"
#include "tests/bench/tftp_servers.h"
#include "tests/support/eventually.h"
#include "tests/unit/services/tvs/node.h"

namespace ringfence::bench {
namespace {

constexpr std::size_t kLargeBytes = std::size_t{32} << 20U;
constexpr std::size_t kLargeBlock = 1428;
constexpr std::size_t kWindow = 16;
constexpr const char* kList = "ITLFile.tlv";
constexpr const char* kLarge = "large.bin";

/// Scale is how long one case takes: many short rounds, since the machine's other load comes and
/// goes, but so long that what is lost and asked again a second later counts as it should.
struct Scale {
  std::size_t rounds;
  std::chrono::duration<double> series;
};

struct Scales {
  Scale few = {20, std::chrono::milliseconds(400)};    ///< 1 and 50 clients
  Scale many = {5, std::chrono::milliseconds(2000)};   ///< 500
  Scale large = {5, std::chrono::milliseconds(1000)};  ///< 32 MiB
};

core::Bytes large_content() {
  core::Bytes bytes(kLargeBytes);
  std::mt19937_64 random(7440);
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    const std::uint64_t some = random();
    std::memcpy(bytes.data() + i, &some, sizeof some);
  }
  return bytes;
}

/// LargeSource serves one large file: the product has none of that size, its server is the same.
class LargeSource final : public services::tftp::Source {
 public:
  explicit LargeSource(core::Bytes bytes) {
    services::tftp::Content content;
    content.bytes = std::move(bytes);
    content_ = std::make_shared<const services::tftp::Content>(std::move(content));
  }

  std::optional<services::tftp::File> at_hand(std::string_view name) override {
    if (name != kLarge) return std::nullopt;
    return services::tftp::File{content_, ""};
  }

  services::tftp::Found find(std::string_view name) override { return {at_hand(name), {}}; }

  services::tftp::File sign(const services::tftp::Unsigned&) override { return {content_, ""}; }

 private:
  std::shared_ptr<const services::tftp::Content> content_;
};

/// LargeServer is the product's server class with that source.
class LargeServer {
 public:
  explicit LargeServer(std::uint16_t port)
      : source_(large_content()),
        server_(io_, pools_, source_, fetches_, clock_,
                {core::asio::ip::address_v4::loopback(), port}),
        running_(io_) {}

 private:
  test::StateFolder folder_;
  core::Database journal_{folder_ / "tftp.db", core::Schema::tftp, core::Access::read_write};
  core::Database admin_{folder_ / "admin.db", core::Schema::admin, core::Access::read_write};
  services::tftp::FetchLog fetches_{journal_, admin_};
  core::SystemClock clock_;
  core::asio::io_context io_;
  core::asio::thread_pool pool_{4};
  core::SigningPool handshakes_;
  core::SigningPool signing_;
  const services::tftp::Pools pools_{pool_, handshakes_, signing_};
  LargeSource source_;
  services::tftp::Server server_;
  test::Running running_;
};

/// Bench sets what it measures side by side.
class Bench {
 public:
  Bench(Scales scales, const Child& large, std::uint16_t large_port)
      : scales_(scales), large_(large), large_endpoint_(on_loopback(large_port)) {
    core::write_atomically(files_ / kList, node_.itl);
    core::write_atomically(files_ / kLarge, large_bytes_);
    start_ours();
    start("dnsmasq", missing("dnsmasq", "dnsmasq-base"), an_address_for_dnsmasq(), dnsmasq);
    start("tftpd-hpa", missing("in.tftpd", "tftpd-hpa"), on_loopback(free_port()), tftpd_hpa);
    const Wish list{kList, node_.itl};
    for (const Rival& rival : rivals_) load(rival.endpoint, list, 1, {});
  }

  void run() {
    std::printf("%zu bytes of %s, blocks of 512\n", node_.itl.size(), kList);
    std::printf("%-22s %12s %10s %10s %14s %10s\n", "", "transfers/s", "resends", "repeats",
                "cpu us each", "failures");
    const Wish list{kList, node_.itl};
    for (const std::size_t clients : {1U, 50U, 500U}) {
      const Scale scale = clients < 500 ? scales_.few : scales_.many;
      for (std::size_t round = 0; round < scale.rounds; ++round)
        for (const Rival& rival : rivals_)
          measure(rival.name + fmt::format("/{}", clients), rival, list, clients, {scale, round});
    }
    const Wish windows{kLarge, large_bytes_, kLargeBlock, kWindow};
    for (std::size_t round = 0; round < scales_.large.rounds; ++round) {
      const Round one{scales_.large, round};
      measure("ours/32MiB", {"ours", large_endpoint_, large_.pid()}, windows, 1, one);
      for (const Rival& rival : rivals_)
        if (rival.name == "tftpd-hpa") measure("tftpd-hpa/32MiB", rival, windows, 1, one);
    }
    tell();
  }

 private:
  struct Rival {
    std::string name;
    sockaddr_in endpoint;
    pid_t pid;
  };

  struct Round {
    Scale scale;
    std::size_t number;
  };

  template <typename Words>
  void start(const std::string& name, const std::string& why_not, const sockaddr_in& endpoint,
             const Words& words) {
    if (!why_not.empty()) {
      std::printf("left out: %s\n", why_not.c_str());
      return;
    }
    start(name, words(files_.path(), endpoint), endpoint);
  }

  void start(const std::string& name, const std::vector<std::string>& words,
             const sockaddr_in& endpoint) {
    processes_.push_back(
        std::make_unique<ServerProcess>(words, endpoint, node_.folder / (name + ".log")));
    rivals_.push_back({name, endpoint, processes_.back()->pid()});
  }

  void start_ours() {
    const int offset = 20000 + static_cast<int>(::getpid() % 20000);
    const std::string settings = fmt::format("[network]\nport_offset = {}\n", offset);
    core::write_atomically(node_.folder / "ringfence.toml", core::bytes_of(settings));
    const std::string program = std::string(RINGFENCE_BIN_DIR) + "/ringfence-tftp";
    start("ours", {program, "--state", node_.folder.path().string()},
          on_loopback(static_cast<std::uint16_t>(69 + offset)));
    const bool up = test::eventually([&] {
      try {
        core::rpc_call(node_.folder / "run" / "tftp.sock", "status", {});
        return true;
      } catch (const core::Error&) {
        return false;
      }
    });
    if (!up) throw std::runtime_error("ringfence-tftp does not start");
  }

  void measure(const std::string& name, const Rival& rival, const Wish& wish, std::size_t clients,
               const Round& round) {
    const auto before = used(rival.pid);
    const Load load = bench::load(rival.endpoint, wish, clients, round.scale.series);
    const auto cpu = used(rival.pid) - before;
    const double count = std::max<double>(1, static_cast<double>(load.transfers));
    results_.set(name, round.number, count / load.took.count());
    results_.set(name + "/cpu", round.number, cpu.count() * 1e6 / count);
    Sums& sums = sums_[name];
    sums.resends += load.resends;
    sums.repeats += load.repeats;
    sums.failures += load.failures;
    if (round.number + 1 < round.scale.rounds) return;
    std::printf("%-22s %12.1f %10lu %10lu %14.1f %10lu\n", name.c_str(), *results_.median(name),
                sums.resends, sums.repeats, *results_.median(name + "/cpu"), sums.failures);
    std::fflush(stdout);
  }

  void tell() {
    struct Line {
      const char* name;
      const char* over;
      const char* under;
      double goal;
    };

    constexpr std::array<Line, 7> kLines = {
        {{"to dnsmasq, 1 client", "ours/1", "dnsmasq/1", 1.2},
         {"to dnsmasq, 50", "ours/50", "dnsmasq/50", 1.5},
         {"to dnsmasq, 500", "ours/500", "dnsmasq/500", 2},
         {"to tftpd-hpa, 1 client", "ours/1", "tftpd-hpa/1", 0},
         {"to tftpd-hpa, 50", "ours/50", "tftpd-hpa/50", 0},
         {"to tftpd-hpa, 500", "ours/500", "tftpd-hpa/500", 0},
         {"32 MiB in windows to tftpd-hpa", "ours/32MiB", "tftpd-hpa/32MiB", 4}}};
    std::printf("\n%-32s %8s %8s %8s  %s\n", "ratio", "median", "lowest", "highest", "");
    for (const Line& line : kLines) {
      auto figures = results_.ratio(line.over, line.under);
      if (figures.empty()) continue;
      const auto [lowest, highest] = std::minmax_element(figures.begin(), figures.end());
      const Ratio ratio{
          line.name, line.over, {line.under}, line.goal > 0 ? Aim::at_least : Aim::none, line.goal};
      std::printf("%-32s %8.2f %8.2f %8.2f  %s\n", line.name, median(figures), *lowest, *highest,
                  verdict(ratio, median(figures)).c_str());
      auto by_cpu =
          results_.ratio(std::string(line.under) + "/cpu", std::string(line.over) + "/cpu");
      if (median(by_cpu) > 0) std::printf("%-32s %8.2f\n", "  by processor time", median(by_cpu));
    }
  }

  struct Sums {
    std::uint64_t resends = 0;
    std::uint64_t repeats = 0;
    std::uint64_t failures = 0;
  };

  const Scales scales_;
  const Child& large_;
  const sockaddr_in large_endpoint_;
  const core::Bytes large_bytes_ = large_content();
  test::TemporaryFolder files_;
  const test::Node node_;
  std::vector<std::unique_ptr<ServerProcess>> processes_;
  std::vector<Rival> rivals_;
  Results results_;
  std::map<std::string, Sums> sums_;
};

int run(const std::string& argument) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 16'384);
  ::setrlimit(RLIMIT_NOFILE, &files);
  Scales scales;
  const Scale once{1, std::chrono::milliseconds(50)};
  if (argument == "--short") scales = {once, once, once};
  const std::uint16_t large_port = free_port();
  const Child large([large_port]() -> Child::Perform {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) throw std::runtime_error("no /dev/null");
    const auto server = std::make_shared<LargeServer>(large_port);
    return [server](const Order&) { return Seconds(0); };
  });
  Bench(scales, large, large_port).run();
  return 0;
}

}  // namespace
}  // namespace ringfence::bench

int main(int argc, char** argv) {
  try {
    return ringfence::bench::run(argc > 1 ? argv[1] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tftp_bench: %s\n", error.what());
    return 1;
  }
}
