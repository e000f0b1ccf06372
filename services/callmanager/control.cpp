#include "services/callmanager/control.h"

#include <future>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::services::callmanager {

using core::Code;
using core::Error;

namespace {

constexpr std::chrono::seconds kLookPatience{20};

const boost::json::value& member(const boost::json::object& params, std::string_view name) {
  const boost::json::value* value = params.if_contains(name);
  if (value == nullptr)
    throw Error(Code::malformed,
                fmt::format("reset needs id, kind and devices; {} is absent", name));
  return *value;
}

std::vector<std::string> names_of(const boost::json::value& value) {
  if (!value.is_array()) throw Error(Code::malformed, "devices must be an array of names");
  std::vector<std::string> names;
  for (const boost::json::value& name : value.get_array()) {
    if (!name.is_string()) throw Error(Code::malformed, "devices must be an array of names");
    names.emplace_back(name.get_string());
  }
  return names;
}

}  // namespace

Control::Control(Server& server, Directory& directory) : server_(server), directory_(directory) {}

boost::json::value Control::answer(std::string_view method, const boost::json::object& params) {
  if (method == "status") return status();
  if (method == "reload") return reload();
  if (method == "reset") return reset(params);
  throw Error(Code::not_found,
              fmt::format("no method {}; there are status, reload and reset", method));
}

boost::json::value Control::status() {
  const Count count = server_.count();
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_);
  boost::json::object result;
  result["name"] = "callmanager";
  result["uptime"] = uptime.count();
  result["registered"] = count.devices;
  result["contacts"] = count.contacts;
  result["not_answering"] = count.silent;
  result["connections"] = count.connections;
  result["resets_waiting"] = count.resets_waiting;
  result["resets_unanswered"] = count.resets_unanswered;
  return result;
}

boost::json::value Control::reload() {
  const auto done = std::make_shared<std::promise<void>>();
  auto looked = done->get_future();
  directory_.reopen([done] { done->set_value(); });
  if (looked.wait_for(kLookPatience) != std::future_status::ready)
    throw Error(Code::io, "the phones of admin.db could not be read in time");
  const auto devices = directory_.devices();
  boost::json::object result;
  result["devices"] = devices ? devices->size() : 0;
  return result;
}

boost::json::value Control::reset(const boost::json::object& params) {
  const boost::json::value& id = member(params, "id");
  const boost::json::value& kind = member(params, "kind");
  const boost::json::value& devices = member(params, "devices");
  if (!id.is_int64()) throw Error(Code::malformed, "id must be a whole number");
  if (!kind.is_string())
    throw Error(Code::malformed, "kind must be reset, restart or apply-config");
  const Asked asked =
      server_.reset(id.get_int64(), reset_kind_from(kind.get_string()), names_of(devices));
  boost::json::array unknown;
  for (const std::string& name : asked.unknown) unknown.emplace_back(name);
  boost::json::object result;
  result["asked"] = asked.count;
  result["unknown"] = std::move(unknown);
  return result;
}

}  // namespace ringfence::services::callmanager
