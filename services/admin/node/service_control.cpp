#include "services/admin/node/service_control.h"

#include <strings.h>

namespace ringfence::services::admin {

bool same_name(const Service& service, std::string_view name) {
  return service.name.size() == name.size() &&
         ::strncasecmp(service.name.data(), name.data(), name.size()) == 0;
}

std::optional<Service> service_named(std::string_view name) {
  for (const Service& service : kServices)
    if (same_name(service, name)) return service;
  return std::nullopt;
}

}  // namespace ringfence::services::admin
