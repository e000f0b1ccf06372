// A signer, an admin.db and the program ringfence-capf, which is stopped and started at will.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/crypto/token.h"
#include "core/phones/phone_store.h"
#include "core/storage/database.h"
#include "tests/integration/faults/sturdy_phone.h"
#include "tests/support/signer_process.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::test {

/// CapfProcess is ringfence-capf on a state folder. It ends with its owner.
class CapfProcess {
 public:
  /// `environment` holds "NAME=value" that are added to ours. stderr goes behind `log`.
  CapfProcess(const std::filesystem::path& state, const std::filesystem::path& log,
              const std::vector<std::string>& environment = {});
  CapfProcess(const CapfProcess&) = delete;
  CapfProcess& operator=(const CapfProcess&) = delete;
  ~CapfProcess();

  /// wait_ready returns when it answers its control socket; false when it has ended instead.
  bool wait_ready() const;
  bool ended() const;

  /// stop asks it to end (SIGTERM), unless it has; wait only waits. Both tell how it ended: an exit
  /// status, or 128 + signal.
  int stop();
  int wait();

 private:
  const std::filesystem::path socket_;
  pid_t pid_ = 0;
};

/// World is what ringfence-capf needs to run; slow to make, so a test program makes one.
class World {
 public:
  World();

  /// add makes a phone that is asked for an LSC, and its record.
  std::unique_ptr<SturdyPhone> add();

  /// ask_to_delete asks `phone` to delete its LSC.
  void ask_to_delete(const SturdyPhone& phone);

  /// preloaded is the environment that stops or records ringfence-capf (support/stop_shim.cpp).
  static std::vector<std::string> preloaded(const std::string& variable, const std::string& value);

  std::filesystem::path state() const { return folder_.path(); }

  std::filesystem::path capf_db() const { return folder_ / "db" / "capf.db"; }

  std::filesystem::path log_file() const { return folder_ / "capf.log"; }

  std::string log() const;

  std::uint16_t port() const { return port_; }

 private:
  TemporaryFolder folder_;
  SignerProcess signer_;
  core::Token token_;
  core::Database admin_db_;
  core::Database secrets_db_;
  core::PhoneStore phones_{admin_db_, secrets_db_};
  const std::uint16_t port_;
  unsigned count_ = 0;
};

}  // namespace ringfence::test
