// show job, utils job: long work that runs in the daemon.
#include "shell/commands_job.h"

#include <iterator>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/duration.h"
#include "shell/table.h"
#include "shell/watch.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

JobRequest request_of(Call& call) {
  return {call.arguments.integer("id").value_or(0)};
}

Status list_jobs(Call& call) {
  const auto list = call.ask(method::job_list, Nothing{});
  Table table({"Job", "Kind", "Subject", "State", "Done", "Started", "Finished", "By"},
              {"By", "Started", "Kind", "Finished"});
  for (const JobReport& job : list.jobs) {
    table.add({std::to_string(job.job), job.kind, job.subject, job.state,
               fmt::format("{} of {}", done_phones(job), job.total), job.started,
               job.finished.value_or(""), job.who});
  }
  call.answer(list, list.jobs.empty() ? "There are no jobs.\n" : table.text(call.columns()));
  return Status::success;
}

Status show_job(Call& call) {
  const auto job = call.ask(method::job_show, request_of(call));
  std::vector<std::pair<std::string, std::string>> lines = {{"Job", std::to_string(job.job)},
                                                            {"Kind", job.kind},
                                                            {"Subject", job.subject},
                                                            {"Started by", job.who},
                                                            {"Started", job.started},
                                                            {"Finished", job.finished.value_or("")},
                                                            {"State", job.state},
                                                            {"Step", job.step},
                                                            {"Message", job.message}};
  if (is_bulk(job)) {
    lines.emplace_back("Phones", std::to_string(job.total));
    for (const JobCount& one : job.counts)
      lines.emplace_back("   " + one.state, std::to_string(one.count));
  } else {
    lines.emplace_back("Published", job.published ? "yes" : "no");
    lines.emplace_back("Phones", std::to_string(job.total));
    lines.emplace_back("Returned", std::to_string(job.returned));
    lines.emplace_back("Waiting", std::to_string(job.waiting));
    lines.emplace_back("Reset sent", std::to_string(job.reset_sent));
    lines.emplace_back("Not returned", std::to_string(job.not_returned));
    lines.emplace_back("Failed", std::to_string(job.failed));
    if (job.refused > 0) lines.emplace_back("Refused the ITL", std::to_string(job.refused));
    if (job.unproven > 0) lines.emplace_back("Unproven", std::to_string(job.unproven));
  }
  if (job.left_out > 0) lines.emplace_back("Left out", std::to_string(job.left_out));
  if (!job.left_out_names.empty()) {
    const std::int64_t more = job.left_out - static_cast<std::int64_t>(job.left_out_names.size());
    lines.emplace_back("   phones", join(job.left_out_names, ", ") +
                                        (more > 0 ? fmt::format(" and {} more", more) : ""));
  }
  std::string text = labelled(lines, call.columns());
  if (!job.missing.empty()) {
    Table table({"Phone", "State", "Since", "Why"});
    for (const JobPhone& phone : job.missing)
      table.add({phone.phone, phone.state, phone.changed, phone.detail});
    text += "\n" + table.text(call.columns());
  }
  for (const std::string& warning : job.warnings) text += "\nWARNING: " + warning + "\n";
  for (const std::string& note : job.notes) text += "\nNOTE: " + note + "\n";
  call.answer(job, text);
  return Status::success;
}

Status wait(Call& call) {
  const Timeout timeout = timeout_of(call.arguments);
  return watch_to_end(call, request_of(call).job, timeout);
}

}  // namespace

Parameter job_id() {
  return {.name = "id", .help = "the job's number", .kind = Kind::integer, .least = 1};
}

std::vector<Command> job_changes(const std::string& words) {
  struct Change {
    std::string verb;
    Method<JobRequest, JobReport> method;
    std::string summary;
    std::string said;
  };

  std::vector<Command> commands;
  for (const Change& change :
       {Change{"pause", method::job_pause, "let a job ask no further phones for now",
               "Job {} pauses: no further phones are asked. Those that were asked go on.\n"},
        Change{"resume", method::job_resume, "let a paused job go on", "Job {} goes on.\n"},
        Change{"cancel", method::job_cancel, "end a job before all phones had their turn",
               "Job {} is cancelled: no further phones are asked. Watch it end with: utils job "
               "wait {}\n"}}) {
    commands.push_back(
        {.words = words + " " + change.verb,
         .level = 1,
         .summary = change.summary,
         .parameters = {job_id()},
         .help = change.verb == "cancel"
                     ? "A phone whose turn has not come keeps its settings. A regeneration stays\n"
                       "published, leaves out the phones that did not answer their reset, and\n"
                       "counts the others to their end. A bulk job takes back what phones have\n"
                       "not done yet, and ends: a phone that is enrolling may still get its LSC,\n"
                       "and then counts as succeeded.\n"
                     : "",
         .example = fmt::format("{} {} 3\n", words, change.verb),
         .run =
             [change](Call& call) {
               const auto job = call.ask(change.method, request_of(call));
               call.answer(job, fmt::format(fmt::runtime(change.said), job.job, job.job));
               return Status::success;
             },
         .schema = schema_of<JobReport>});
  }
  return commands;
}

std::vector<Command> job_commands() {
  const Parameter id = job_id();
  std::vector<Command> commands;
  commands.push_back({.words = "show job list",
                      .summary = "list the jobs, newest first",
                      .example = "show job list\n",
                      .run = list_jobs,
                      .schema = schema_of<JobList>});
  commands.push_back({.words = "show job",
                      .summary = "show one job and every phone it misses",
                      .parameters = {id},
                      .example = "show job 3\n",
                      .run = show_job,
                      .schema = schema_of<JobReport>});
  commands.push_back(
      {.words = "utils job wait",
       .summary = "watch a job until it ends",
       .parameters = {id, timeout_parameter()},
       .help = std::string(kJobStatusHelp) + "Ctrl-C leaves the watch; the job goes on.\n",
       .example = "utils job wait 3\nJob 3: 50 of 50 phones returned.\n",
       .run = wait,
       .schema = schema_of<JobReport>});
  std::ranges::move(job_changes("utils job"), std::back_inserter(commands));
  return commands;
}

}  // namespace ringfence::shell
