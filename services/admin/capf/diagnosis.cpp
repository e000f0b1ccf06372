#include "services/admin/capf/diagnosis.h"

#include <array>

#include <fmt/format.h>

namespace ringfence::services::admin {

using core::CapfEvent;
using core::Operation;
using core::OperationStatus;

namespace {

constexpr std::chrono::minutes kClockSlack(10);

}  // namespace

std::optional<core::Outcome> DiagnosisFacts::outcome() const {
  if (state.last && state.last->request == phone.capf.request) return state.last;
  return std::nullopt;
}

OperationStatus DiagnosisFacts::status() const {
  return core::status_of(phone, outcome(), now);
}

bool DiagnosisFacts::waits() const {
  return phone.capf.operation != Operation::none && status() != OperationStatus::success;
}

/// older_than_request judges an event of an earlier version, which noted no request: one before the
/// phone's LSC, or of a phone that has not yet fetched what is asked now, is of an earlier request.
bool DiagnosisFacts::older_than_request(const CapfEvent& event) const {
  if (state.held && state.held->confirmed_at && event.at < *state.held->confirmed_at) return true;
  return config && config->stamp != phone.config_stamp && !outcome();
}

const CapfEvent* DiagnosisFacts::newest(std::string_view kind) const {
  if (status() == OperationStatus::success) return nullptr;
  for (const CapfEvent& event : events) {  // in the order in which they were written
    if (event.kind != kind) continue;
    if (event.request == 0 ? older_than_request(event) : event.request != phone.capf.request)
      return nullptr;
    // Two daemons wrote these, so there is only the clock to tell which came first: a wide slack,
    // and a clock that was set back hides an event that the phone brings about again.
    if (config && config->stamp == phone.config_stamp && event.at < config->at - kClockSlack)
      return nullptr;
    return &event;
  }
  return nullptr;
}

core::admin::CapfStatus diagnose(const DiagnosisFacts& facts) {
  constexpr std::array<Check, 25> kChecks = {check_operation,
                                             check_deadline,
                                             check_registration,
                                             check_configuration,
                                             check_phone_itl,
                                             check_capf_entry,
                                             check_capf_entry_certificate,
                                             check_served_itl,
                                             check_capf_service,
                                             check_capf_port,
                                             check_capf_certificate,
                                             check_token,
                                             check_tftp_service,
                                             check_tvs_service,
                                             check_name,
                                             check_profile_mode,
                                             check_phone_mode,
                                             check_auth_string,
                                             check_precedence,
                                             check_certificate_shown,
                                             check_key,
                                             check_conversation,
                                             check_offline_ca,
                                             check_stale,
                                             check_lsc};
  std::vector<Finding> findings;
  for (const Check check : kChecks) findings.push_back(check(facts));

  const auto outcome = facts.outcome();
  const OperationStatus status = facts.status();
  core::admin::CapfStatus result;
  result.name = facts.phone.name;
  result.operation =
      word(status == OperationStatus::success ? Operation::none : facts.phone.capf.operation);
  result.operation_status =
      core::describe(outcome ? outcome->operation : facts.phone.capf.operation, status);
  const Finding* likely = nullptr;
  for (const Finding& finding : findings) {
    if (finding.check.finding != "problem") continue;
    ++result.problems;
    if (likely == nullptr || finding.weight > likely->weight) likely = &finding;
  }
  for (const Finding& finding : findings)  // where nothing is wrong, what is only waited for
    if (likely == nullptr && !finding.cause.empty()) likely = &finding;
  result.summary = fmt::format("{}: {}.", facts.phone.name, result.operation_status);
  if (facts.waits()) {
    result.summary += likely == nullptr
                          ? " Nothing that this node can see stands in the way: wait, or see the "
                            "phone's Status Messages."
                          : fmt::format(" Most likely: {}.", likely->cause);
  } else {
    result.summary += " Nothing is to be done by the phone.";
    if (likely != nullptr) result.summary += fmt::format(" To look at: {}.", likely->cause);
  }
  for (Finding& finding : findings) result.checks.push_back(std::move(finding.check));
  return result;
}

}  // namespace ringfence::services::admin
