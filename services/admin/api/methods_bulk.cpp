// The methods of jobs, bulk jobs and security profiles.
#include "core/admin/bulk_api.h"
#include "services/admin/api/methods_add.h"
#include "services/admin/capf/security_profiles.h"
#include "services/admin/jobs/bulk_jobs.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/jobs/phone_resets.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_bulk() {
  Jobs& jobs = parts_.jobs;
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

  PhoneResets& resets = parts_.resets;
  on(method::phone_reset_plan, [&](const PhoneResetAllRequest& request, Who) {
    return resets.plan(request.kind, request.force);
  });
  on(method::phone_reset_all, [&](const PhoneResetAllRequest& request, Who who) {
    return JobStarted{resets.start(request.kind, who.user, request.force)};
  });

  BulkJobs& bulk = parts_.bulk;
  on(method::bulk_preview, [&](const BulkRequest& request, Who) { return bulk.preview(request); });
  on(method::bulk_start,
     [&](const BulkRequest& request, Who who) { return bulk.start(request, who.user); });

  on(method::profile_list, [this](const Nothing&, Who) {
    return list_profiles(parts_.house.profiles, parts_.house.phones);
  });
  on(method::profile_set, [this](const SecurityProfileFields& fields, Who) {
    return set_profile(parts_.house.profiles, parts_.house.phones, fields);
  });
  on(method::profile_remove, [this](const SecurityProfileRequest& request, Who) {
    parts_.house.profiles.remove(request.name);
    return Nothing{};
  });
}

}  // namespace ringfence::services::admin
