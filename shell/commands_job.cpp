// show job, utils job: long work that runs in the daemon.
#include <fmt/format.h>

#include "core/admin/api.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/schema.h"
#include "shell/table.h"
#include "shell/watch.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

JobRequest request_of(Call& call) {
  return {call.arguments.integer("id").value_or(0)};
}

Status list(Call& call) {
  const auto list = call.ask<JobList>("job.list", Nothing{});
  Table table({"Job", "Kind", "Subject", "State", "Returned", "Started", "Finished", "By"});
  for (const JobReport& job : list.jobs) {
    table.add({std::to_string(job.job), job.kind, job.subject, job.state,
               fmt::format("{} of {}", job.returned, job.total), job.started,
               job.finished.value_or(""), job.who});
  }
  call.answer(list, list.jobs.empty() ? "There are no jobs.\n" : table.text());
  return Status::success;
}

Status show(Call& call) {
  const auto job = call.ask<JobReport>("job.show", request_of(call));
  std::string text = labelled({{"Job", std::to_string(job.job)},
                               {"Kind", job.kind},
                               {"Subject", job.subject},
                               {"Started by", job.who},
                               {"Started", job.started},
                               {"Finished", job.finished.value_or("")},
                               {"State", job.state},
                               {"Step", job.step},
                               {"Message", job.message},
                               {"Published", job.published ? "yes" : "no"},
                               {"Phones", std::to_string(job.total)},
                               {"Returned", std::to_string(job.returned)},
                               {"Waiting", std::to_string(job.waiting)},
                               {"Reset sent", std::to_string(job.reset_sent)},
                               {"Not returned", std::to_string(job.not_returned)},
                               {"Failed", std::to_string(job.failed)}});
  if (!job.missing.empty()) {
    Table table({"Phone", "State", "Since"});
    for (const JobPhone& phone : job.missing) table.add({phone.phone, phone.state, phone.changed});
    text += "\n" + table.text();
  }
  call.answer(job, text);
  return Status::success;
}

Status wait(Call& call) {
  PhoneProgress progress(call);
  const Watched watched = watch_job(call, request_of(call).job,
                                    [&](const JobReport& report) { progress.show(report); });
  if (watched.left) return say_left(call, watched);
  const JobReport& report = watched.report;
  if (report.state == "done" || call.session.output == Output::json) {
    call.answer(report, job_result(report));
    return all_returned(report) ? Status::success : Status::failed;
  }
  throw job_failure(report);
}

}  // namespace

std::vector<Command> job_commands() {
  const Parameter id{.name = "id", .help = "the job's number", .kind = Kind::integer, .least = 1};
  std::vector<Command> commands;
  commands.push_back({.words = "show job list",
                      .summary = "list the jobs, newest first",
                      .example = "show job list\n",
                      .run = list,
                      .schema = schema_of<JobList>});
  commands.push_back({.words = "show job",
                      .summary = "show one job and every phone it misses",
                      .parameters = {id},
                      .example = "show job 3\n",
                      .run = show,
                      .schema = schema_of<JobReport>});
  commands.push_back(
      {.words = "utils job wait",
       .summary = "watch a job until it ends",
       .parameters = {id},
       .help = "The exit status is 0 only when the job is done and every phone returned. Ctrl-C\n"
               "leaves the watch; the job goes on.\n",
       .example = "utils job wait 3\nJob 3: 50 of 50 phones returned.\n",
       .run = wait,
       .schema = schema_of<JobReport>});
  return commands;
}

}  // namespace ringfence::shell
