// The devices of admin.db in memory, read again when the administrator changes them.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "services/callmanager/registrar.h"

namespace ringfence::services::callmanager {

/// Directory reads admin.db on a thread of its own, four times a second at most when nobody asks.
///
/// When admin.db cannot be read, the last good devices stay in use and the log says so once.
class Directory {
 public:
  /// `path` is admin.db; it may come to exist later.
  explicit Directory(std::filesystem::path path);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// devices returns what was read last; null while admin.db was never readable.
  std::shared_ptr<const Devices> devices() const;

  /// look asks for a look at admin.db now and calls `done` on the directory's thread when
  /// devices() tells what stood there after this call. Never blocks.
  void look(std::function<void()> done);

  /// reopen does the same and opens the file anew, as after a restored backup.
  void reopen(std::function<void()> done);

  /// on_change sets what is called on the directory's thread after devices() has changed. Before
  /// the first look, or with null to end it.
  void on_change(std::function<void()> changed);

 private:
  struct File;  ///< the open database, and what of it was read

  void run();
  void look_once(bool reopen);

  const std::filesystem::path path_;
  std::unique_ptr<File> file_;  ///< of the thread
  bool said_unreadable_ = false;

  mutable std::mutex mutex_;
  std::condition_variable asked_;
  std::shared_ptr<const Devices> devices_;
  std::vector<std::function<void()>> done_;
  std::function<void()> changed_;
  bool reopen_ = false;
  bool stopping_ = false;
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace ringfence::services::callmanager
