#include "core/admin/job_api.h"
#include "core/admin/json_described.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> job_methods() {
  return {RINGFENCE_JOB_METHODS(RINGFENCE_METHOD_FACTS)};
}

}  // namespace ringfence::core::admin
