// The methods of services: what runs, and what a start or a restart does to the ITL.
#include <fmt/format.h>

#include "core/base/error.h"
#include "services/admin/api/methods_add.h"
#include "services/admin/node/retention.h"
#include "services/admin/node/service_health.h"
#include "services/admin/node/stopped_services.h"
#include "services/admin/trust/ensured_text.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using namespace core::admin;

namespace {

Service service_or_refuse(const std::string& name) {
  if (const auto service = service_named(name)) return *service;
  if (same_name(kSigner, name))
    throw Error(Code::refused,
                "Ringfence Signer holds every private key and runs as long as this node does; it "
                "comes back by itself after a failure, and 'show hsm' says how it is");
  std::vector<std::string_view> names;
  for (const Service& service : kServices) names.push_back(service.name);
  throw Error(Code::not_found, fmt::format("there is no service '{}'; the services are {}", name,
                                           fmt::join(names, ", ")));
}

/// ailment says what a restart of Cisco Tftp mends; "" when it runs, answers and serves its list.
std::string ailment(const core::Config& config, TrustKeeper& keeper, ServiceControl& services,
                    const Service& tftp) {
  if (services.state(tftp).state != "STARTED") return "it was not running";
  if (!responds(config, tftp)) return "it was not responding";
  return keeper.show(core::ListKind::itl).served ? "its ITL file was damaged or not served" : "";
}

void tell(const Ensured& ensured, ServiceChange& change) {
  (ensured.by == Ensured::By::last_good ? change.notes : change.warnings)
      .push_back(ensured_text(ensured));
  change.warnings.insert(change.warnings.end(), ensured.warnings.begin(), ensured.warnings.end());
}

}  // namespace

ServiceChange Methods::prepare_start(const Service& service, const std::string& reason) {
  if (service.needs_key) require_token();
  ServiceChange change;
  if (service.daemon != "tftp") return change;
  if (const auto ensured = parts_.keeper.refresh_itl(reason)) tell(*ensured, change);
  return change;
}

ServiceChange Methods::restart(const Service& service) {
  TrustKeeper& keeper = parts_.keeper;
  ServiceControl& services = parts_.services;
  const bool recovering = service.daemon == "tftp" && keeper.publisher().recovering();
  const std::string mends =
      recovering ? ailment(parts_.house.config, keeper, services, service) : std::string();
  ServiceChange change = prepare_start(service, "restart of Cisco Tftp");  // before the stop
  // Ends a recovery list, and nothing else does: not a start or a restart that mends something.
  if (recovering && !mends.empty()) {
    change.notes.push_back(fmt::format(
        "The recovery list stays in force: Cisco Tftp is repaired by this restart, {}. Once every "
        "phone has the list, restart it again to return to the normal signer.",
        mends));
  } else if (recovering) {
    require_token();
    keeper.end_recovery("restart of Cisco Tftp");
    change.notes.push_back(fmt::format(
        "The recovery list is ended: the normal signer has signed the ITL again, SHA1 {}. "
        "Phones fetch it when they next start, or by 'utils phone reset all'.",
        keeper.served_itl_sha1()));
  }
  StoppedServices(parts_.house.database).note_start(service);
  change.states = services.stop(service);
  if (change.states.size() > 1) change.states.pop_back();  // STOPPING, then on to STARTING
  for (ServiceFacts& state : services.start(service)) change.states.push_back(std::move(state));
  return change;
}

void Methods::add_services() {
  ServiceControl& services = parts_.services;
  on(method::service_list, [this](const Nothing&, Who) {
    ServiceList list;
    for (const Service& service : kServices) list.services.push_back(parts_.opening.state(service));
    list.services.push_back(parts_.opening.state(kSigner));
    list.services = with_health(parts_.house.config, std::move(list.services));
    return list;
  });
  on(method::service_start, [&, this](const ServiceRequest& request, Who) {
    const Service service = service_or_refuse(request.name);
    if (services.state(service).state == "STARTED" && !responds(parts_.house.config, service))
      throw Error(Code::conflict,
                  fmt::format("{0} runs and is not responding; 'utils service restart {0}' ends it "
                              "and starts it again",
                              service.name));
    ServiceChange change = prepare_start(service, "start of Cisco Tftp");
    StoppedServices(parts_.house.database).note_start(service);
    change.states = services.start(service);
    return change;
  });
  on(method::service_stop, [&, this](const ServiceRequest& request, Who) {
    const Service service = service_or_refuse(request.name);
    StoppedServices(parts_.house.database).note_stop(service);
    return ServiceChange{services.stop(service)};
  });
  on(method::retention_show,
     [this](const Nothing&, Who) { return show_retention(parts_.house.database); });
  on(method::retention_set, [this](const RetentionSet& request, Who) {
    return set_retention(parts_.house.database, request);
  });
  on(method::service_restart, [this](const ServiceRequest& request, Who) {
    return restart(service_or_refuse(request.name));
  });
}

}  // namespace ringfence::services::admin
