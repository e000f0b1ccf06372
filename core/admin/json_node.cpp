#include "core/admin/api.h"
#include "core/admin/json_described.h"

namespace ringfence::core::admin {

RINGFENCE_JSON(Nothing);
RINGFENCE_JSON(Hello);
RINGFENCE_JSON(CertificateListRequest);
RINGFENCE_JSON(CertificateList);
RINGFENCE_JSON(CertificateShowRequest);
RINGFENCE_JSON(CertificateShow);
RINGFENCE_JSON(RegenerateRequest);
RINGFENCE_JSON(RegeneratePlan);
RINGFENCE_JSON(JobStarted);
RINGFENCE_JSON(JobRequest);
RINGFENCE_JSON(JobWaitRequest);
RINGFENCE_JSON(JobReport);
RINGFENCE_JSON(JobList);
RINGFENCE_JSON(TrustListServed);
RINGFENCE_JSON(TrustListShow);
RINGFENCE_JSON(TrustListExamineRequest);
RINGFENCE_JSON(TrustListReset);
RINGFENCE_JSON(ServiceRequest);
RINGFENCE_JSON(ServiceList);
RINGFENCE_JSON(ServiceChange);
RINGFENCE_JSON(SystemStatus);
RINGFENCE_JSON(SystemVersion);
RINGFENCE_JSON(HsmShow);
RINGFENCE_JSON(HsmUnlockRequest);
RINGFENCE_JSON(HsmUnlocked);
RINGFENCE_JSON(TrustListResetRequest);
RINGFENCE_JSON(PhoneResetAllRequest);

}  // namespace ringfence::core::admin
