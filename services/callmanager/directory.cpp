#include "services/callmanager/directory.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/phones/holding_store.h"
#include "core/phones/phone_store.h"
#include "core/storage/cached.h"

namespace ringfence::services::callmanager {

namespace {

constexpr std::chrono::milliseconds kPeriod{250};

}  // namespace

struct Directory::File {
  explicit File(const std::filesystem::path& path)
      : database(path, core::Schema::admin, core::Access::read_only),
        store(database),
        holdings(database) {}

  core::Database database;
  core::PhoneStore store;
  core::HoldingStore holdings;
  core::ChangeSignal changes;
};

Directory::Directory(std::filesystem::path path) : path_(std::move(path)) {
  look_once(false);
  thread_ = std::thread([this] { run(); });
}

Directory::~Directory() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_all();
  thread_.join();
}

std::shared_ptr<const Devices> Directory::devices() const {
  const std::lock_guard lock(mutex_);
  return devices_;
}

void Directory::look(std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(done));
  }
  asked_.notify_all();
}

void Directory::reopen(std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    reopen_ = true;
    done_.push_back(std::move(done));
  }
  asked_.notify_all();
}

void Directory::on_change(std::function<void()> changed) {
  const std::lock_guard lock(mutex_);
  changed_ = std::move(changed);
}

void Directory::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    asked_.wait_for(lock, kPeriod, [this] { return stopping_ || !done_.empty(); });
    if (stopping_) break;
    const auto done = std::exchange(done_, {});
    const bool reopen = std::exchange(reopen_, false);
    lock.unlock();
    look_once(reopen);
    for (const auto& call : done) call();
    lock.lock();
  }
}

void Directory::look_once(bool reopen) {
  try {
    if (reopen) file_.reset();
    if (!file_) file_ = std::make_unique<File>(path_);
    auto devices = std::make_shared<Devices>();
    const auto read = [&] {
      for (auto& [name, stamp] : file_->store.stamps()) devices->emplace(name, Device{stamp});
      for (auto& [name, address] : file_->holdings.homes())
        if (const auto found = devices->find(name); found != devices->end())
          found->second.home = std::move(address);
    };
    if (!file_->changes.on_change(file_->database, read)) return;
    said_unreadable_ = false;
    core::log(core::Level::info, "DEVICES_READ", {{"count", std::to_string(devices->size())}});
    std::function<void()> changed;
    {
      const std::lock_guard lock(mutex_);
      devices_ = std::move(devices);
      changed = changed_;
    }
    if (changed) changed();
  } catch (const std::exception& error) {
    // The last good devices stay in use; the next look opens the file anew.
    file_.reset();
    if (!std::exchange(said_unreadable_, true))
      core::log(core::Level::warning, "DEVICES_UNREADABLE", {{"error", error.what()}});
  }
}

}  // namespace ringfence::services::callmanager
