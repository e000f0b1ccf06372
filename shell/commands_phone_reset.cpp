// utils phone reset, restart, apply-config: one phone at once, all of them by a job.
#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/base/error.h"
#include "shell/call.h"
#include "shell/commands_job.h"
#include "shell/commands_phone.h"
#include "shell/duration.h"
#include "shell/guards.h"
#include "shell/parameters.h"
#include "shell/watch.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

/// Reset is one of the three things a registered phone can be told to do.
struct Reset {
  std::string kind;        ///< the word of the command and of the API
  std::string will;        ///< "reset"
  std::string will_alone;  ///< what a phone does then: "reset"
  std::string told;        ///< "Reset"
  std::string cancelled;
};

std::optional<Confirmation> confirm_reset(Call& call, const Reset& reset) {
  timeout_of(call.arguments);
  if (call.arguments.at("name") != "all") return std::nullopt;
  const auto plan = call.ask(method::phone_reset_plan,
                             PhoneResetAllRequest{reset.kind, call.arguments.integer("force")});
  std::string notes;
  for (const std::string& note : plan.notes) notes += "NOTE: " + note + "\n";
  return Confirmation{notes,
                      fmt::format("You are about to {} all {}. This action cannot be undone. "
                                  "Continue? (y/n): ",
                                  reset.will, counted(plan.registered, "registered phone")),
                      reset.cancelled};
}

/// reset_all starts a job and watches it.
Status reset_all(Call& call, const Reset& reset) {
  const Timeout timeout = timeout_of(call.arguments);
  const auto started = call.ask(method::phone_reset_all,
                                PhoneResetAllRequest{reset.kind, call.arguments.integer("force")});
  if (call.arguments.find("watch") == "no") {
    call.answer(started,
                fmt::format("Job {0} started. Watch it with: utils job wait {0}\n", started.job));
    return Status::success;
  }
  call.say(fmt::format("Job {} started.\n", started.job));
  return watch_to_end(call, started.job, timeout);
}

void refuse_job_options(Call& call) {
  if (call.arguments.has("timeout") || call.arguments.has("watch"))
    throw core::Error(core::Code::malformed, "timeout and watch are for all phones");
}

/// untold_text says of whom it is not known that he obeys.
std::string untold_text(const PhoneReset& answer) {
  std::string text;
  for (const std::string& absent : answer.not_registered)
    text += "Not registered: " + absent + "\n";
  for (const PhoneRefusal& one : answer.refused) {
    text += one.status == kNoAnswer ? "Did not answer: " + one.phone + "\n"
                                    : fmt::format("Refused by {} ({})\n", one.phone, one.status);
  }
  return text;
}

Status send_reset(Call& call, const Reset& reset) {
  const std::string& name = call.arguments.at("name");
  if (name == "all") return reset_all(call, reset);
  refuse_job_options(call);
  const PhoneResetRequest request{{name}, reset.kind, call.arguments.integer("force")};
  const auto answer = call.ask(method::phone_reset, request, std::chrono::seconds(180));
  const std::int64_t took = answer.asked - static_cast<std::int64_t>(answer.refused.size());
  const bool nobody = took <= 0;
  if (nobody && call.session.output == Output::text) {
    if (answer.asked == 0)
      throw core::Error(core::Code::refused, "phone " + name + " is not registered");
    call.say(untold_text(answer));
    throw core::Error(core::Code::io, fmt::format("no phone is known to {}; see that it has power "
                                                  "and reaches this node",
                                                  reset.will_alone));
  }
  call.answer(answer, fmt::format("{} sent to {}.\n", reset.told, counted(took, "phone")) +
                          untold_text(answer));
  if (nobody) return Status::failed;
  return answer.refused.empty() && answer.not_registered.empty() ? Status::success
                                                                 : Status::phones_missing;
}

boost::json::object reset_schema() {
  return {{"anyOf", boost::json::array{schema_of<JobReport>(), schema_of<PhoneReset>(),
                                       schema_of<JobStarted>()}}};
}

Command reset_command(const Reset& reset, std::string summary) {
  Parameter target = device_name();
  target.help += ", or all";
  target.spellings = {"all"};
  return {
      .words = "utils phone " + reset.kind,
      .level = 1,
      .summary = std::move(summary),
      .parameters = {target, timeout_parameter(),
                     named("watch", "whether to watch the job; yes when left out", {"yes", "no"}),
                     force_parameter()},
      .help =
          std::string(
              "With all, every registered phone is told, after a question: by a job, in waves of\n"
              "500, which goes on when you leave with Ctrl-C. utils job pauses, resumes and\n"
              "cancels it. Phones that hold a trust list and are not registered, or do not\n"
              "answer, are named and count as left out. While Cisco Tftp is down phones would\n"
              "find no files, so that one or all are refused; force with the number of phones\n"
              "does it all the same.\n") +
          kJobStatusHelp,
      .example = "utils phone " + reset.kind + " all\n",
      .confirm = [reset](Call& call) { return confirm_reset(call, reset); },
      .run = [reset](Call& call) { return send_reset(call, reset); },
      .schema = reset_schema};
}

}  // namespace

std::vector<Command> phone_reset_commands() {
  std::vector<Command> commands;
  commands.push_back(reset_command({"reset", "reset", "reset", "Reset", "Reset cancelled."},
                                   "reset a phone: it starts again and fetches all its files"));
  commands.push_back(
      reset_command({"restart", "restart", "restart", "Restart", "Restart cancelled."},
                    "restart a phone: it registers again"));
  commands.push_back(
      reset_command({"apply-config", "apply the configuration of", "apply its configuration",
                     "Apply-config", "Apply-config cancelled."},
                    "make a phone fetch and apply its configuration"));
  return commands;
}

}  // namespace ringfence::shell
