// show capf report: which phone has which LSC, and what CAPF did last, page by page.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/admin/capf_api.h"
#include "core/base/clock.h"
#include "core/certificates/certificate_store.h"
#include "core/config/config.h"
#include "core/phones/capf_inventory.h"
#include "core/phones/capf_policy.h"
#include "core/phones/phone.h"
#include "core/phones/phone_store.h"

namespace ringfence::services::admin {

/// day_from reads "YYYY-MM-DD" as its first second, UTC; throws Error{malformed}.
core::Time day_from(const std::string& text);

/// Issuers are the CAs that this node knows.
struct Issuers {
  std::map<std::string, core::Time, std::less<>>
      ends;          ///< until when each is valid, by its subject
  std::string capf;  ///< subject of the CAPF certificate in use, "" without one
};

Issuers issuers_of(const core::CertificateStore& certificates);

/// report_row lays out what is known of one phone.
core::admin::CapfReportPhone report_row(const core::Phone& phone, const core::CapfState& state,
                                        const Issuers& issuers, core::Time now);

/// ReportFilter decides which rows a report has. Pure.
class ReportFilter {
 public:
  /// Throws Error{malformed} for a value that cannot be, naming those that can.
  ReportFilter(const core::admin::CapfReportRequest& request, core::Time now);

  bool fits(const core::admin::CapfReportPhone& row) const;

 private:
  bool fits_lsc(const core::admin::CapfReportPhone& row) const;
  bool fits_status(const core::admin::CapfReportPhone& row) const;

  core::admin::CapfReportRequest request_;
  std::optional<core::Time> expires_before_;
  std::optional<core::Time> issuer_expires_before_;
};

/// kReportPage is how many phones a page looks at: its answer stays far below what a call may
/// return, whatever is in the records.
inline constexpr std::size_t kReportPage = 2000;

/// ReportBooks are what a report is read from.
struct ReportBooks {
  const core::CertificateStore& certificates;
  const core::PhoneStore& phones;
  core::Database* capf;  ///< capf.db, null while it is not there
};

/// capf_report answers capf.report. A page costs what its phones cost, not what all do.
core::admin::CapfReport capf_report(const ReportBooks& books, const core::CapfPolicy& policy,
                                    const core::admin::CapfReportRequest& request, core::Time now);

/// capf_warnings says what is about to limit CAPF: its own certificate's end.
std::vector<std::string> capf_warnings(const core::CertificateStore& certificates,
                                       const core::CapfPolicy& policy, core::Time now);

/// fetched_certificate_file is where CAPF keeps what a Troubleshoot operation fetched; `kind` is
/// "lsc" or "mic".
std::filesystem::path fetched_certificate_file(const core::Config& config,
                                               const std::string& device, std::string_view kind);

/// fetched_certificate answers capf.certificate. Throws Error{not_found} that says how to fetch it.
core::admin::CapfCertificate fetched_certificate(
    const core::Config& config, const core::admin::CapfCertificateRequest& request);

}  // namespace ringfence::services::admin
