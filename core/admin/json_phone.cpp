#include "core/admin/json_described.h"
#include "core/admin/phone_api.h"

namespace ringfence::core::admin {

std::vector<MethodFacts> phone_methods() {
  return {RINGFENCE_PHONE_METHODS(RINGFENCE_METHOD_FACTS)};
}

}  // namespace ringfence::core::admin
