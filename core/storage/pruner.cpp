// Takes away what is older than it is kept.
#include "core/storage/pruner.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

#include "core/base/log.h"

namespace ringfence::core {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kLookEvery = 1h;
constexpr std::chrono::seconds kAfterFailure = 1min;
constexpr auto kAskEvery = 2s;        // whether the administrator has changed something
constexpr auto kBetweenSteps = 20ms;  // the daemon's own writes come first

}  // namespace

Pruner::Pruner(std::filesystem::path admin, std::vector<Rule> rules)
    : path_(std::move(admin)), rules_(std::move(rules)), thread_([this] { run(); }) {}

Pruner::~Pruner() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool Pruner::rest(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

void Pruner::run() {
  do {
    try {
      look_if_due();
    } catch (const std::exception& error) {
      admin_.reset();
      if (!std::exchange(failing_, true))
        log(Level::warning, "PRUNE_WAITS", {{"why", error.what()}});
    }
  } while (rest(kAskEvery));
}

void Pruner::look_if_due() {
  if (!admin_) {
    admin_.emplace(path_, Schema::admin, Access::read_only);
    changes_.forget();
  }
  const auto now = std::chrono::steady_clock::now();
  changes_.on_change(*admin_, [this, now] {
    const Retention wanted = RetentionStore(*admin_).load();
    if (wanted != std::exchange(retention_, wanted)) due_ = now;
  });
  if (now < due_) return;
  const SystemClock clock;
  bool failed = false;
  for (const Rule& rule : rules_) {
    try {
      prune(rule, retention_.oldest(rule.kept, clock.now()));
    } catch (const std::exception& error) {  // the other rules have their turn all the same
      failed = true;
      if (!std::exchange(failing_, true))
        log(Level::warning, "PRUNE_WAITS",
            {{"what", std::string(word(rule.kept))}, {"why", error.what()}});
    }
  }
  failing_ = failing_ && failed;
  due_ = now + (failed ? kAfterFailure : kLookEvery);
}

void Pruner::prune(const Rule& rule, Time before) {
  std::size_t gone = 0;
  std::size_t last = 0;
  do {
    last = rule.step(*admin_, before, kAtOnce);
    gone += last;
  } while (last == kAtOnce && rest(kBetweenSteps));
  if (gone > 0)
    log(Level::notice, "PRUNED",
        {{"what", std::string(word(rule.kept))},
         {"count", std::to_string(gone)},
         {"before", to_iso(before)}});
}

std::size_t prune_files(const std::filesystem::path& folder, Time before, std::size_t most,
                        const std::function<bool(const std::filesystem::path&)>& may_go) {
  std::size_t gone = 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (gone == most) break;

    struct stat status {};

    if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (status.st_mtim.tv_sec >= to_seconds(before) || !may_go(entry.path())) continue;
    if (std::filesystem::remove(entry.path(), failed)) ++gone;
  }
  return gone;
}

}  // namespace ringfence::core
