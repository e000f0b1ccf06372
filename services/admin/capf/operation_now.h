// What became of the CAPF operation that a phone was asked last, in words.
#pragma once

#include <string>

#include "core/base/clock.h"
#include "core/phones/capf_inventory.h"
#include "core/phones/phone.h"

namespace ringfence::services::admin {

/// OperationNow is what the columns Operation and Status say of a phone.
struct OperationNow {
  std::string operation;  ///< still asked for; "none" once it succeeded
  std::string status;     ///< CUCM's words, with the address where they are unproven
  bool answered = false;  ///< CAPF's last outcome is that of this request
  bool succeeded = false;
};

/// operation_now tells it of `phone` by what CAPF's journal has of it.
OperationNow operation_now(const core::Phone& phone, const core::CapfState& state, core::Time now);

}  // namespace ringfence::services::admin
