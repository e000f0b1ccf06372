#include "tests/fleet/sip_notify.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>

#include "core/base/error.h"

namespace ringfence::fleet {

namespace {

/// Refusal leaves the checks with the status a phone would answer.
struct Refusal {
  int status;
  const char* reason;
};

using Parameters = std::map<std::string, std::string, std::less<>>;

constexpr std::array<std::pair<std::string_view, Action>, 6> kActions{{
    {"reset", Action::reset},
    {"restart", Action::restart},
    {"apply-config", Action::apply_config},
    {"check-version", Action::check_version},
    {"call-preservation", Action::call_preservation},
    {"prt-report", Action::prt_report},
}};

/// parse_body reads "name=value" lines. Only three values may stand without braces.
Parameters parse_body(std::string_view body) {
  Parameters parameters;
  while (!body.empty()) {
    const std::size_t stop = std::min(body.find_first_of("\r\n"), body.size());
    const std::string_view line = body.substr(0, stop);
    body.remove_prefix(std::min(stop + 1, body.size()));
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) throw Refusal{400, "Bad Body"};
    const std::string name(line.substr(0, equals));
    std::string_view value = line.substr(equals + 1);
    if (name != "action" && name != "CUCMResult" && name != "PPID") {
      if (!value.starts_with('{') || !value.ends_with('}')) throw Refusal{400, "Bad Body"};
      value = value.substr(1, value.size() - 2);
    }
    parameters[name] = value;
  }
  return parameters;
}

void require(const Parameters& parameters, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (!parameters.contains(name)) throw Refusal{400, "Missing Parameter"};
}

bool is_text_plain(std::string_view type) {
  std::string lower(type.substr(0, type.find(';')));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  while (lower.ends_with(' ')) lower.pop_back();
  return lower == "text/plain";
}

std::optional<Action> checked(const SipMessage& request, std::string_view contact_user,
                              std::string_view call_id) {
  if (request.method() != "NOTIFY") throw Refusal{405, "Method Not Allowed"};
  // 1. Event.
  std::string event = request.header("Event").value_or("");
  event = event.substr(0, event.find(';'));
  if (event.empty()) throw Refusal{400, "Missing Event"};
  // 2. Request-URI, 3. To, and From, which must have no user part.
  const UriParts target = uri_of(request.uri());
  if (!target.is_sip || target.user.empty()) throw Refusal{400, "Bad Request-URI"};
  if (target.user != contact_user) throw Refusal{404, "Not Found"};
  if (uri_of(request.header("To").value_or("")).user.empty()) throw Refusal{400, "Bad To"};
  const UriParts from = uri_of(request.header("From").value_or(""));
  if (!from.is_sip || !from.user.empty()) throw Refusal{400, "Bad From"};
  if (event == "check-sync") return std::nullopt;
  if (event != "service-control") throw Refusal{489, "Bad Event"};
  // 4. Body.
  if (request.body.empty() || !is_text_plain(request.header("Content-Type").value_or("")))
    throw Refusal{400, "Bad Body"};
  const Parameters parameters = parse_body(request.body);
  // 5. RegisterCallId names this phone's registration.
  const auto register_call_id = parameters.find("RegisterCallId");
  if (register_call_id == parameters.end() || call_id.empty() ||
      register_call_id->second != call_id)
    throw Refusal{400, "Bad RegisterCallId"};
  // 6. What the action needs.
  if (parameters.contains("FeatureControlVersionStamp")) throw Refusal{400, "Bad Body"};
  require(parameters, {"action"});
  const std::string& word = parameters.find("action")->second;
  const auto* known = std::find_if(kActions.begin(), kActions.end(),
                                   [&word](const auto& entry) { return entry.first == word; });
  if (known == kActions.end()) throw Refusal{400, "Unknown Action"};
  const Action action = known->second;
  if (action == Action::check_version || action == Action::apply_config)
    require(parameters, {"ConfigVersionStamp", "DialplanVersionStamp", "SoftkeyVersionStamp"});
  if (action == Action::apply_config)
    require(parameters, {"CUCMResult", "LoadId", "LoadServer", "LogServer"});
  return action;
}

}  // namespace

NotifyVerdict judge_notify(const SipMessage& request, std::string_view contact_user,
                           std::string_view call_id) {
  try {
    return {200, "OK", checked(request, contact_user, call_id)};
  } catch (const Refusal& refusal) {
    return {refusal.status, refusal.reason, std::nullopt};
  }
}

}  // namespace ringfence::fleet
