// CUCM's words for what became of an operation.
#include "core/phones/outcome.h"

#include <array>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

struct StatusWords {
  OperationStatus status;
  std::string_view word;
  std::string_view reason;  ///< what CUCM says behind "Upgrade Failed: "
};

constexpr std::array<StatusWords, 15> kStatuses = {{
    {OperationStatus::none, "none", ""},
    {OperationStatus::pending, "pending", ""},
    {OperationStatus::success, "success", ""},
    {OperationStatus::failed, "failed", ""},
    {OperationStatus::invalid_lsc, "invalid_lsc", "Invalid LSC"},
    {OperationStatus::invalid_auth_string, "invalid_auth_string", "Invalid Authentication String"},
    {OperationStatus::invalid_mic, "invalid_mic", "Invalid MIC"},
    {OperationStatus::invalid_credentials, "invalid_credentials", "Invalid Credentials"},
    {OperationStatus::communication_failure, "communication_failure",
     "Phone Communication Failure"},
    {OperationStatus::key_generation_failed, "key_generation_failed",
     "Key Generation Failed/Timeout"},
    {OperationStatus::ca_communication_failure, "ca_communication_failure",
     "CA Communication Failure"},
    {OperationStatus::ca_rejected, "ca_rejected", "CA Rejected Connection"},
    {OperationStatus::late, "late", "User Initiated Request Late/Timedout"},
    {OperationStatus::ec_unsupported, "ec_unsupported", "No Support for EC only in CAPF version 3"},
    {OperationStatus::unproven, "unproven", "at an address that is not known to be the phone's"},
}};

std::string_view reason(OperationStatus status) noexcept {
  for (const auto& entry : kStatuses)
    if (entry.status == status) return entry.reason;
  return "";
}

}  // namespace

std::string describe(Operation operation, OperationStatus status) {
  if (status == OperationStatus::none) return "None";
  if (status == OperationStatus::pending) return "Operation Pending";
  std::string_view what = "Upgrade";  // also what CUCM's text says when nothing is known
  if (operation == Operation::remove) what = "Delete";
  if (operation == Operation::troubleshoot) what = "Troubleshoot";
  if (status == OperationStatus::success) return fmt::format("{} Success", what);
  const std::string_view why = reason(status);
  if (status == OperationStatus::unproven) return fmt::format("{} Unproven: {}", what, why);
  return why.empty() ? fmt::format("{} Failed", what) : fmt::format("{} Failed: {}", what, why);
}

std::string_view word(OperationStatus status) noexcept {
  for (const auto& entry : kStatuses)
    if (entry.status == status) return entry.word;
  return "";
}

OperationStatus operation_status_from(std::string_view word) {
  for (const auto& entry : kStatuses)
    if (entry.word == word) return entry.status;
  throw Error(Code::malformed, "the stored operation status is not one we know");
}

OperationStatus status_of(const Phone& phone, const std::optional<Outcome>& outcome, Time now) {
  const CapfSettings& capf = phone.capf;
  if (outcome && outcome->request == capf.request) return outcome->status;
  if (capf.operation == Operation::none) return OperationStatus::none;
  if (capf.completes_by && now >= *capf.completes_by) return OperationStatus::late;
  return OperationStatus::pending;
}

CapfVisit capf_visit(const Phone& phone, const std::optional<Outcome>& outcome, Time now) {
  const CapfSettings& capf = phone.capf;
  if (capf.operation == Operation::none || contradicts_profile(phone)) return CapfVisit::none;
  if (capf.completes_by && now >= *capf.completes_by) return CapfVisit::none;
  return status_of(phone, outcome, now) == OperationStatus::success ? CapfVisit::none
                                                                    : CapfVisit::due;
}

}  // namespace ringfence::core
