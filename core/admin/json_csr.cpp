#include "core/admin/csr_api.h"
#include "core/admin/json_described.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> csr_methods() {
  return {RINGFENCE_CSR_METHODS(RINGFENCE_METHOD_FACTS)};
}

}  // namespace ringfence::core::admin
