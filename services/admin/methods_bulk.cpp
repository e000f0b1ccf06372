// The methods of jobs, bulk jobs and security profiles.
#include <fmt/format.h>

#include "core/admin/bulk_api.h"
#include "core/base/error.h"
#include "services/admin/bulk_jobs.h"
#include "services/admin/guard_rules.h"
#include "services/admin/jobs.h"
#include "services/admin/methods_add.h"
#include "services/admin/phone_resets.h"
#include "services/admin/phone_waves.h"
#include "services/admin/security_profiles.h"
#include "services/admin/service_health.h"

namespace ringfence::services::admin {

using namespace core::admin;

namespace {

/// require_files refuses to start phones again while Cisco Tftp has no files for them: they would
/// be out of service until it has. A configuration to apply leaves them as they are.
void require_files(House& house, ServiceControl& services, const PhoneResetAllRequest& request) {
  if (request.kind == "apply-config") return;
  const Service tftp = *service_named("Cisco Tftp");
  const bool runs = services.state(tftp).state == "STARTED";
  if (runs && responds(house.config, tftp)) return;
  const auto phones = static_cast<std::int64_t>(PhoneWaves::items_of_registered(house).size());
  if (phones == 0 || request.force == phones) return;
  throw core::Error(
      core::Code::refused,
      fmt::format(
          "no phone is told: Cisco Tftp {}, so that {} would start without files and be out "
          "of service until it answers. {} it first: utils service {} Cisco Tftp\n"
          "To do it all the same, add: force {}",
          runs ? "is not responding" : "does not run", phones_text(phones),
          runs ? "Restart" : "Start", runs ? "restart" : "start", phones));
}

}  // namespace

void Methods::add_bulk(const Parts& parts) {
  Jobs& jobs = parts.jobs;
  on(method::job_show, [&](const JobRequest& request, Who) { return jobs.report(request.job); });
  on(method::job_wait,
     [&](const JobWaitRequest& request, Who) { return jobs.wait(request.job, request.seen); });
  on(method::job_list, [&](const Nothing&, Who) { return jobs.list(); });
  const auto wanting = [&jobs](core::JobWanted wanted) {
    return
        [&jobs, wanted](const JobRequest& request, Who) { return jobs.want(request.job, wanted); };
  };
  on(method::job_pause, wanting(core::JobWanted::pause));
  on(method::job_resume, wanting(core::JobWanted::run));
  on(method::job_cancel, wanting(core::JobWanted::cancel));

  PhoneResets& resets = parts.resets;
  on(method::phone_reset_plan, [&, this](const PhoneResetAllRequest& request, Who) {
    const PhoneResetPlan plan = resets.plan(request.kind);
    require_files(house_, services_, request);
    return plan;
  });
  on(method::phone_reset_all, [&, this](const PhoneResetAllRequest& request, Who who) {
    require_files(house_, services_, request);
    return JobStarted{resets.start(request.kind, who.user)};
  });

  BulkJobs& bulk = parts.bulk;
  on(method::bulk_preview, [&](const BulkRequest& request, Who) { return bulk.preview(request); });
  on(method::bulk_start,
     [&](const BulkRequest& request, Who who) { return bulk.start(request, who.user); });

  on(method::profile_list, [this](const Nothing&, Who) { return list_profiles(house_); });
  on(method::profile_set,
     [this](const SecurityProfileFields& fields, Who) { return set_profile(house_, fields); });
  on(method::profile_remove, [this](const SecurityProfileRequest& request, Who) {
    house_.profiles.remove(request.name);
    return Nothing{};
  });
}

}  // namespace ringfence::services::admin
