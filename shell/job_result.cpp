#include "shell/job_result.h"

#include <algorithm>

#include <fmt/format.h>

#include "shell/printable.h"
#include "shell/words.h"

namespace ringfence::shell {

using core::admin::JobReport;

namespace {

constexpr std::size_t kShownMissing = 20;
constexpr std::size_t kLeftOutNamed = 10;

/// left_out_text names whom the job does not reach, and says what becomes of them.
std::string left_out_text(const JobReport& report, bool not_told) {
  const bool one = report.left_out == 1;
  std::string text = counted(report.left_out, "phone");
  if (!not_told && !is_bulk(report))
    text +=
        one ? " that holds a trust list was not registered or did not answer, and fetches the new "
              "one when it next starts"
            : " that hold a trust list were not registered or did not answer, and fetch the new "
              "one when they next start";
  else
    text += " left out";
  if (not_told) text += fmt::format("; power {} on", one ? "it" : "them");
  std::vector<std::string> names = report.left_out_names;
  if (names.empty()) return text + fmt::format(": show job {}", report.job);
  if (names.size() > kLeftOutNamed) names.resize(kLeftOutNamed);
  text += ": " + one_line(join(names, ", "));
  const std::int64_t more = report.left_out - static_cast<std::int64_t>(names.size());
  return more > 0 ? text + fmt::format(" and {} more: show job {}", more, report.job) : text;
}

}  // namespace

bool is_bulk(const JobReport& report) {
  return report.kind == "capf-bulk";
}

std::int64_t count_of(const JobReport& report, const std::string& state) {
  for (const core::admin::JobCount& one : report.counts)
    if (one.state == state) return one.count;
  return 0;
}

std::int64_t done_phones(const JobReport& report) {
  return is_bulk(report) ? count_of(report, "succeeded") : report.returned;
}

std::string counts_text(const JobReport& report) {
  std::string text;
  for (const core::admin::JobCount& one : report.counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.count, one.state);
  return text;
}

std::string done_word(const JobReport& report) {
  if (is_bulk(report)) return "succeeded";
  return report.subject.starts_with("apply-config") ? "told" : "returned";
}

std::string returned_line(const JobReport& report) {
  return fmt::format("Job {}: {} of {} {}.", report.job, done_phones(report),
                     counted(report.total, "phone"), done_word(report));
}

std::string job_result(const JobReport& report) {
  const bool not_told = report.kind == "phone-reset" && report.left_out > 0;
  std::string text = report.total > 0 ? returned_line(report) + "\n"
                                      : fmt::format("Job {}: no phone {} reset.\n", report.job,
                                                    not_told ? "could be" : "had to be");
  if (report.left_out > 0) text += left_out_text(report, not_told) + "\n";
  const std::int64_t away = report.total - done_phones(report);
  if (away <= 0) return text;
  text += counted(away, "phone") + (is_bulk(report)               ? " did not succeed:\n"
                                    : done_word(report) == "told" ? " could not be told:\n"
                                                                  : " did not return:\n");
  for (std::size_t i = 0; i < std::min(report.missing.size(), kShownMissing); ++i) {
    const core::admin::JobPhone& phone = report.missing[i];
    text += fmt::format("   {}   {}", one_line(phone.phone), one_line(phone.state));
    if (!phone.detail.empty()) text += "   " + one_line(phone.detail);
    text += "\n";
  }
  if (away > static_cast<std::int64_t>(kShownMissing)) {
    text += fmt::format("   and {} more\n", away - static_cast<std::int64_t>(kShownMissing));
  }
  text += fmt::format("See them all with: show job {}\n", report.job);
  return text;
}

std::string in_use_text(const std::string& unit, const JobReport& report) {
  if (report.idle_services.empty() && report.untold_services.empty())
    return fmt::format(
        "The services related to {} use the new certificate already; no restart is needed.\n",
        unit);
  std::string text;
  for (const std::string& service : report.idle_services)
    text += fmt::format(
        "WARNING: {0} does not run; it uses the new certificate once it is started: utils service "
        "start {0}\n",
        service);
  return text;
}

core::Error job_failure(const JobReport& report) {
  const std::string reason = report.message.empty() ? report.step : report.message;
  return {core::Code::internal, fmt::format("Job {} {}: {}", report.job, report.state, reason)};
}

}  // namespace ringfence::shell
