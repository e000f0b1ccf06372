// Telling all registered phones to reset, restart or apply their configuration, as a job.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "services/admin/jobs/guards.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/jobs/phone_waves.h"

namespace ringfence::services::admin {

/// PhoneResets runs one such job at a time, and none beside a regeneration, which resets phones
/// itself. Safe from several threads.
///
/// A phone that was to reset has returned when it registered anew and has the ITL in force; to
/// restart, when it registered anew; to apply its configuration, when it took the NOTIFY.
class PhoneResets final : public JobKind {
 public:
  explicit PhoneResets(const PhoneWaves::Parts& parts)
      : parts_(parts), guards_(parts.house, parts.keeper, parts.services) {}

  ~PhoneResets() override;  ///< stops

  static constexpr std::string_view kKind = "phone-reset";

  /// Force is the number of phones over which an administrator overrules the guards.
  using Force = std::optional<std::int64_t>;

  /// plan is what a job would do now. Throws what start would throw.
  core::admin::PhoneResetPlan plan(const std::string& kind, Force force = {});

  /// start begins a job of `kind` ("reset", "restart", "apply-config") and returns its number.
  /// Throws Error{malformed}, Error{conflict} while another job resets phones, and Error{refused}
  /// while Cisco CallManager does not run, or Cisco Tftp has no files for phones and `force` is not
  /// their number.
  std::int64_t start(const std::string& kind, const std::string& who, Force force = {});

  std::string_view kind() const override { return kKind; }

  void describe(const core::Job& job, core::admin::JobReport& report) const override;
  void resume() override;
  void stop() override;

 private:
  /// items_for are the phones to tell now. Throws what start would throw.
  std::vector<core::JobItem> items_for(const std::string& kind, Force force);
  core::admin::PhoneResetPlan plan_of(const std::vector<core::JobItem>& items,
                                      const std::vector<std::string>& others);
  void begin(core::Job job);
  void run(core::Job job);
  void finish(core::Job& job, core::JobState state, const std::string& message);
  bool stopping_within(std::chrono::milliseconds time);

  PhoneWaves::Parts parts_;
  Guards guards_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool resumed_ = false;   ///< guarded by mutex_
  bool running_ = false;   ///< guarded by mutex_
  bool stopping_ = false;  ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace ringfence::services::admin
