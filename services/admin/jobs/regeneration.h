// Regeneration as a job: change, publish, reset phones in waves, count each one's return.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/admin/api.h"
#include "services/admin/jobs/guards.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/node/house.h"
#include "services/admin/node/service_control.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// Regeneration runs one job at a time on its own thread; jobs are in admin.db, so that any shell
/// can watch them and a restarted daemon goes on counting. Safe from several threads.
///
/// While paused it resets no further phones. Cancelled, it leaves out those whose turn has not
/// come; what is published stays, and the phones that were reset are counted to their end.
class Regeneration final : public JobKind {
 public:
  Regeneration(House& house, TrustKeeper& keeper, ServiceControl& services, Jobs& jobs)
      : house_(house),
        keeper_(keeper),
        services_(services),
        jobs_(jobs),
        guards_(house, keeper, services) {}

  ~Regeneration() override;  ///< stops

  static constexpr std::string_view kKind = "regenerate";

  std::string_view kind() const override { return kKind; }

  void describe(const core::Job& job, core::admin::JobReport& report) const override;
  /// resume: published jobs go on counting phones, others become `interrupted`.
  void resume() override;
  void stop() override;

  /// Force is the number of phones over which an administrator overrules the guards.
  using Force = std::optional<std::int64_t>;

  core::admin::RegeneratePlan plan(core::Unit unit, Force force = {});

  /// Change gives a unit its new certificate and publishes the ITL.
  using Change = std::function<Published(const std::string& who)>;

  /// start begins the job and returns its number. Throws Error{refused} while guards speak against
  /// it, unless `force` is their number of phones; Error{conflict} while another job resets phones,
  /// and before resume: then an earlier one may have to go on first.
  std::int64_t start(core::Unit unit, const std::string& who, Force force = {});

  /// start_import is start for a certificate that somebody else signed: `change` puts it to use.
  std::int64_t start_import(core::Unit unit, const std::string& who, Change change,
                            Force force = {});

 private:
  /// Progress is what a job has to know to go on after a restart; it is the job's `arguments`.
  struct Progress;

  void note_phones(const RegistrarTruth& registrar, const std::vector<std::string>& absent,
                   core::admin::RegeneratePlan& plan);
  void note_unit(core::Unit unit, core::admin::RegeneratePlan& plan);
  std::int64_t start(Progress progress, const std::string& who, Force force, Change change);
  void run(core::Job job, Progress progress, const Change& change);
  void change(core::Job& job, Progress& progress, const Change& change);
  /// note_change writes down what an earlier run of the daemon did and could not note any more.
  void note_change(core::Job& job, Progress& progress);
  std::string cure_of_refusals();
  void await_phones(core::Job& job, Progress& progress);
  void save(core::Job& job, const Progress& progress);
  void finish(core::Job& job, const Progress& progress, core::JobState state,
              const std::string& message);
  std::string serial_of(core::Unit unit);  ///< of its certificate, hex; "" without one
  bool stopping_within(std::chrono::milliseconds time);

  House& house_;
  TrustKeeper& keeper_;
  ServiceControl& services_;
  Jobs& jobs_;
  Guards guards_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool resumed_ = false;   ///< guarded by mutex_
  bool running_ = false;   ///< guarded by mutex_
  bool stopping_ = false;  ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace ringfence::services::admin
