// utils capf bulk: one operation for many phones.
#include <iterator>
#include <memory>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/admin/bulk_api.h"
#include "core/base/error.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/commands_job.h"
#include "shell/duration.h"
#include "shell/guards.h"
#include "shell/parameters.h"
#include "shell/printable.h"
#include "shell/table.h"
#include "shell/watch.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

constexpr std::size_t kShownExcluded = 20;
constexpr mode_t kStringsMode = 0600;
constexpr auto kPlanWithin = std::chrono::seconds(300);

Parameter number(std::string name, std::string help, std::int64_t least, std::int64_t most) {
  Parameter parameter = named(std::move(name), std::move(help));
  parameter.kind = Kind::integer;
  parameter.least = least;
  parameter.most = most;
  return parameter;
}

std::vector<Parameter> filters() {
  return {named("name", "device names, like SEP0011*"),
          named("model", "like CP-8861, or CP-88*"),
          named("device_pool", "the device pool"),
          named("description", "text anywhere in the description"),
          named("security_profile", "a phone security profile"),
          named("lsc", "state of the LSC", {"none", "installed", "expired", "stale"}),
          named("issuer", "text anywhere in the LSC's issuer"),
          named("expires_before", "YYYY:MM:DD:HH in UTC: the LSC ends earlier"),
          number("expires_within", "days: the LSC ends within them, or has", 0, 36'500)};
}

std::vector<Parameter> terms(Presence operation_presence) {
  Parameter operation = named("operation", "what CAPF does", {"install", "delete", "troubleshoot"});
  operation.presence = operation_presence;
  return joined(
      {operation},
      joined(key_settings(),
             {named("completes_by", "YYYY:MM:DD:HH in UTC; seven days from now when left out"),
              number("unique_strings", "digits of an authentication string made for each phone", 4,
                     10),
              number("wave", "how many phones are on their way at a time; 500 when left out", 1,
                     5000)}));
}

/// Who says whether a command is for all phones or for those of its filters.
enum class Who { all, filtered };

BulkRequest request_of(const Arguments& arguments, Who who) {
  BulkRequest request;
  request.all = who == Who::all;
  request.name = arguments.find("name");
  request.model = arguments.find("model");
  request.device_pool = arguments.find("device_pool");
  request.description = arguments.find("description");
  request.security_profile = arguments.find("security_profile");
  request.lsc = arguments.find("lsc");
  request.issuer = arguments.find("issuer");
  request.expires_before = arguments.find("expires_before");
  request.expires_within = arguments.integer("expires_within");
  request.operation = arguments.find("operation").value_or("install");
  request.auth_mode = arguments.find("auth_mode");
  request.key_order = arguments.find("key_order");
  request.rsa_bits = arguments.integer("rsa_bits");
  request.ec_bits = arguments.integer("ec_bits");
  request.completes_by = arguments.find("completes_by");
  request.unique_strings = arguments.integer("unique_strings");
  request.wave = arguments.integer("wave");
  request.force = arguments.integer("force");
  return request;
}

std::string preview_text(const BulkPreview& plan) {
  std::vector<std::pair<std::string, std::string>> lines = {
      {"Operation", plan.operation},
      {"Completes by", plan.completes_by + " UTC"},
      {"Phones that match", std::to_string(plan.matched)},
      {"Phones in the job", std::to_string(plan.chosen)},
      {"   not registered", std::to_string(plan.not_registered)},
      {"Phones left out", std::to_string(plan.matched - plan.chosen)}};
  for (const BulkReason& one : plan.reasons)
    lines.emplace_back("   " + one.reason, std::to_string(one.count));
  std::string text = labelled(lines);
  if (!plan.excluded.empty()) {
    text += "\nLeft out:\n";
    for (std::size_t i = 0; i < std::min(plan.excluded.size(), kShownExcluded); ++i)
      text += fmt::format("   {}   {}\n", one_line(plan.excluded[i].phone),
                          one_line(plan.excluded[i].why));
    if (plan.excluded.size() > kShownExcluded)
      text += fmt::format("   and {} more; --json lists all of them\n",
                          plan.excluded.size() - kShownExcluded);
  }
  for (const std::string& note : plan.notes) text += "\nNOTE: " + note + "\n";
  if (!plan.guards.empty()) text += "\n" + guards_text(plan.guards);
  return text;
}

Status preview(Call& call, Who who, const Refusal&) {
  const auto plan = call.ask(method::bulk_preview, request_of(call.arguments, who), kPlanWithin);
  call.answer(plan, preview_text(plan));
  return plan.chosen > 0 ? Status::success : Status::failed;
}

/// strings_on_output says whether the authentication strings are what standard output is for; then
/// all else is told on the error stream.
bool strings_on_output(const Arguments& arguments) {
  return arguments.has("unique_strings") && arguments.find("strings_file").value_or("-") == "-";
}

std::optional<Confirmation> confirm_start(Call& call, Who who, Refusal& refusal) {
  refusal = {};
  timeout_of(call.arguments);
  const auto plan = call.ask(method::bulk_preview, request_of(call.arguments, who), kPlanWithin);
  if (plan.chosen == 0) return std::nullopt;  // the daemon says why
  refusal = Refusal::of(plan);
  const Stream stream = strings_on_output(call.arguments) ? Stream::error : Stream::output;
  if (refusal.refuses()) {
    call.warn(preview_text(plan) + "\n", stream);
    return std::nullopt;
  }
  return Confirmation{
      preview_text(plan) + "\n",
      fmt::format("You are about to write new CAPF settings for {}, and to make {} apply {}. "
                  "Continue? (y/n): ",
                  counted(plan.chosen, "phone"), plan.chosen == 1 ? "it" : "them",
                  plan.chosen == 1 ? "its configuration" : "their configurations"),
      "Bulk job cancelled.", stream};
}

std::string csv_of(const std::vector<BulkString>& strings) {
  std::string csv = "name,auth_string\n";
  for (const BulkString& one : strings) csv += one.name + "," + one.auth_string + "\n";
  return csv;
}

/// write_strings puts them into the file that was made before there were any.
void write_strings(OutputFile& file, const BulkStarted& started) {
  try {
    file.finish(csv_of(started.strings));
  } catch (const core::Error& error) {
    throw core::Error(error.code(),
                      fmt::format("{}; job {} runs, and nobody knows its authentication strings: "
                                  "cancel it and start another one",
                                  error.what(), started.job));
  }
}

/// start begins a job. Where the strings go to standard output, nothing else does.
Status start(Call& call, Who who, const Refusal& refusal) {
  if (refusal.refuses()) return refusal.tell(call);
  const Timeout timeout = timeout_of(call.arguments);
  const bool json = call.session.output == Output::json;
  const bool watch = call.arguments.find("watch") != "no";
  const auto path = call.arguments.find("strings_file");
  const bool on_output = strings_on_output(call.arguments);
  if (path && !call.arguments.has("unique_strings"))
    throw core::Error(core::Code::malformed, "strings_file needs unique_strings");
  if (json && on_output && watch)
    throw core::Error(core::Code::malformed,
                      "with --json, unique_strings needs strings_file or watch no: the document "
                      "comes when the job has ended, and strings are told only once");
  std::optional<OutputFile> file;  // made before there are strings, so that none is lost
  if (path && !on_output) file.emplace(*path, overwrite_of(call.arguments), kStringsMode);
  auto started = call.ask(method::bulk_start, request_of(call.arguments, who), kPlanWithin);
  const Stream lines = on_output ? Stream::error : Stream::output;
  if (file) {
    write_strings(*file, started);
    started.strings.clear();
  } else if (!started.strings.empty() && !json) {
    call.session.console.write(Stream::output, csv_of(started.strings));
  }
  if (json && !watch) {
    call.document(to_json(started));
    return started.excluded > 0 ? Status::phones_missing : Status::success;
  }
  std::string text =
      fmt::format("Job {} started for {}.\n", started.job, counted(started.chosen, "phone"));
  if (started.excluded > 0)
    text += fmt::format("{} left out.\n", counted(started.excluded, "phone"));
  if (file) text += fmt::format("The authentication strings are in {}.\n", *path);
  if (!watch) text += fmt::format("Watch it with: utils capf bulk watch {}\n", started.job);
  if (!json) call.session.console.write(lines, printable(text));
  const Status end = watch ? watch_to_end(call, started.job, timeout, lines) : Status::success;
  return end == Status::success && started.excluded > 0 ? Status::phones_missing : end;
}

Status list_bulk_jobs(Call& call) {
  auto list = call.ask(method::job_list, Nothing{});
  std::erase_if(list.jobs, [](const JobReport& job) { return !is_bulk(job); });
  Table table({"Job", "What", "State", "Succeeded", "Phones", "Started", "Finished", "By"},
              {"By", "Started", "Finished"});
  for (const JobReport& job : list.jobs)
    table.add({std::to_string(job.job), job.subject, job.state, std::to_string(done_phones(job)),
               counts_text(job), job.started, job.finished.value_or(""), job.who});
  call.answer(list, list.jobs.empty() ? "There are no bulk jobs.\n" : table.text(call.columns()));
  return Status::success;
}

/// With watch no, what was started is told; else how it ended.
boost::json::object start_schema() {
  return {{"anyOf", boost::json::array{schema_of<JobReport>(), schema_of<BulkStarted>()}}};
}

constexpr const char* kFilterHelp =
    "Every filter that is given must match. In text, * is any text and ? one character,\n"
    "and the case of letters does not count. Without these signs name, model, device_pool\n"
    "and security_profile match as a whole, description and issuer anywhere.\n";

/// add_for_both adds a command for filters, and one behind the word all.
void add_for_both(std::vector<Command>& commands, const Command& command,
                  const std::vector<Parameter>& options, Status (*run)(Call&, Who, const Refusal&),
                  std::optional<Confirmation> (*confirm)(Call&, Who, Refusal&)) {
  for (const Who who : {Who::filtered, Who::all}) {
    Command one = command;
    if (who == Who::all) {
      one.words += " all";
      one.summary += ", for all phones";
      one.example = one.words + " operation install\n";
      one.parameters = options;
    } else {
      one.summary += ", for the phones that filters choose";
      one.parameters = joined(filters(), options);
    }
    const auto refusal = std::make_shared<Refusal>();  // from the question to the run
    one.run = [run, who, refusal](Call& call) { return run(call, who, *refusal); };
    if (confirm != nullptr)
      one.confirm = [confirm, who, refusal](Call& call) { return confirm(call, who, *refusal); };
    commands.push_back(std::move(one));
  }
}

}  // namespace

std::vector<Command> bulk_commands() {
  std::vector<Command> commands;
  add_for_both(commands,
               {.words = "utils capf bulk preview",
                .level = 1,
                .summary = "say who a bulk job would be for, and why others are left out",
                .help = std::string(kFilterHelp) +
                        "Nothing is changed. The exit status is 0 when somebody would be asked.\n",
                .example = "utils capf bulk preview model CP-88* lsc none auth_mode null-string\n",
                .schema = schema_of<BulkPreview>},
               terms(Presence::optional), preview, nullptr);
  add_for_both(
      commands,
      {.words = "utils capf bulk start",
       .level = 1,
       .summary = "start a bulk job",
       .help =
           std::string(kFilterHelp) +
           "What is left out of auth_mode, key_order, rsa_bits and ec_bits is what each phone, or\n"
           "its security profile, has. The mode must be the profile's.\n"
           "unique_strings makes an authentication string for each phone. Standard output then "
           "has\n"
           "them as CSV, once, and nothing else: the preview, the question and what follows are "
           "on\n"
           "standard error. They are in no log and are never shown again. strings_file writes "
           "them\n"
           "into a new file (0600) instead.\n"
           "The job's progress is shown until it ends. Ctrl-C leaves the watch, not the job. "
           "While\n"
           "phones could not be told, read their configuration or reach CAPF it is refused; force\n"
           "does it all the same, and phones wait until they can be told.\n" +
           kJobStatusHelp,
       .example =
           "utils capf bulk start device_pool Berlin operation install auth_mode null-string\n",
       .schema = start_schema},
      joined(terms(Presence::mandatory),
             {named("strings_file", "a new file for the authentication strings"), overwrite(),
              named("watch", "whether to watch the job; yes when left out", {"yes", "no"}),
              timeout_parameter(), force_parameter()}),
      start, confirm_start);
  commands.push_back(
      {.words = "utils capf bulk watch",
       .summary = "watch a bulk job until it ends",
       .parameters = {job_id(), timeout_parameter()},
       .help = std::string("From any session, as utils job wait. Ctrl-C leaves the watch.\n") +
               kJobStatusHelp,
       .example = "utils capf bulk watch 3\nJob 3: 60 of 60 phones succeeded.\n",
       .run =
           [](Call& call) {
             const Timeout timeout = timeout_of(call.arguments);
             return watch_to_end(call, call.arguments.integer("id").value_or(0), timeout);
           },
       .schema = schema_of<JobReport>});
  commands.push_back({.words = "utils capf bulk list",
                      .summary = "list the bulk jobs, newest first",
                      .example = "utils capf bulk list\n",
                      .run = list_bulk_jobs,
                      .schema = schema_of<JobList>});
  std::ranges::move(job_changes("utils capf bulk"), std::back_inserter(commands));
  return commands;
}

}  // namespace ringfence::shell
