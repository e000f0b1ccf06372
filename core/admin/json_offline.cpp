#include "core/admin/json_described.h"
#include "core/admin/offline_api.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> offline_methods() {
  return {RINGFENCE_OFFLINE_METHODS(RINGFENCE_METHOD_FACTS)};
}

RINGFENCE_JSON(CsrDumped);
RINGFENCE_JSON(LscImported);
RINGFENCE_JSON(LscsIssued);

}  // namespace ringfence::core::admin
