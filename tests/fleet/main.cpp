// fleet: simulated phones from the command line.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "core/base/error.h"
#include "tests/fleet/control.h"
#include "tests/fleet/fleet.h"
#include "tests/fleet/options.h"

namespace {

using namespace ringfence::fleet;

/// Progress writes one line a second at most when something changed; on a terminal, a bar.
class Progress {
 public:
  void show_now_and_then(const Fleet& fleet) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::seconds(1);
    show(fleet.report());
  }

  void show(const Report& report) {
    const std::size_t all = report.phones.size();
    std::size_t lscs = 0;
    for (const PhoneReport& phone : report.phones) lscs += phone.lsc_serial.empty() ? 0U : 1U;
    std::string line =
        fmt::format("{}/{} done, {} registered, {} with an LSC, {} failed", report.succeeded(), all,
                    report.registered(), lscs, report.count(State::failed));
    if (line == last_) return;
    last_ = line;
    if (!terminal_) return fmt::print(stderr, "fleet: {}\n", line);
    constexpr std::size_t kWidth = 30;
    const std::size_t full = report.succeeded() * kWidth / all;
    fmt::print(stderr, "\r[{:#<{}}{: <{}}] {}\x1b[K", "", full, "", kWidth - full, line);
  }

  void end() const {
    if (terminal_) fmt::print(stderr, "\n");
  }

 private:
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::string last_;
  std::chrono::steady_clock::time_point next_;
};

void print_failures(const Report& report) {
  constexpr std::size_t kMost = 20;
  std::size_t shown = 0;
  for (const PhoneReport& phone : report.phones) {
    if (phone.succeeded()) continue;
    if (shown++ == kMost) return fmt::print(stderr, "fleet: and more\n");
    fmt::print(stderr, "fleet: {} {}: {}\n", phone.name, word(phone.state), phone.last_error);
  }
}

int run(const CommandLine& line) {
  std::unique_ptr<Fleet> fleet;
  const auto answer = [&fleet](const std::string& command) -> std::string {
    if (command == "report") return to_json(fleet->report());
    if (command == "power-cycle") {
      fleet->power_cycle();
      return R"({"ok":true})";
    }
    return R"({"error":"unknown command; there are report and power-cycle"})";
  };
  Control control(line.control, answer);  // first: the fleet's threads inherit the blocked signals
  fleet = std::make_unique<Fleet>(line.fleet);
  Progress progress;
  fleet->start();
  bool told_to_stop = false;
  while (!told_to_stop && !fleet->finished()) {
    told_to_stop = !control.serve(std::chrono::milliseconds(200));
    progress.show_now_and_then(*fleet);
  }
  const Report report = fleet->report();
  fleet->stop();
  progress.show(report);
  progress.end();
  print_failures(report);
  if (line.json) fmt::print("{}\n", to_json(report));
  return report.succeeded() == report.phones.size() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse_command_line(argc, argv));
  } catch (const ExitNow& now) {
    return now.status;
  } catch (const std::exception& error) {
    fmt::print(stderr, "fleet: {}\n", error.what());
    return 2;
  }
}
