// Which services an administrator stopped, for a ringfence-admin that is started again after a
// crash.
#pragma once

#include <set>
#include <string>

#include "core/storage/database.h"
#include "services/admin/node/service_control.h"

namespace ringfence::services::admin {

/// StoppedServices keeps that in admin.db, for as long as this Ringfence runs: who started it
/// starts it again when it crashed, and then what was stopped stays stopped; a Ringfence that is
/// started anew, also after a power cut, starts all services. Safe from several threads. Errors:
/// `io`.
class StoppedServices {
 public:
  /// `run` names this run of Ringfence: it is the same after a crash, and no other has it.
  explicit StoppedServices(core::Database& database, std::string run = this_run())
      : database_(database), run_(std::move(run)) {}

  void note_stop(const Service& service);
  void note_start(const Service& service);
  bool has(const Service& service) const;
  /// forget is for a stop that was asked for, which a full disk does not keep: that is logged.
  void forget() noexcept;

  /// this_run is made of the boot of this machine and the process that starts us.
  static std::string this_run();

 private:
  std::set<std::string> daemons() const;
  void save(const std::set<std::string>& daemons);

  core::Database& database_;
  std::string run_;
};

}  // namespace ringfence::services::admin
