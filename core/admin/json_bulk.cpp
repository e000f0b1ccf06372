#include "core/admin/bulk_api.h"
#include "core/admin/json_described.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> bulk_methods() {
  return {RINGFENCE_BULK_METHODS(RINGFENCE_METHOD_FACTS)};
}

}  // namespace ringfence::core::admin
