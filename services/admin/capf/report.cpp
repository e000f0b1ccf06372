#include "services/admin/capf/report.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <unordered_map>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/glob.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/phones/capf_policy.h"
#include "core/phones/model_name.h"
#include "core/phones/trust_sign.h"
#include "services/admin/capf/operation_now.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Time;
using core::admin::CapfReportPhone;
using core::admin::CapfReportRequest;

namespace {

constexpr std::string_view kPending = "Operation Pending";
constexpr std::size_t kMaxPemBytes = 64 * 1024;
constexpr std::chrono::days kSoon(30);
/// A new CAPF certificate lasts a second less than the longest LSC: that is no news.
constexpr std::chrono::days kHardlyShorter(1);

char lower(char c) noexcept {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string lower(std::string_view text) {
  std::string result;
  for (const char c : text) result += lower(c);
  return result;
}

template <std::size_t kCount>
void check_word(std::string_view what, const std::optional<std::string>& value,
                const std::array<std::string_view, kCount>& words) {
  if (!value || std::ranges::find(words, *value) != words.end()) return;
  throw Error(Code::malformed, fmt::format("{} must be one of {}", what, fmt::join(words, ", ")));
}

bool before(const std::optional<std::string>& end, const std::optional<Time>& limit) {
  if (!limit) return true;
  return end && *end < core::to_iso(*limit);  // RFC 3339 in UTC sorts as time does
}

bool failed(const CapfReportPhone& row) {
  return row.operation_status.find("Failed") != std::string::npos;
}

bool unproven(const CapfReportPhone& row) {
  return row.operation_status.find(" Unproven") != std::string::npos;
}

}  // namespace

Time day_from(const std::string& text) {
  const auto wrong = [] { return Error(Code::malformed, "a day must be YYYY-MM-DD, in UTC"); };
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') throw wrong();
  const auto number = [&](std::size_t at, std::size_t length) {
    unsigned value = 0;
    for (const char c : text.substr(at, length)) {
      if (c < '0' || c > '9') throw wrong();
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
  };
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(number(0, 4))),
                                        std::chrono::month(number(5, 2)),
                                        std::chrono::day(number(8, 2)));
  if (!day.ok()) throw wrong();
  return std::chrono::sys_days(day);
}

Issuers issuers_of(const core::CertificateStore& certificates) {
  Issuers issuers;
  const auto note = [&](const core::Bytes& der) {
    const core::X509Cert certificate = core::parse_certificate(der);
    std::string subject = core::subject_of(*certificate);
    issuers.ends[subject] = core::not_after_of(*certificate);
    return subject;
  };
  for (const core::TrustedCertificate& one : certificates.trusted("CAPF-trust")) note(one.der);
  if (const auto own = certificates.own(core::Unit::capf)) issuers.capf = note(own->der);
  return issuers;
}

CapfReportPhone report_row(const core::Phone& phone, const core::CapfState& state,
                           const Issuers& issuers, Time now) {
  const core::CapfSettings& capf = phone.capf;
  CapfReportPhone row;
  row.name = phone.name;
  row.model = phone.model;
  row.description = phone.description;
  row.device_pool = phone.device_pool;
  row.lsc = "none";
  if (state.held) {
    const core::IssuedCertificate& lsc = *state.held;
    row.lsc = lsc.not_after < now ? "expired" : "installed";
    row.lsc_issuer = lsc.issuer;
    row.lsc_serial = core::to_hex(lsc.serial, core::Case::upper);
    row.lsc_expires = core::to_iso(lsc.not_after);
    row.lsc_key = lsc.key;
    if (const auto end = issuers.ends.find(lsc.issuer); end != issuers.ends.end())
      row.lsc_issuer_expires = core::to_iso(end->second);
    row.lsc_other_capf = lsc.issuer != issuers.capf;  // each CAPF certificate has its own name
    if (lsc.confirmed_at) row.lsc_confirmed = core::to_iso(*lsc.confirmed_at);
    row.lsc_enrolled_from = core::enrolled_from(lsc);
  }
  row.stale = static_cast<std::int64_t>(state.stale(now));
  row.csr = state.csr && !state.csr->serial;
  row.auth_mode = word(capf.auth_mode);
  row.auth_string_set = !capf.auth_string.empty();
  if (capf.completes_by) row.completes_by = core::completes_by_text(*capf.completes_by);
  OperationNow operation = operation_now(phone, state, now);
  row.operation_status = std::move(operation.status);
  row.operation = std::move(operation.operation);
  if (operation.answered) row.operation_at = core::to_iso(state.last->at);
  return row;
}

ReportFilter::ReportFilter(const CapfReportRequest& request, Time now) : request_(request) {
  constexpr std::array<std::string_view, 7> kLsc = {"installed", "expired", "none",      "stale",
                                                    "pending",   "csr",     "other-capf"};
  constexpr std::array<std::string_view, 2> kAuthString = {"set", "not-set"};
  check_word("lsc", request.lsc, kLsc);
  check_word("auth_string", request.auth_string, kAuthString);
  if (request.operation) core::operation_from(*request.operation);
  if (request.expires_before) expires_before_ = day_from(*request.expires_before);
  if (request.issuer_expires_before)
    issuer_expires_before_ = day_from(*request.issuer_expires_before);
  if (const auto& days = request.expires_within) {
    constexpr std::int64_t kMostDays = 36'500;
    if (*days < 0 || *days > kMostDays)
      throw Error(Code::malformed, fmt::format("expires_within must be 0 to {} days", kMostDays));
    const Time limit = now + std::chrono::days(*days);
    expires_before_ = expires_before_ ? std::min(*expires_before_, limit) : limit;
  }
  if (request_.model) request_.model = core::model_name_from(*request_.model);
  if (request_.issuer) request_.issuer = lower(*request_.issuer);
}

bool ReportFilter::fits_lsc(const CapfReportPhone& row) const {
  if (!request_.lsc) return true;
  if (*request_.lsc == "stale") return row.stale > 0;
  if (*request_.lsc == "pending") return row.operation_status == kPending;
  if (*request_.lsc == "csr") return row.csr;
  if (*request_.lsc == "other-capf") return row.lsc_other_capf;
  return row.lsc == *request_.lsc;
}

bool ReportFilter::fits_status(const CapfReportPhone& row) const {
  if (!request_.status) return true;
  const std::string& wanted = *request_.status;
  if (wanted == "none") return row.operation_status == "None";
  if (wanted == "pending") return row.operation_status == kPending;
  if (wanted == "unproven") return unproven(row);
  if (wanted == "success") return row.operation_status.ends_with(" Success");
  if (wanted == "failed") return failed(row);
  return core::glob_matches(wanted, row.operation_status);
}

bool ReportFilter::fits(const CapfReportPhone& row) const {
  const auto globbed = [](const std::optional<std::string>& pattern, const std::string& text) {
    return !pattern || core::glob_matches(*pattern, text);
  };
  if (!globbed(request_.name, row.name) || !globbed(request_.model, row.model) ||
      !globbed(request_.device_pool, row.device_pool))
    return false;
  if (request_.operation && row.operation != *request_.operation) return false;
  if (request_.auth_string && (*request_.auth_string == "set") != row.auth_string_set) return false;
  if (request_.issuer &&
      (!row.lsc_issuer || lower(*row.lsc_issuer).find(*request_.issuer) == std::string::npos))
    return false;
  return before(row.lsc_expires, expires_before_) &&
         before(row.lsc_issuer_expires, issuer_expires_before_) && fits_lsc(row) &&
         fits_status(row);
}

core::admin::CapfReport capf_report(const ReportBooks& books, const core::CapfPolicy& policy,
                                    const CapfReportRequest& request, Time now) {
  const ReportFilter filter(request, now);
  core::admin::CapfReport report;
  if (request.after.empty()) report.warnings = capf_warnings(books.certificates, policy, now);
  const std::vector<core::Phone> phones = books.phones.page(request.after, kReportPage);
  if (phones.empty()) return report;
  if (phones.size() == kReportPage) report.next = phones.back().name;
  std::unordered_map<std::string, core::CapfState> states;
  if (books.capf != nullptr)
    states = core::CapfInventory(*books.capf).between(request.after, phones.back().name);
  const Issuers issuers = issuers_of(books.certificates);
  const core::CapfState nothing;
  for (const core::Phone& phone : phones) {
    const auto state = states.find(phone.name);
    CapfReportPhone row =
        report_row(phone, state == states.end() ? nothing : state->second, issuers, now);
    if (!filter.fits(row)) continue;
    report.with_lsc += row.lsc != "none" ? 1 : 0;
    report.expired += row.lsc == "expired" ? 1 : 0;
    report.pending += row.operation_status == kPending ? 1 : 0;
    report.failed += failed(row) ? 1 : 0;
    report.unproven += unproven(row) ? 1 : 0;
    report.stale += row.stale;
    report.other_capf += row.lsc_other_capf ? 1 : 0;
    report.phones.push_back(std::move(row));
  }
  return report;
}

std::vector<std::string> capf_warnings(const core::CertificateStore& certificates,
                                       const core::CapfPolicy& policy, Time now) {
  const auto own = certificates.own(core::Unit::capf);
  if (!own) return {"CAPF has no certificate yet, so it can issue no LSC."};
  const Time end = core::not_after_of(*core::parse_certificate(own->der));
  const std::string day = core::to_iso(end);
  if (end < now)
    return {
        fmt::format("The CAPF certificate expired at {}: phones get no valid LSC from it. Make "
                    "a new one with 'set cert regen CAPF'.",
                    day)};
  std::vector<std::string> warnings;
  if (end - now < kSoon)
    warnings.push_back(
        fmt::format("The CAPF certificate expires at {}. Renew it with 'set cert "
                    "regen CAPF' before LSCs are installed.",
                    day));
  // A fresh CAPF lasts a second less than the longest LSC: that is worth no warning.
  constexpr std::chrono::days kWorthAWarning{1};
  const core::Time wanted = now + std::chrono::days(policy.validity_days);
  if (policy.issuer == core::LscIssuer::capf && wanted - end >= kWorthAWarning)
    warnings.push_back(fmt::format(
        "An LSC cannot outlive the CAPF certificate, which expires at {}: LSCs issued "
        "now are valid for {} days, not for the {} of validity_days.",
        day, std::chrono::floor<std::chrono::days>(end - now).count(), policy.validity_days));
  return warnings;
}

std::filesystem::path fetched_certificate_file(const core::Config& config,
                                               const std::string& device, std::string_view kind) {
  return config.log_folder() / "capf" /
         fmt::format("{}-{}.pem", device, kind == "lsc" ? "LSC" : "MIC");
}

core::admin::CapfCertificate fetched_certificate(
    const core::Config& config, const core::admin::CapfCertificateRequest& request) {
  core::check_device_name(request.name);  // it becomes part of a path
  if (request.kind != "lsc" && request.kind != "mic")
    throw Error(Code::malformed, "the kind must be lsc or mic");
  core::admin::CapfCertificate shown;
  shown.name = request.name;
  shown.kind = request.kind;
  const auto path = fetched_certificate_file(config, request.name, request.kind);
  shown.file = path.string();
  core::Bytes pem;
  try {
    pem = core::read_file(path, kMaxPemBytes);
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
    throw Error(Code::not_found,
                fmt::format("no {} of {} was fetched yet; 'set phone capf {} operation "
                            "troubleshoot' and 'utils phone apply-config {}' make the phone show "
                            "what it has",
                            request.kind == "lsc" ? "LSC" : "MIC", request.name, request.name,
                            request.name));
  }

  struct stat status {};

  if (::stat(path.c_str(), &status) == 0)
    shown.fetched = core::to_iso(core::from_seconds(status.st_mtime));
  const core::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const core::X509Cert certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)
                                       : nullptr);
  if (!certificate) throw Error(Code::malformed, "the file " + shown.file + " is damaged");
  shown.subject = core::subject_of(*certificate);
  shown.issuer = core::issuer_of(*certificate);
  shown.serial = core::to_hex(core::serial_of(*certificate), core::Case::upper);
  shown.not_before = core::to_iso(core::not_before_of(*certificate));
  shown.not_after = core::to_iso(core::not_after_of(*certificate));
  shown.sha1 = core::to_hex(core::digest(core::Digest::sha1, core::to_der(*certificate)));
  shown.pem = core::to_pem(*certificate);
  shown.text = core::describe_certificate(*certificate) + shown.pem;
  return shown;
}

}  // namespace ringfence::services::admin
