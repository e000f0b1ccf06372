#include "core/admin/json_described.h"
#include "core/admin/trust_api.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> trust_methods() {
  return {RINGFENCE_TRUST_METHODS(RINGFENCE_METHOD_FACTS)};
}

RINGFENCE_JSON(TrustListServed);

}  // namespace ringfence::core::admin
