// utils service: what runs on this node.
#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/base/error.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/parameters.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

std::vector<std::string> service_names(Admin& admin, const std::string&) {
  const auto list = ask(admin, method::service_list, {}, std::chrono::seconds(5));
  std::vector<std::string> names;
  for (const ServiceFacts& facts : list.services) names.push_back(facts.name);
  return names;
}

Status list_services(Call& call) {
  if (call.arguments.has("page")) call.session.console.begin(Paging::on);
  call.say("Requesting service status, please wait...\n");
  const auto list = call.ask(method::service_list, Nothing{});
  std::string text =
      "Service Manager is running\nGetting list of all services\n>> Return code = 0\n";
  for (const ServiceFacts& facts : list.services) {
    text += fmt::format("{}[{}]{}{}\n", facts.name, facts.state, facts.reason.empty() ? "" : "  ",
                        facts.reason);
  }
  call.answer(list, text);
  return Status::success;
}

/// Verb is one of start, stop, restart: its method, the word of the warning, the state it ends in.
struct Verb {
  Method<ServiceRequest, ServiceChange> method;
  std::string doing;
  std::string result;
};

/// Source: reference/cucm-cli.md 2.5; the leading space and the two trailing ones are literal.
Status change(Call& call, const Verb& verb) {
  call.say(fmt::format(
      " Don't press Ctrl-c while the service is getting {0}.If Service has not {1} "
      "Properly, execute the same Command Again\nService Manager is running\n",
      verb.doing, verb.doing.front() + [&] {
        std::string lower = verb.doing.substr(1);
        for (char& c : lower) c = static_cast<char>(c + 32);
        return lower;
      }()));
  const auto change =
      call.ask(verb.method, ServiceRequest{call.arguments.at("name")}, std::chrono::seconds(180));
  std::string text;
  for (const ServiceFacts& facts : change.states) {
    text += fmt::format("{}[{}]  {}\n", facts.name, facts.state, facts.reason);
  }
  text += Remarks{change.warnings, change.notes}.text();
  const bool reached = !change.states.empty() && change.states.back().state == verb.result;
  if (reached || call.session.output == Output::json) {
    call.answer(change, text);
    return reached ? Status::success : Status::failed;
  }
  call.say(text);
  throw core::Error(core::Code::io, "the service is not " + verb.result);
}

Command change_command(std::string word, std::string summary, Verb verb) {
  return {.words = "utils service " + word,
          .level = 1,
          .summary = std::move(summary),
          .parameters = {{.name = "name",
                          .help = "the service's name, without quotes, in any case",
                          .kind = Kind::rest,
                          .suggest = service_names}},
          .example = "utils service " + word + " Cisco Tftp\n",
          .run = [verb](Call& call) { return change(call, verb); },
          .schema = schema_of<ServiceChange>};
}

}  // namespace

std::vector<Command> service_commands() {
  std::vector<Command> commands;
  commands.push_back({.words = "utils service list",
                      .summary = "list the services of this node and their states",
                      .parameters = {flag("page",
                                          "pause after each screen, as a terminal does "
                                          "without it unless paging is off")},
                      .example = "utils service list\n",
                      .run = list_services,
                      .schema = schema_of<ServiceList>});
  commands.push_back(
      change_command("start", "start a service", {method::service_start, "STARTED", "STARTED"}));
  commands.push_back(
      change_command("stop", "stop a service", {method::service_stop, "STOPPED", "STOPPED"}));
  commands.push_back(change_command("restart", "stop a service and start it again",
                                    {method::service_restart, "RESTARTED", "STARTED"}));
  return commands;
}

}  // namespace ringfence::shell
