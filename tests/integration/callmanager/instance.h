// A real ringfence-callmanager on a state folder of its own.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>

#include "core/base/file.h"
#include "core/phones/registration_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::test {

/// Instance owns a state folder with phones in admin.db, a free port, and the daemon's process.
class Instance {
 public:
  explicit Instance(const std::vector<std::string>& devices);
  ~Instance();  ///< stops the daemon
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  void start();  ///< returns when the daemon serves
  int stop();    ///< SIGTERM; returns the exit status
  void pause();  ///< stands still, while what it is sent waits in the kernel
  void resume();
  bool alive() const;
  int times_logged(const std::string& word);  ///< since start; waits for the first
  void limit_descriptors(unsigned most);      ///< of the running daemon

  void add(const std::vector<std::string>& devices);
  void remove(const std::string& device);

  boost::json::object call(const std::string& method, const boost::json::object& params = {});
  boost::json::object reset(std::int64_t id, const std::string& kind,
                            const std::vector<std::string>& devices);

  /// registrations, and resets of `id`, once `enough` says so; what stands there after 20 s else.
  using Registrations = std::vector<core::Registration>;
  using Resets = std::vector<core::ResetRow>;
  Registrations registrations(const std::function<bool(const Registrations&)>& enough);
  Resets resets(std::int64_t id, const std::function<bool(const Resets&)>& enough);

  std::uint16_t port() const noexcept { return port_; }

  std::size_t memory() const;  ///< resident bytes of the daemon
  std::string log();           ///< all that it said since start

  const std::filesystem::path& state() const noexcept { return folder_.path(); }

  /// run_again runs a second daemon on the same folder to its end.
  int run_again(std::string& standard_error);

 private:
  void read_log(int descriptor);

  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
  std::mutex mutex_;
  std::condition_variable said_;
  std::string log_;
  bool log_ended_ = false;
  std::thread reader_;
};

}  // namespace ringfence::test
