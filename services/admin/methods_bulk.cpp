// The methods of jobs, bulk jobs and security profiles.
#include "core/admin/bulk_api.h"
#include "services/admin/bulk_jobs.h"
#include "services/admin/jobs.h"
#include "services/admin/methods_add.h"
#include "services/admin/phone_resets.h"
#include "services/admin/security_profiles.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_bulk(const Parts& parts) {
  Jobs& jobs = parts.jobs;
  add<JobRequest>("job.show", 0,
                  [&](const JobRequest& request, Who) { return jobs.report(request.job); });
  add<JobWaitRequest>("job.wait", 0, [&](const JobWaitRequest& request, Who) {
    return jobs.wait(request.job, request.seen);
  });
  add<Nothing>("job.list", 0, [&](const Nothing&, Who) { return jobs.list(); });
  const auto wanting = [&](const std::string& method, core::JobWanted wanted) {
    change<JobRequest>(method, 1, [&jobs, wanted](const JobRequest& request, Who) {
      return jobs.want(request.job, wanted);
    });
  };
  wanting("job.pause", core::JobWanted::pause);
  wanting("job.resume", core::JobWanted::run);
  wanting("job.cancel", core::JobWanted::cancel);

  PhoneResets& resets = parts.resets;
  add<PhoneResetAllRequest>("phone.reset_plan", 1, [&](const PhoneResetAllRequest& request, Who) {
    return resets.plan(request.kind);
  });
  begin<PhoneResetAllRequest>("phone.reset_all", 1,
                              [&](const PhoneResetAllRequest& request, Who who) {
                                return JobStarted{resets.start(request.kind, who)};
                              });

  BulkJobs& bulk = parts.bulk;
  add<BulkRequest>("bulk.preview", 1,
                   [&](const BulkRequest& request, Who) { return bulk.preview(request); });
  begin<BulkRequest>("bulk.start", 1,
                     [&](const BulkRequest& request, Who who) { return bulk.start(request, who); });

  add<Nothing>("profile.list", 0, [this](const Nothing&, Who) { return list_profiles(house_); });
  change<SecurityProfileFields>("profile.set", 1, [this](const SecurityProfileFields& fields, Who) {
    return set_profile(house_, fields);
  });
  change<SecurityProfileRequest>("profile.remove", 1,
                                 [this](const SecurityProfileRequest& request, Who) {
                                   house_.profiles.remove(request.name);
                                   return Nothing{};
                                 });
}

}  // namespace ringfence::services::admin
