#include "services/admin/capf/operation_now.h"

#include <fmt/format.h>

#include "core/phones/trust_sign.h"

namespace ringfence::services::admin {

using core::OperationStatus;

OperationNow operation_now(const core::Phone& phone, const core::CapfState& state, core::Time now) {
  OperationNow said;
  said.answered = state.last && state.last->request == phone.capf.request;
  const OperationStatus status =
      core::status_of(phone, said.answered ? state.last : std::nullopt, now);
  said.succeeded = status == OperationStatus::success;
  said.status =
      core::describe(said.answered ? state.last->operation : phone.capf.operation, status);
  if (status == OperationStatus::unproven)
    said.status += fmt::format(" ({})", core::address_text(state.last->peer));
  said.operation = word(said.succeeded ? core::Operation::none : phone.capf.operation);
  return said;
}

}  // namespace ringfence::services::admin
