#include "services/admin/api/methods.h"

#include <cctype>

#include "core/base/error.h"
#include "core/base/log.h"
#include "services/admin/api/methods_add.h"
#include "services/admin/jobs/guards.h"
#include "services/admin/node/hsm.h"
#include "services/admin/node/system.h"
#include "services/admin/trust/certificates.h"
#include "services/admin/trust/list_show.h"
#include "services/admin/trust/list_warnings.h"

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

/// "phone.import" becomes "PHONE_IMPORT".
std::string event_of(std::string_view method) {
  std::string event;
  for (const char c : method)
    event += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return event;
}

}  // namespace

Methods::Methods(const Parts& parts) : parts_(parts) {
  add_node();
  add_certificates();
  add_lists();
  add_services();
  add_phones();
  add_csr();
  add_capf();
  add_offline();
  add_bulk();
  add_nodes();
}

void Methods::add_node() {
  House& house = parts_.house;
  Opening& opening = parts_.opening;
  ServiceControl& services = parts_.services;
  on(method::session_hello, [&](const Nothing&, Who who) {
    Hello facts = hello(house.config, who.user, who.level);
    if (const std::string warning = opening.warning(); !warning.empty())
      facts.warnings.push_back(warning);
    return facts;
  });
  on(method::system_status, [&, this](const Nothing&, Who) {
    SystemStatus status =
        system_status({house.config, house.phones, house.neighbours, services, house.clock},
                      opening.state(kSigner));
    for (std::string& warning : list_warnings(parts_.keeper))
      status.warnings.push_back(std::move(warning));
    status.notes = opening.notes();
    return status;
  });
  on(method::system_version, [](const Nothing&, Who) { return system_version(); });
  // Level 0, like show status: whoever may look at the node may see why phones wait. It holds no
  // secret.
  on(method::hsm_show,
     [&](const Nothing&, Who) { return show_hsm(house.config, house.token, services); });
  on(method::hsm_unlock,
     [this](const HsmUnlockRequest& request, Who) { return unlock(core::Secret(request.pin)); });
}

void Methods::add_certificates() {
  const core::CertificateStore& certificates = parts_.house.certificates;
  Regeneration& regeneration = parts_.regeneration;
  on(method::cert_list, [&](const CertificateListRequest& request, Who) {
    return list_certificates(certificates, request.type);
  });
  on(method::cert_show, [&](const CertificateShowRequest& request, Who) {
    return show_certificate(certificates, request.type, request.name);
  });
  on(method::cert_plan, [&, this](const RegenerateRequest& request, Who) {
    const core::Unit unit = unit_or_refuse(request.unit);
    require_token();
    return regeneration.plan(unit, request.force);
  });
  on(method::cert_regenerate, [&, this](const RegenerateRequest& request, Who who) {
    const core::Unit unit = unit_or_refuse(request.unit);
    require_token();
    return JobStarted{regeneration.start(unit, who.user, request.force)};
  });
}

void Methods::add_lists() {
  TrustKeeper& keeper = parts_.keeper;
  const core::CertificateStore& certificates = parts_.house.certificates;
  on(method::itl_show, [&](const Nothing&, Who) { return keeper.show(core::ListKind::itl); });
  on(method::ctl_show, [&](const Nothing&, Who) { return keeper.show(core::ListKind::ctl); });
  on(method::itl_examine, [&](const TrustListExamineRequest& request, Who) {
    return examine_list(certificates, core::ListKind::itl, request);
  });
  on(method::ctl_examine, [&](const TrustListExamineRequest& request, Who) {
    return examine_list(certificates, core::ListKind::ctl, request);
  });
  const auto require_recovery = [this](const TrustListResetRequest& request) {
    require_token();
    const std::string refusal =
        Guards(parts_.house, parts_.keeper, parts_.services).of_recovery().refusal(request.force);
    if (!refusal.empty()) throw Error(Code::refused, refusal);
  };
  on(method::itl_reset_plan, [=](const TrustListResetRequest& request, Who) {
    require_recovery(request);
    return Nothing{};
  });
  on(method::itl_reset, [=, &keeper](const TrustListResetRequest& request, Who) {
    require_recovery(request);
    return keeper.reset_localkey();
  });
}

HsmUnlocked Methods::unlock(const core::Secret& pin) {
  constexpr std::size_t kMostPinBytes = 255;  // as the signer takes
  if (pin.empty() || pin.reveal().size() > kMostPinBytes)
    throw Error(Code::malformed, "a PIN has 1 to 255 bytes");
  HsmUnlocked unlocked;
  unlocked.next = parts_.opening.outstanding();  // before it is done
  parts_.house.token.unlock(pin);
  unlocked.state = show_hsm(parts_.house.config, parts_.house.token, parts_.services).state;
  parts_.opening.hurry();
  return unlocked;
}

void Methods::require_token() const {
  if (const auto problem = token_problem(parts_.house.config, parts_.house.token, parts_.services))
    throw Error(*problem);
}

json::value Methods::answer(const core::Caller& caller, std::string_view method,
                            const json::object& params) const {
  const int level = level_of(caller, parts_.house.accounts);
  const auto found = table_.find(method);
  if (found == table_.end())
    throw Error(Code::not_found, "there is no method '" + std::string(method) + "'");
  if (level < found->second.level) throw Error(Code::refused, "this account may not do that");
  const Asker asker{caller.user, level};
  try {
    if (found->second.act == Act::look) return found->second.handler(asker, params).answer;
    return run_audited(found->second, asker, found->first, params);
  } catch (const Error& error) {
    log(Level::warning, "REQUEST_FAILED",
        {{"method", std::string(method)}, {"user", caller.user}, {"why", error.what()}});
    const bool of_token = error.code() == Code::hsm_locked || error.code() == Code::hsm_unavailable;
    if (of_token && method != "hsm.unlock") {
      // Whatever call met it: what keeps the token from signing, and what to do.
      require_token();
      throw Error(error.code(),
                  "the token did not do what was asked, and seems well now; try again, and see "
                  "REQUEST_FAILED in the log of ringfence-admin when it goes on");
    }
    if (error.code() == Code::internal)  // a library's words are for the log
      throw Error(error.code(),
                  "something inside this node failed; REQUEST_FAILED in the log of ringfence-admin "
                  "says what");
    throw;
  } catch (const std::exception& error) {
    log(Level::warning, "REQUEST_FAILED",
        {{"method", std::string(method)}, {"user", caller.user}, {"why", error.what()}});
    throw;
  }
}

json::object Methods::run_audited(const Entry& entry, Who who, std::string_view method,
                                  const json::object& params) const {
  const std::string event = event_of(method);
  const json::object asked = as_audited(params);
  parts_.house.acts.write_owed();
  parts_.house.acts.record(who.user, event + "_INTENT", json::serialize(asked));
  const auto record = [&](const std::string& how, const json::object& detail) {
    parts_.house.acts.record_done(who.user, event + how, json::serialize(detail));
  };
  Answered answered;
  try {
    answered = entry.handler(who, params);
  } catch (const std::exception& error) {
    record("_FAILED", {{"why", error.what()}});
    throw;
  }
  if (entry.act == Act::begin) {
    record("_STARTED", {{"job", answered.answer.at("job")}});
    return std::move(answered.answer);
  }
  json::object detail = asked;
  for (const auto& [key, value] : answered.outcome.detail) detail[key] = value;
  record(answered.outcome.done ? "_DONE" : "_FAILED", detail);
  return std::move(answered.answer);
}

}  // namespace ringfence::services::admin
