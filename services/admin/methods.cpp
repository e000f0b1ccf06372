#include "services/admin/methods.h"

#include <cctype>

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

using Who = const std::string&;

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

/// refresh_itl brings the ITL up to date before Cisco Tftp (re)starts. While the signer is away a
/// list that is there already has to do: phones without files would be worse.
void refresh_itl(TrustKeeper& keeper, const Service& service, const std::string& reason) {
  if (service.daemon != "tftp") return;
  try {
    keeper.ensure_itl(reason);
  } catch (const Error& error) {
    const std::string state = keeper.show(core::ListKind::itl).state;
    log(Level::error, "ITL_NOT_REBUILT", {{"why", error.what()}, {"state", state}});
    if (state == "missing" || state == "corrupt") throw;
  }
}

/// without_secrets returns the parameters as the audit log may keep them.
std::string without_secrets(const json::object& params) {
  json::object kept = params;
  if (kept.contains("auth_string")) kept["auth_string"] = "<set>";
  if (const json::value* csv = kept.if_contains("csv"))
    kept["csv"] = fmt::format("<{} bytes>", csv->is_string() ? csv->as_string().size() : 0);
  return json::serialize(kept);
}

/// "phone.import" becomes "PHONE_IMPORT".
std::string event_of(const std::string& method) {
  std::string event;
  for (const char c : method)
    event += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return event;
}

}  // namespace

template <typename Request, typename Work>
void Methods::add(const std::string& method, int level, Work work) {
  table_[method] = {level, Audit::none,
                    [work](const core::Caller& caller, const json::object& params) {
                      return to_json(work(from_json<Request>(params), caller.user));
                    }};
}

template <typename Request, typename Work>
void Methods::change(const std::string& method, int level, Work work) {
  add<Request>(method, level, work);
  table_[method].audit = Audit::both;
}

Methods::Methods(House& house, TrustKeeper& keeper, Regeneration& regeneration, Phones& phones,
                 ServiceControl& services)
    : house_(house) {
  table_["session.hello"] = {
      0, Audit::none, [&](const core::Caller& caller, const json::object&) {
        return to_json(hello(house, caller.user, level_of(caller, house.accounts)));
      }};
  add<Nothing>("system.status", 0, [&](const Nothing&, Who) { return system_status(house); });
  add<Nothing>("system.version", 0, [](const Nothing&, Who) { return system_version(); });
  add_certificates(keeper, regeneration);
  add_services(keeper, services);
  add_phones(phones);
}

void Methods::add_certificates(TrustKeeper& keeper, Regeneration& regeneration) {
  add<CertificateListRequest>("cert.list", 1, [this](const CertificateListRequest& request, Who) {
    return list_certificates(house_, request.type);
  });
  add<CertificateShowRequest>("cert.show", 1, [this](const CertificateShowRequest& request, Who) {
    return show_certificate(house_, request.type, request.name);
  });
  add<RegenerateRequest>("cert.plan", 1, [&](const RegenerateRequest& request, Who) {
    return regeneration.plan(unit_or_refuse(request.unit));
  });
  change<RegenerateRequest>("cert.regenerate", 1, [&](const RegenerateRequest& request, Who who) {
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
  change<Nothing>("itl.reset", 4, [&](const Nothing&, Who) { return keeper.reset_localkey(); });
}

void Methods::add_services(TrustKeeper& keeper, ServiceControl& services) {
  add<Nothing>("service.list", 0, [&](const Nothing&, Who) {
    ServiceList list;
    for (const Service& service : kServices) list.services.push_back(services.state(service));
    list.services.push_back(services.state(kSigner));
    return list;
  });
  change<ServiceRequest>("service.start", 1, [&](const ServiceRequest& request, Who) {
    const Service service = service_or_refuse(request.name);
    refresh_itl(keeper, service, "start of Cisco Tftp");
    return ServiceChange{services.start(service)};
  });
  change<ServiceRequest>("service.stop", 1, [&](const ServiceRequest& request, Who) {
    return ServiceChange{services.stop(service_or_refuse(request.name))};
  });
  change<ServiceRequest>("service.restart", 1, [&](const ServiceRequest& request, Who) {
    const Service service = service_or_refuse(request.name);
    refresh_itl(keeper, service, "restart of Cisco Tftp");
    ServiceChange change{services.stop(service)};
    if (change.states.size() > 1) change.states.pop_back();  // STOPPING, then on to STARTING
    for (ServiceFacts& state : services.start(service)) change.states.push_back(std::move(state));
    return change;
  });
}

void Methods::add_phones(Phones& phones) {
  change<PhoneImportRequest>("phone.import", 1, [&](const PhoneImportRequest& request, Who) {
    return phones.import(request);
  });
  change<PhoneFields>("phone.add", 1,
                      [&](const PhoneFields& fields, Who) { return phones.add(fields); });
  change<PhoneFields>("phone.update", 1,
                      [&](const PhoneFields& fields, Who) { return phones.update(fields); });
  add<Nothing>("phone.list", 0, [&](const Nothing&, Who) { return phones.list(); });
  add<PhoneRequest>("phone.show", 0,
                    [&](const PhoneRequest& request, Who) { return phones.show(request.name); });
  change<PhoneRequest>("phone.remove", 1, [&](const PhoneRequest& request, Who) {
    return phones.remove(request.name);
  });
  change<PhoneResetRequest>("phone.reset", 1, [&](const PhoneResetRequest& request, Who) {
    return phones.reset(request);
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
    if (found->second.audit == Audit::none) return found->second.handler(caller, params);
    return run_audited(found->second, caller, found->first, params);
  } catch (const std::exception& error) {
    log(Level::warning, "REQUEST_FAILED",
        {{"method", std::string(method)}, {"user", caller.user}, {"why", error.what()}});
    throw;
  }
}

json::object Methods::run_audited(const Entry& entry, const core::Caller& caller,
                                  const std::string& method, const json::object& params) const {
  const std::string event = event_of(method);
  house_.record_act(caller.user, event + "_INTENT", without_secrets(params));
  try {
    json::object answer = entry.handler(caller, params);
    house_.record_act(caller.user, event + "_DONE", without_secrets(params));
    return answer;
  } catch (const std::exception& error) {
    house_.record_act(caller.user, event + "_FAILED",
                      json::serialize(json::object{{"why", error.what()}}));
    throw;
  }
}

void start_signer(const core::Config& config, ServiceControl& services) {
  if (services.start(kSigner).back().state == "STARTED") return;
  const auto file = config.log_folder() / "signer.log";
  constexpr std::size_t kMostLogBytes = std::size_t{16} << 20;
  std::string text = core::text_of(core::read_file(file, kMostLogBytes));
  while (text.ends_with('\n')) text.pop_back();
  const std::size_t line = text.rfind('\n');
  throw Error(Code::hsm_locked,
              "the signer did not start: " + text.substr(line == std::string::npos ? 0 : line + 1) +
                  " (its log is " + file.string() + ")");
}

void start_services(TrustKeeper& keeper, ServiceControl& services) {
  for (const Service& service : kServices) {
    try {
      refresh_itl(keeper, service, "start of Cisco Tftp");
    } catch (const std::exception& error) {
      log(Level::error, "ITL_NOT_PUBLISHED", {{"why", error.what()}});
    }
    for (const ServiceFacts& state : services.start(service))
      if (state.state == "STOPPED")
        log(Level::error, "SERVICE_NOT_STARTED", {{"service", state.name}, {"why", state.reason}});
  }
}

}  // namespace ringfence::services::admin
