// What became of an operation that CAPF was asked for, in CUCM's words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/phones/phone.h"

namespace ringfence::core {

/// OperationStatus is CUCM's "Certificate Operation Status" (cucm-behaviour 5.2).
enum class OperationStatus {
  none,
  pending,
  success,
  failed,
  invalid_lsc,
  invalid_auth_string,
  invalid_mic,
  invalid_credentials,
  communication_failure,
  key_generation_failed,
  ca_communication_failure,
  ca_rejected,
  late,            ///< "User Initiated Request Late/Timedout"
  ec_unsupported,  ///< "No Support for EC only in CAPF version 3"
  unproven,        ///< ours: done from an address that is not the phone's, by nothing it has
};

/// describe returns CUCM's words, e.g. "Upgrade Failed: Invalid Authentication String",
/// "Operation Pending", "Delete Success", "None".
std::string describe(Operation operation, OperationStatus status);

/// The status as the word of the database and of JSON: "invalid_auth_string" … The way back throws
/// Error{malformed}.
std::string_view word(OperationStatus status) noexcept;
OperationStatus operation_status_from(std::string_view word);

/// Outcome is what became of one request; absent while it is pending.
struct Outcome {
  std::string phone;
  std::int64_t request = 0;
  Operation operation = Operation::none;
  OperationStatus status = OperationStatus::none;
  Time at;
  std::string peer = {};  ///< "address:port" of who came; "" where it was not noted
};

/// status_of tells the status an administrator sees: the outcome of the phone's last request, else
/// pending while an operation is asked for, `late` from the time it completes by, or none. An
/// outcome of another request does not count.
OperationStatus status_of(const Phone& phone, const std::optional<Outcome>& outcome, Time now);

/// CapfVisit says whether a phone shall go to CAPF.
enum class CapfVisit { none, due };

/// capf_visit is `due` from the ask until the operation succeeded or its time is over: one that
/// failed may be tried again until then. It is not while the phone contradicts its security
/// profile, since CAPF refuses it then. `outcome` is as for status_of.
CapfVisit capf_visit(const Phone& phone, const std::optional<Outcome>& outcome, Time now);

}  // namespace ringfence::core
