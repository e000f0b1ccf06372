// Rows of show capf report, and the filters that choose them.
#include "services/admin/capf/report.h"

#include <gtest/gtest.h>

namespace ringfence::services::admin {
namespace {

const core::Time kNow = core::from_seconds(1'795'255'200);  // 2026-11-21T10:00:00Z

core::admin::CapfReportPhone row_of(const std::string& issuer) {
  core::Phone phone;
  phone.name = "SEP001122334455";
  core::CapfState state;
  state.held.emplace();
  state.held->issuer = issuer;
  state.held->not_after = kNow + std::chrono::days(30);
  Issuers issuers;
  issuers.capf = "CN=CAPF-2";
  return report_row(phone, state, issuers, kNow);
}

bool fits(const core::admin::CapfReportPhone& row) {
  core::admin::CapfReportRequest request;
  request.lsc = "other-capf";
  return ReportFilter(request, kNow).fits(row);
}

TEST(CapfReport, KnowsAnLscThatTheCapfInUseDidNotIssue) {
  EXPECT_TRUE(row_of("CN=CAPF-1").lsc_other_capf);
  EXPECT_FALSE(row_of("CN=CAPF-2").lsc_other_capf);
  EXPECT_TRUE(fits(row_of("CN=CAPF-1")));
  EXPECT_FALSE(fits(row_of("CN=CAPF-2")));
}

TEST(CapfReport, CountsNoOtherCapfWithoutAnLsc) {
  core::Phone phone;
  phone.name = "SEP001122334455";
  EXPECT_FALSE(report_row(phone, {}, {{}, "CN=CAPF-2"}, kNow).lsc_other_capf);
}

}  // namespace
}  // namespace ringfence::services::admin
