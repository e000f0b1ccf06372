#include "core/admin/json_described.h"
#include "core/admin/node_api.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> node_methods() {
  return {RINGFENCE_NODE_METHODS(RINGFENCE_METHOD_FACTS)};
}

}  // namespace ringfence::core::admin
