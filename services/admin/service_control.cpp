#include "services/admin/service_control.h"

#include <strings.h>

namespace ringfence::services::admin {

std::optional<Service> service_named(std::string_view name) {
  for (const Service& service : kServices) {
    if (service.name.size() == name.size() &&
        ::strncasecmp(service.name.data(), name.data(), name.size()) == 0)
      return service;
  }
  return std::nullopt;
}

}  // namespace ringfence::services::admin
