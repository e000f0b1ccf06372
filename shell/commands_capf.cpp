// show capf, set capf, utils capf: the report, why a phone has no LSC, the policy, the monitor.
#include <algorithm>

#include <fmt/format.h>

#include "core/admin/api.h"
#include "core/admin/capf_api.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/csv.h"
#include "shell/parameters.h"
#include "shell/table.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;
using core::Code;
using core::Error;

constexpr auto kChecksWithin = std::chrono::seconds(120);  // a name server may not answer
constexpr mode_t kReportMode = 0600;

std::string said(const std::vector<std::string>& warnings) {
  std::string text;
  for (const std::string& warning : warnings) text += "Warning: " + warning + "\n";
  return text;
}

// --- show capf report --------------------------------------------------------------------------

std::vector<Parameter> report_filters() {
  Parameter within =
      named("expires_within", "LSCs that end within so many days, or have ended already");
  within.kind = Kind::integer;
  Parameter file = named("file", "where to write the report instead of showing it; - shows it");
  file.kind = Kind::file;
  return {
      named("name", "phones with such a name; * and ? stand for others"),
      named("model", "phones of such a model; * and ? stand for others"),
      named("device_pool", "phones of such a device pool; * and ? stand for others"),
      named("lsc", "phones whose LSC is so",
            {"installed", "expired", "none", "stale", "pending", "csr", "other-capf"}),
      named("expires_before", "LSCs that end before this day, YYYY-MM-DD"),
      within,
      named("issuer", "LSCs whose issuer's name has this in it"),
      named("issuer_expires_before", "LSCs whose issuer ends before this day, YYYY-MM-DD"),
      named("auth_string", "phones with an authentication string, or without", {"set", "not-set"}),
      named("status",
            "last operation: none, pending, success, failed, unproven, or words like *Late*"),
      named("operation", "phones that CAPF is asked to do this with",
            {"none", "install", "delete", "troubleshoot"}),
      named("format", "how it is written", {"text", "csv"}),
      file,
      overwrite()};
}

CapfReportRequest report_request(const Arguments& arguments) {
  CapfReportRequest request;
  request.name = arguments.find("name");
  request.model = arguments.find("model");
  request.device_pool = arguments.find("device_pool");
  request.lsc = arguments.find("lsc");
  request.expires_before = arguments.find("expires_before");
  request.expires_within = arguments.integer("expires_within");
  request.issuer = arguments.find("issuer");
  request.issuer_expires_before = arguments.find("issuer_expires_before");
  request.auth_string = arguments.find("auth_string");
  request.status = arguments.find("status");
  request.operation = arguments.find("operation");
  return request;
}

/// whole_report asks for page after page.
CapfReport whole_report(Call& call) {
  CapfReportRequest request = report_request(call.arguments);
  CapfReport all = call.ask(method::capf_report, request);
  while (all.next) {
    if (call.session.console.interrupted())
      throw Error(Code::refused, "the report was interrupted");
    request.after = *all.next;
    CapfReport page = call.ask(method::capf_report, request);
    std::ranges::move(page.phones, std::back_inserter(all.phones));
    all.with_lsc += page.with_lsc;
    all.expired += page.expired;
    all.pending += page.pending;
    all.failed += page.failed;
    all.unproven += page.unproven;
    all.stale += page.stale;
    all.other_capf += page.other_capf;
    all.next = page.next;
  }
  return all;
}

std::string csv_of(const CapfReport& report) {
  std::string text = csv_line({"name",          "model",
                               "description",   "device_pool",
                               "lsc",           "lsc_issuer",
                               "lsc_serial",    "lsc_expires",
                               "lsc_key",       "lsc_issuer_expires",
                               "lsc_confirmed", "lsc_other_capf",
                               "stale",         "csr",
                               "operation",     "operation_status",
                               "operation_at",  "completes_by",
                               "auth_mode",     "auth_string_set"});
  for (const CapfReportPhone& phone : report.phones) {
    text += csv_line({phone.name,
                      phone.model,
                      phone.description,
                      phone.device_pool,
                      phone.lsc,
                      phone.lsc_issuer.value_or(""),
                      phone.lsc_serial.value_or(""),
                      phone.lsc_expires.value_or(""),
                      phone.lsc_key.value_or(""),
                      phone.lsc_issuer_expires.value_or(""),
                      phone.lsc_confirmed.value_or(""),
                      phone.lsc_other_capf ? "yes" : "no",
                      std::to_string(phone.stale),
                      phone.csr ? "yes" : "no",
                      phone.operation,
                      phone.operation_status,
                      phone.operation_at.value_or(""),
                      phone.completes_by.value_or(""),
                      phone.auth_mode,
                      phone.auth_string_set ? "yes" : "no"});
  }
  return text;
}

std::string text_of(const CapfReport& report, std::size_t columns) {
  Table table(
      {"Name", "LSC", "Expires", "Key", "Serial", "Issuer", "Confirmed", "Operation", "Status"},
      {"Serial", "Confirmed", "Issuer", "Key", "Operation", "Expires"});
  for (const CapfReportPhone& phone : report.phones) {
    std::string lsc = phone.lsc;
    if (phone.lsc_other_capf) lsc += ", other CAPF";
    if (phone.csr) lsc += ", CSR waits";
    if (phone.stale > 0) lsc += ", stale";
    table.add({phone.name, lsc, phone.lsc_expires.value_or(""), phone.lsc_key.value_or(""),
               phone.lsc_serial.value_or(""), phone.lsc_issuer.value_or(""),
               phone.lsc_confirmed.value_or(""), phone.operation, phone.operation_status});
  }
  const std::string unproven =
      report.unproven > 0 ? labelled({{"Operation unproven", std::to_string(report.unproven)}})
                          : "";
  const std::string totals =
      labelled({{"Phones", std::to_string(report.phones.size())},
                {"With LSC", std::to_string(report.with_lsc)},
                {"LSC expired", std::to_string(report.expired)},
                {"LSC not from current CAPF", std::to_string(report.other_capf)},
                {"Operation pending", std::to_string(report.pending)},
                {"Operation failed", std::to_string(report.failed)},
                {"Stale LSCs", std::to_string(report.stale)}}) +
      unproven + said(report.warnings);
  return report.phones.empty() ? totals : table.text(columns) + "\n" + totals;
}

/// show_csv keeps CRLF for a script; a terminal gets lines, escaped like all text.
void show_csv(Call& call, const std::string& csv) {
  Console& console = call.session.console;
  if (!console.interactive()) return console.write(Stream::output, csv);
  std::string lines;
  std::ranges::copy_if(csv, std::back_inserter(lines), [](char c) { return c != '\r'; });
  call.say(lines);
}

Status report(Call& call) {
  const bool csv = call.arguments.find("format") == "csv";
  const auto file = call.arguments.find("file");
  std::optional<OutputFile> written;
  if (file && *file != "-") written.emplace(*file, overwrite_of(call.arguments), kReportMode);
  const CapfReport report = whole_report(call);
  if (written) {
    written->finish(csv ? csv_of(report) : text_of(report, kAnyWidth));
    call.answer(
        report,
        fmt::format("{} written to {}.\n",
                    counted(static_cast<std::int64_t>(report.phones.size()), "phone"), *file));
    return Status::success;
  }
  if (csv && call.session.output == Output::text) {
    show_csv(call, csv_of(report));
    return Status::success;
  }
  call.answer(report, call.session.output == Output::json ? "" : text_of(report, call.columns()));
  return Status::success;
}

// --- show capf status --------------------------------------------------------------------------

std::string section(const CapfStatus& status, std::string_view finding, std::string_view title) {
  std::string text;
  for (const CapfCheck& check : status.checks) {
    if (check.finding != finding) continue;
    text += "  " + check.name + ": " + check.evidence + "\n";
    if (!check.advice.empty()) text += "    What to do: " + check.advice + "\n";
  }
  return text.empty() ? text : fmt::format("\n{}:\n{}", title, text);
}

Status status(Call& call) {
  const auto found =
      call.ask(method::capf_status, CapfStatusRequest{call.arguments.at("name")}, kChecksWithin);
  call.answer(found, found.summary + "\n" + section(found, "problem", "Problems") +
                         section(found, "unknown", "Not known") + section(found, "ok", "In order"));
  return Status::success;
}

// --- show capf certificate ---------------------------------------------------------------------

Status certificate(Call& call) {
  const auto shown =
      call.ask(method::capf_certificate,
               CapfCertificateRequest{call.arguments.at("name"), call.arguments.at("kind")});
  call.answer(
      shown,
      labelled({{"Device", shown.name}, {"Fetched at", shown.fetched}, {"File", shown.file}}) +
          shown.text);
  return Status::success;
}

// --- the policy and the monitor ----------------------------------------------------------------

std::string monitor_text(const ExpiryFindings& monitor) {
  std::vector<std::pair<std::string, std::string>> lines = {
      {"Expiry monitor last ran", monitor.last_run.value_or("never")},
      {"LSCs looked at", std::to_string(monitor.looked_at)},
      {"LSCs expired", std::to_string(monitor.expired)},
      {"LSCs about to expire", std::to_string(monitor.expiring)},
      {"CAPF certificate", monitor.capf},
      {"Notice", monitor.notice},
      {"Last mail", monitor.last_mail.value_or("never")},
      {"Runs next", monitor.next_run}};
  return labelled(lines);
}

std::string policy_text(const CapfPolicyShow& policy) {
  return labelled({{"issuer", policy.issuer},
                   {"validity_days", std::to_string(policy.validity_days)},
                   {"keep_alive_minutes", std::to_string(policy.keep_alive_minutes)},
                   {"min_rsa_bits", std::to_string(policy.min_rsa_bits)},
                   {"min_ec_bits", std::to_string(policy.min_ec_bits)},
                   {"min_auth_string_digits", std::to_string(policy.min_auth_string_digits)},
                   {"notify_days", std::to_string(policy.notify_days)},
                   {"notify_to", join(policy.notify_to, ";")},
                   {"Mail command", policy.mail_command},
                   {"CAPF certificate expires", policy.capf_expires}}) +
         "\n" + monitor_text(policy.monitor) + said(policy.warnings);
}

Status show_policy(Call& call) {
  const auto policy = call.ask(method::capf_policy, Nothing{});
  call.answer(policy, policy_text(policy));
  return Status::success;
}

Status save_policy(Call& call, const CapfPolicySet& request, const std::string& done) {
  const auto policy = call.ask(method::capf_set_policy, request);
  call.answer(policy, done + said(policy.warnings));
  return Status::success;
}

Status set_policy(Call& call) {
  const std::string& name = call.arguments.at("policy");
  const std::string& value = call.arguments.at("value");
  return save_policy(call, {name, value},
                     fmt::format("The CAPF policy {} is now {}.\n", name, value));
}

Status set_keep_alive(Call& call) {
  const std::string& minutes = call.arguments.at("minutes");
  return save_policy(call, {"keep_alive_minutes", minutes},
                     fmt::format("CAPF keep alive timer is set to {} minutes.\n", minutes));
}

Status run_monitor(Call& call) {
  const auto monitor = call.ask(method::capf_monitor, Nothing{}, std::chrono::seconds(300));
  call.answer(monitor, monitor_text(monitor));
  return Status::success;
}

std::vector<Command> policy_commands() {
  std::vector<Command> commands;
  commands.push_back({.words = "show capf policy",
                      .summary = "show CAPF's service parameters and what the expiry monitor found",
                      .example = "show capf policy\n",
                      .run = show_policy,
                      .schema = schema_of<CapfPolicyShow>});
  commands.push_back(
      {.words = "set capf policy",
       .level = 1,
       .summary = "change one of CAPF's service parameters",
       .parameters = {{.name = "policy",
                       .help = "which one",
                       .kind = Kind::choice,
                       .choices = {"issuer", "validity_days", "keep_alive_minutes", "min_rsa_bits",
                                   "min_ec_bits", "min_auth_string_digits", "notify_days",
                                   "notify_to"}},
                      {.name = "value", .help = "its new value", .kind = Kind::rest}},
       .help = "issuer              capf, or offline-ca: LSCs are signed elsewhere and imported\n"
               "validity_days       of a new LSC, 1 to 1825; never beyond CAPF's own end\n"
               "keep_alive_minutes  of an idle connection to a phone, 5 to 60\n"
               "min_rsa_bits        the smallest RSA key: 512, 1024, 2048, 3072, 4096\n"
               "min_ec_bits         the smallest EC key: 256, 384, 521\n"
               "min_auth_string_digits  of a new authentication string, 4 to 10; 6 unless set\n"
               "notify_days         how long before its end an LSC is reported, 0 (never) to 365\n"
               "notify_to           mail addresses separated by ';', or none\n"
               "It holds from each phone's next session on; no service is restarted.\n",
       .example = "set capf policy validity_days 730\nThe CAPF policy validity_days is now 730.\n",
       .run = set_policy,
       .schema = schema_of<CapfPolicyShow>});
  commands.push_back(
      {.words = "utils capf set keep_alive",
       .level = 1,
       .summary = "set how often an idle connection to a phone is kept alive through firewalls",
       .parameters = {{.name = "minutes",
                       .help = "5 to 60; 15 unless it was set",
                       .kind = Kind::integer,
                       .least = 5,
                       .most = 60}},
       .example = "utils capf set keep_alive 30\nCAPF keep alive timer is set to 30 minutes.\n",
       .run = set_keep_alive,
       .schema = schema_of<CapfPolicyShow>});
  commands.push_back(
      {.words = "utils capf monitor run",
       .level = 1,
       .summary = "look for expired certificates now, and send the notice that is due",
       .help = "The monitor runs by itself every 24 hours, and every hour while an LSC or CAPF's\n"
               "own certificate is expired or expires within a day. The same notice is not sent\n"
               "twice within that time.\n",
       .example = "utils capf monitor run\n",
       .run = run_monitor,
       .schema = schema_of<ExpiryFindings>});
  return commands;
}

}  // namespace

std::vector<Command> capf_commands() {
  std::vector<Command> commands = policy_commands();
  commands.push_back(
      {.words = "show capf report",
       .summary = "list phones with their LSCs, and what CAPF did last with each",
       .parameters = report_filters(),
       .help =
           "Only phones that fit every filter are listed. \"stale\" is an LSC that was issued\n"
           "and that no phone confirmed; \"csr\" a key that waits for an offline CA;\n"
           "\"other-capf\" an LSC that the CAPF certificate in use did not issue, because it\n"
           "was regenerated or an offline CA signed. Text is for people; csv has a header line\n"
           "and one phone a line, and fields that a spreadsheet would run as formulas begin\n"
           "with an apostrophe. A file that exists is replaced only with overwrite.\n",
       .example = "show capf report lsc installed expires_within 30\n"
                  "admin:show capf report status failed format csv file failed.csv\n"
                  "2 phones written to failed.csv.\n",
       .run = report,
       .schema = schema_of<CapfReport>});
  commands.push_back(
      {.words = "show capf status",
       .summary = "explain what keeps a phone from its LSC, with the evidence",
       .parameters = {device_name()},
       .help = "Looks at what an administrator would check: the service, its port and\n"
               "certificate, the ITL the phone fetched, its configuration, authentication mode\n"
               "and string, its keys, the time the operation completes by, the token. The most\n"
               "likely reason stands first.\n",
       .example = "show capf status SEP001122334455\n"
                  "SEP001122334455: Operation Pending. Most likely: the phone has not fetched its\n"
                  "configuration since the operation was asked.\n",
       .run = status,
       .schema = schema_of<CapfStatus>});
  commands.push_back(
      {.words = "show capf certificate",
       .summary = "show the LSC or MIC that a Troubleshoot operation fetched from a phone",
       .parameters = {device_name(),
                      {.name = "kind",
                       .help = "which certificate",
                       .kind = Kind::choice,
                       .choices = {"lsc", "mic"}}},
       .help = "With --json the member \"pem\" is the certificate for a script to export.\n",
       .example = "show capf certificate SEP001122334455 mic\n",
       .run = certificate,
       .schema = schema_of<CapfCertificate>});
  return commands;
}

}  // namespace ringfence::shell
