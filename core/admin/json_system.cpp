#include "core/admin/json_described.h"
#include "core/admin/system_api.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> system_methods() {
  return {RINGFENCE_SYSTEM_METHODS(RINGFENCE_METHOD_FACTS)};
}

}  // namespace ringfence::core::admin
