// How a family of methods enters its handlers into the table: for methods*.cpp alone.
#pragma once

#include <type_traits>

#include "core/admin/json.h"
#include "services/admin/api/methods.h"

namespace ringfence::services::admin {

/// outcome_of is what the audit log says of an answer.
template <typename Request, typename Answer>
AuditOutcome outcome_of(const core::admin::Method<Request, Answer>& method, const Answer& answer) {
  if constexpr (std::is_same_v<Answer, core::admin::ServiceChange>)
    return audit_outcome(
        answer, method.name == core::admin::method::service_stop.name ? "STOPPED" : "STARTED");
  if constexpr (std::is_same_v<Answer, core::admin::PhoneReset>) return audit_outcome(answer);
  return {};
}

template <typename Request, typename Answer, typename Work>
void Methods::on(const core::admin::Method<Request, Answer>& method, Work work) {
  static_assert(std::is_same_v<std::invoke_result_t<const Work&, const Request&, Who>, Answer>,
                "a handler answers with the struct that its method is declared with");
  table_[method.name] = {
      method.level, method.act, [work, method](Who who, const boost::json::object& params) {
        const Answer answer = work(core::admin::from_json<Request>(params), who);
        return Answered{core::admin::to_json(answer), outcome_of(method, answer)};
      }};
}

}  // namespace ringfence::services::admin
