#include "services/admin/methods.h"

#include <fmt/format.h>

#include "core/admin/json.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "services/admin/certificates.h"
#include "services/admin/system.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Level;
using core::log;
using namespace core::admin;
namespace json = boost::json;

namespace {

constexpr int kEverything = 4;

/// Who may do what is decided here, by the user that the kernel names: root may do everything,
/// others what their account says.
int level_of(const core::Caller& caller, const core::AccountStore& accounts) {
  if (caller.uid == 0) return kEverything;
  const std::optional<core::Account> account = accounts.find(caller.user);
  if (!account) throw Error(Code::refused, "user " + caller.user + " has no account here");
  return account->level;
}

Service service_or_refuse(const std::string& name) {
  if (const auto service = service_named(name)) return *service;
  std::vector<std::string_view> names;
  for (const Service& service : kServices) names.push_back(service.name);
  throw Error(Code::not_found, fmt::format("there is no service '{}'; the services are {}", name,
                                           fmt::join(names, ", ")));
}

bool is_tftp(const Service& service) {
  return service.daemon == "tftp";
}

}  // namespace

template <typename Request, typename Work>
void Methods::add(const std::string& method, int level, Work work) {
  table_[method] = {level, [work](const core::Caller& caller, const json::object& params) {
                      return to_json(work(from_json<Request>(params), caller.user));
                    }};
}

Methods::Methods(House& house, TrustKeeper& keeper, Regeneration& regeneration, Phones& phones,
                 ServiceControl& services)
    : house_(house), keeper_(keeper), services_(services) {
  using Who = const std::string&;
  table_["session.hello"] = {
      0, [&](const core::Caller& caller, const json::object&) {
        return to_json(hello(house, caller.user, level_of(caller, house.accounts)));
      }};

  add<CertificateListRequest>("cert.list", 1, [&](const CertificateListRequest& request, Who) {
    return list_certificates(house, request.type);
  });
  add<CertificateShowRequest>("cert.show", 1, [&](const CertificateShowRequest& request, Who) {
    return show_certificate(house, request.type, request.name);
  });
  add<RegenerateRequest>("cert.plan", 1, [&](const RegenerateRequest& request, Who) {
    return regeneration.plan(unit_or_refuse(request.unit));
  });
  add<RegenerateRequest>("cert.regenerate", 1, [&](const RegenerateRequest& request, Who who) {
    return JobStarted{regeneration.start(unit_or_refuse(request.unit), who)};
  });

  add<JobRequest>("job.show", 0,
                  [&](const JobRequest& request, Who) { return regeneration.report(request.job); });
  add<JobWaitRequest>("job.wait", 0, [&](const JobWaitRequest& request, Who) {
    return regeneration.wait(request.job, request.seen);
  });
  add<Nothing>("job.list", 0, [&](const Nothing&, Who) { return regeneration.list(); });

  add<Nothing>("itl.show", 0,
               [&](const Nothing&, Who) { return keeper.show(core::ListKind::itl); });
  add<Nothing>("ctl.show", 0,
               [&](const Nothing&, Who) { return keeper.show(core::ListKind::ctl); });
  add<Nothing>("itl.reset", 4, [&](const Nothing&, Who who) { return keeper.reset_localkey(who); });

  add<Nothing>("service.list", 0, [&](const Nothing&, Who) {
    ServiceList list;
    for (const Service& service : kServices) list.services.push_back(services.state(service));
    return list;
  });
  add<ServiceRequest>("service.start", 1, [this](const ServiceRequest& request, Who who) {
    const Service service = service_or_refuse(request.name);
    house_.record_act(who, "SERVICE_START_INTENT", json::serialize(to_json(request)));
    if (is_tftp(service)) keeper_.ensure_itl("start of Cisco Tftp");
    return ServiceChange{services_.start(service)};
  });
  add<ServiceRequest>("service.stop", 1, [this](const ServiceRequest& request, Who who) {
    const Service service = service_or_refuse(request.name);
    house_.record_act(who, "SERVICE_STOP_INTENT", json::serialize(to_json(request)));
    return ServiceChange{services_.stop(service)};
  });
  add<ServiceRequest>("service.restart", 1, [this](const ServiceRequest& request, Who who) {
    const Service service = service_or_refuse(request.name);
    house_.record_act(who, "SERVICE_RESTART_INTENT", json::serialize(to_json(request)));
    return ServiceChange{restart(service)};
  });

  add<Nothing>("system.status", 0, [&](const Nothing&, Who) { return system_status(house); });
  add<Nothing>("system.version", 0, [](const Nothing&, Who) { return system_version(); });

  add<PhoneImportRequest>("phone.import", 1, [&](const PhoneImportRequest& request, Who who) {
    return phones.import(request, who);
  });
  add<PhoneFields>("phone.add", 1,
                   [&](const PhoneFields& fields, Who who) { return phones.add(fields, who); });
  add<PhoneFields>("phone.update", 1,
                   [&](const PhoneFields& fields, Who who) { return phones.update(fields, who); });
  add<Nothing>("phone.list", 0, [&](const Nothing&, Who) { return phones.list(); });
  add<PhoneRequest>("phone.show", 0,
                    [&](const PhoneRequest& request, Who) { return phones.show(request.name); });
  add<PhoneRequest>("phone.remove", 1, [&](const PhoneRequest& request, Who who) {
    return phones.remove(request.name, who);
  });
  add<PhoneResetRequest>("phone.reset", 1, [&](const PhoneResetRequest& request, Who who) {
    return phones.reset(request, who);
  });
  add<Nothing>("capf.report", 0, [&](const Nothing&, Who) { return phones.report(); });
}

json::value Methods::answer(const core::Caller& caller, std::string_view method,
                            const json::object& params) const {
  const int level = level_of(caller, house_.accounts);
  const auto found = table_.find(method);
  if (found == table_.end())
    throw Error(Code::not_found, "there is no method '" + std::string(method) + "'");
  if (level < found->second.level) throw Error(Code::refused, "this account may not do that");
  try {
    return found->second.handler(caller, params);
  } catch (const Error& error) {
    log(Level::warning, "REQUEST_FAILED",
        {{"method", std::string(method)}, {"user", caller.user}, {"why", error.what()}});
    throw;
  }
}

std::vector<ServiceFacts> Methods::restart(const Service& service) {
  std::vector<ServiceFacts> states = services_.stop(service);
  if (states.size() > 1) states.pop_back();  // STOPPING, then on to STARTING
  if (is_tftp(service)) keeper_.ensure_itl("restart of Cisco Tftp");
  for (ServiceFacts& state : services_.start(service)) states.push_back(std::move(state));
  return states;
}

void start_services(TrustKeeper& keeper, ServiceControl& services) {
  keeper.ensure_itl("start of Cisco Tftp");
  for (const Service& service : kServices) {
    for (const ServiceFacts& state : services.start(service))
      if (state.state == "STOPPED")
        log(Level::error, "SERVICE_NOT_STARTED", {{"service", state.name}, {"why", state.reason}});
  }
}

}  // namespace ringfence::services::admin
