// show status, show version: the node itself.
#include <chrono>
#include <cstdio>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "core/admin/api.h"
#include "shell/call.h"
#include "shell/commands.h"
#include "shell/table.h"

namespace ringfence::shell {
namespace {

using namespace core::admin;

/// parts_of reads the date and time of RFC 3339 text as they stand, whatever the zone; nothing
/// when it is no such text.
std::optional<std::tm> parts_of(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour, &minute,
                  &second) != 6) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  parts.tm_wday = static_cast<int>(std::chrono::weekday(std::chrono::sys_days(date)).c_encoding());
  return parts;
}

std::string uptime(std::int64_t seconds) {
  const std::int64_t days = seconds / 86400;
  const std::string clock = fmt::format("{:2}:{:02}", seconds / 3600 % 24, seconds / 60 % 60);
  return days == 0 ? clock : fmt::format("{} day{}, {}", days, days == 1 ? "" : "s", clock);
}

/// Source: reference/cucm-cli.md 2.8, and below it what a voice administrator looks for first.
std::string status_text(const SystemStatus& status) {
  const auto now = parts_of(status.date);
  std::string text =
      labelled({{"Host Name         ", status.host},
                {"Date", now ? fmt::format("{:%a %b %d, %Y %H:%M:%S}", *now) : status.date},
                {"Time Zone", status.time_zone},
                {"Locale", status.locale},
                {"Product Ver", status.version},
                {"Unified OS Version", status.os_version}});
  text += fmt::format("\nUptime:\n{} up {},  load average: {:.2f}, {:.2f}, {:.2f}\n",
                      now ? fmt::format("{:%H:%M:%S}", *now) : status.date,
                      uptime(status.uptime_seconds), status.load1, status.load5, status.load15);
  text += fmt::format(
      "\nCPU Idle:   {:05.2f}%  System:   {:05.2f}%    User:   {:05.2f}%\n"
      "  IOWAIT:   {:05.2f}%     IRQ:   {:05.2f}%    Soft:   {:05.2f}%\n",
      status.cpu_idle, status.cpu_system, status.cpu_user, status.cpu_iowait, status.cpu_irq,
      status.cpu_soft);
  text += fmt::format(
      "\nMemory Total:  {:>13}K\n        Free:  {:>13}K\n        Used:  {:>13}K\n"
      "      Cached:  {:>13}K\n      Shared:  {:>13}K\n     Buffers:  {:>13}K\n",
      status.memory_total, status.memory_free, status.memory_used, status.memory_cached,
      status.memory_shared, status.memory_buffers);
  text += fmt::format("\n{:>29}{:>16}{:>16}\n", "Total", "Free", "Used");
  for (const Disk& disk : status.disks) {
    const std::string name = disk.name.starts_with("Disk/") ? disk.name : "Disk/" + disk.name;
    // Of what was usable, rounded up, as df and the reference's capture count it.
    const std::int64_t usable = std::max<std::int64_t>(disk.used_kbytes + disk.free_kbytes, 1);
    const std::int64_t percent = (disk.used_kbytes * 100 + usable - 1) / usable;
    text += fmt::format("{:<15}{:>13}K{:>15}K{:>15}K ({}%)\n", name, disk.total_kbytes,
                        disk.free_kbytes, disk.used_kbytes, percent);
  }
  text += fmt::format("\nPhones known      : {}\nPhones registered : {}\n", status.phones,
                      status.registrar.empty() ? std::to_string(status.registered)
                                               : "unknown: " + status.registrar);
  if (status.not_answering > 0)
    text += fmt::format("Not answering     : {}\n", status.not_answering);
  for (const std::string& warning : status.warnings) text += "\nWARNING: " + warning + "\n";
  for (const std::string& note : status.notes) text += "\nNOTE: " + note + "\n";
  return text;
}

Status show_status(Call& call) {
  const auto status = call.ask(method::system_status, Nothing{});
  call.answer(status, status_text(status));
  return Status::success;
}

Status show_version(Call& call) {
  const auto version = call.ask(method::system_version, Nothing{});
  std::string text = fmt::format(
      "Active Master Version: {}\nActive Version Installed Software Options:\n", version.version);
  for (const std::string& option : version.options) text += option + "\n";
  if (version.options.empty()) text += "No Installed Software Options Found.\n";
  call.answer(version, text);
  return Status::success;
}

Status show_retention(Call& call) {
  const auto retention = call.ask(method::retention_show, Nothing{});
  Table table({"Kind", "Days", "What is taken away when it is older"});
  for (const RetentionRow& row : retention.kept)
    table.add({row.kind, std::to_string(row.days), row.what});
  call.answer(retention, table.text());
  return Status::success;
}

Status set_retention(Call& call) {
  const std::string& kind = call.arguments.at("kind");
  const std::int64_t days = std::stoll(call.arguments.at("days"));
  const auto retention = call.ask(method::retention_set, RetentionSet{kind, days});
  call.answer(retention, fmt::format("{} are now kept for {} days.\n", kind, days));
  return Status::success;
}

}  // namespace

std::vector<Command> system_commands() {
  std::vector<Command> commands;
  commands.push_back({.words = "show status",
                      .summary = "show this node: time, load, memory, disks, phones",
                      .example = "show status\n",
                      .run = show_status,
                      .schema = schema_of<SystemStatus>});
  commands.push_back({.words = "show version active",
                      .summary = "show the version that runs",
                      .example = "show version active\n",
                      .run = show_version,
                      .schema = schema_of<SystemVersion>});
  commands.push_back({.words = "show retention",
                      .summary = "show how many days is kept what has ended",
                      .example = "show retention\n",
                      .run = show_retention,
                      .schema = schema_of<RetentionShow>});
  commands.push_back(
      {.words = "set retention",
       .level = 1,
       .summary = "set how many days is kept what has ended",
       .parameters =
           {{.name = "kind",
             .help = "what is kept; 'show retention' says what each is",
             .kind = Kind::choice,
             .choices = {"jobs", "resets", "outcomes", "fetches", "security-events", "logs"}},
            {.name = "days", .help = "7 to 3650", .kind = Kind::integer, .least = 7, .most = 3650}},
       .help = "What is older is taken away within the hour, and cannot be brought back. Audit\n"
               "records, certificates, what each phone was last proven to hold, each phone's last\n"
               "outcome and fetch, and everything of a job that has not ended always stay.\n",
       .example = "set retention jobs 180\njobs are now kept for 180 days.\n",
       .run = set_retention,
       .schema = schema_of<RetentionShow>});
  return commands;
}

}  // namespace ringfence::shell
