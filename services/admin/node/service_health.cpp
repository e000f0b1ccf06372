#include "services/admin/node/service_health.h"

#include <future>

#include <fmt/format.h>

#include "core/net/rpc.h"

namespace ringfence::services::admin {

namespace {

constexpr auto kHealthWithin = std::chrono::seconds(3);

}  // namespace

bool responds(const core::Config& config, const Service& service) noexcept {
  try {
    core::rpc_call(config.control_socket(std::string(service.daemon)), "status", {}, kHealthWithin);
    return true;
  } catch (const std::exception&) {
    return false;  // whatever it is, the service is of no use to phones now
  }
}

std::vector<core::admin::ServiceFacts> with_health(
    const core::Config& config, std::vector<core::admin::ServiceFacts> services) {
  std::vector<std::future<bool>> answers;
  for (const core::admin::ServiceFacts& facts : services) {
    const auto service = facts.state == "STARTED" ? service_named(facts.name) : std::nullopt;
    answers.push_back(std::async(
        std::launch::async, [&config, service] { return !service || responds(config, *service); }));
  }
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (answers[i].get()) continue;
    services[i].state = kNotResponding;
    services[i].reason = fmt::format(
        "it runs and does not answer; mend it with: utils service restart {}", services[i].name);
  }
  return services;
}

}  // namespace ringfence::services::admin
