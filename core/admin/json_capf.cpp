#include "core/admin/capf_api.h"
#include "core/admin/json_described.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> capf_methods() {
  return {RINGFENCE_CAPF_METHODS(RINGFENCE_METHOD_FACTS)};
}

}  // namespace ringfence::core::admin
