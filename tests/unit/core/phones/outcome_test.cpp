#include "core/phones/outcome.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

using std::chrono::hours;

const Time kNow = from_seconds(1'795'255'200);

/// The statuses as cucm-behaviour 5.2 lists them (AXL XCertificateStatus).
TEST(OperationStatusText, IsWhatCucmSays) {
  using enum OperationStatus;

  struct Case {
    OperationStatus status;
    const char* behind;  ///< behind "Upgrade", "Delete", "Troubleshoot"
  };

  for (const Case& c :
       {Case{success, " Success"}, Case{failed, " Failed"},
        Case{invalid_lsc, " Failed: Invalid LSC"},
        Case{invalid_auth_string, " Failed: Invalid Authentication String"},
        Case{invalid_mic, " Failed: Invalid MIC"},
        Case{invalid_credentials, " Failed: Invalid Credentials"},
        Case{communication_failure, " Failed: Phone Communication Failure"},
        Case{key_generation_failed, " Failed: Key Generation Failed/Timeout"},
        Case{ca_communication_failure, " Failed: CA Communication Failure"},
        Case{ca_rejected, " Failed: CA Rejected Connection"},
        Case{late, " Failed: User Initiated Request Late/Timedout"},
        Case{ec_unsupported, " Failed: No Support for EC only in CAPF version 3"}}) {
    EXPECT_EQ(describe(Operation::install, c.status), std::string("Upgrade") + c.behind);
    EXPECT_EQ(describe(Operation::remove, c.status), std::string("Delete") + c.behind);
    EXPECT_EQ(describe(Operation::troubleshoot, c.status), std::string("Troubleshoot") + c.behind);
  }
  for (const Operation operation :
       {Operation::none, Operation::install, Operation::remove, Operation::troubleshoot}) {
    EXPECT_EQ(describe(operation, none), "None");
    EXPECT_EQ(describe(operation, pending), "Operation Pending");
  }
}

TEST(OperationStatusWord, GoesThereAndBackAndIsUnique) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(OperationStatus::ec_unsupported); ++i) {
    const auto status = static_cast<OperationStatus>(i);
    EXPECT_EQ(operation_status_from(word(status)), status);
    words.insert(word(status));
  }
  EXPECT_EQ(words.size(), 14U);
  EXPECT_THROW(operation_status_from(""), Error);
}

TEST(StatusOf, IsPendingUntilAnsweredOrLate) {
  Phone phone;
  EXPECT_EQ(status_of(phone, std::nullopt, kNow), OperationStatus::none);
  phone.capf.operation = Operation::install;
  phone.capf.completes_by = kNow;
  phone.capf.request = 5;
  EXPECT_EQ(status_of(phone, std::nullopt, kNow - std::chrono::seconds(1)),
            OperationStatus::pending);
  EXPECT_EQ(status_of(phone, std::nullopt, kNow), OperationStatus::late);
  Outcome outcome{"CSFa", 4, Operation::install, OperationStatus::success, kNow};
  EXPECT_EQ(status_of(phone, outcome, kNow - hours(1)), OperationStatus::pending)
      << "the outcome of an older request counted";
  outcome.request = 5;
  EXPECT_EQ(status_of(phone, outcome, kNow - hours(1)), OperationStatus::success);
  EXPECT_EQ(status_of(phone, outcome, kNow + hours(1)), OperationStatus::success);
  outcome.status = OperationStatus::invalid_auth_string;
  EXPECT_EQ(status_of(phone, outcome, kNow), OperationStatus::invalid_auth_string);
  phone.capf.operation = Operation::none;
  EXPECT_EQ(status_of(phone, outcome, kNow), OperationStatus::invalid_auth_string);
}

TEST(CapfVisit, IsDueUntilItSucceededOrItsTimeIsOver) {
  Phone phone;
  EXPECT_EQ(capf_visit(phone, std::nullopt, kNow), CapfVisit::none);
  phone.capf.operation = Operation::install;
  phone.capf.completes_by = kNow;
  phone.capf.request = 5;
  const Time in_time = kNow - std::chrono::seconds(1);
  EXPECT_EQ(capf_visit(phone, std::nullopt, in_time), CapfVisit::due);
  EXPECT_EQ(capf_visit(phone, std::nullopt, kNow), CapfVisit::none);
  Outcome outcome{"CSFa", 5, Operation::install, OperationStatus::success, kNow};
  EXPECT_EQ(capf_visit(phone, outcome, in_time), CapfVisit::none);
  for (const auto failed : {OperationStatus::key_generation_failed, OperationStatus::failed,
                            OperationStatus::invalid_auth_string}) {
    outcome.status = failed;
    EXPECT_EQ(capf_visit(phone, outcome, in_time), CapfVisit::due) << word(failed);
    EXPECT_EQ(capf_visit(phone, outcome, kNow), CapfVisit::none) << word(failed);
  }
  outcome.request = 4;
  outcome.status = OperationStatus::success;
  EXPECT_EQ(capf_visit(phone, outcome, in_time), CapfVisit::due)
      << "the outcome of an older request counted";
}

}  // namespace
}  // namespace ringfence::core
