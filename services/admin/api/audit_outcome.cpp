#include "services/admin/api/audit_outcome.h"

#include <fmt/format.h>

namespace ringfence::services::admin {

namespace json = boost::json;

AuditOutcome audit_outcome(const core::admin::PhoneReset& answer) {
  AuditOutcome outcome;
  const auto refused = static_cast<std::int64_t>(answer.refused.size());
  outcome.done = answer.asked > refused;
  json::array refusing;
  json::array silent;
  for (const core::admin::PhoneRefusal& one : answer.refused)
    (one.status == core::admin::kNoAnswer ? silent : refusing).emplace_back(one.phone);
  outcome.detail = {{"took_it", answer.asked - refused}};
  if (!silent.empty()) outcome.detail["did_not_answer"] = silent;
  if (!refusing.empty()) outcome.detail["refused"] = refusing;
  if (!answer.not_registered.empty())
    outcome.detail["not_registered"] = json::value_from(answer.not_registered);
  return outcome;
}

AuditOutcome audit_outcome(const core::admin::ServiceChange& answer, std::string_view wanted) {
  if (answer.states.empty()) return {};
  const core::admin::ServiceFacts& last = answer.states.back();
  AuditOutcome outcome{last.state == wanted, {{"state", last.state}}};
  if (!last.reason.empty()) outcome.detail["reason"] = last.reason;
  return outcome;
}

json::object as_audited(const json::object& params) {
  json::object kept = params;
  for (const std::string_view secret : {"auth_string", "pin"}) {
    json::value* value = kept.if_contains(secret);
    const bool unset =
        value == nullptr || value->is_null() || (value->is_string() && value->get_string().empty());
    if (!unset) *value = "<set>";
  }
  for (const std::string_view bulky : {"csv", "pem", "archive", "content"})
    if (const json::value* value = kept.if_contains(bulky); value != nullptr && !value->is_null())
      kept[bulky] = fmt::format("<{} bytes>", value->is_string() ? value->as_string().size() : 0);
  return kept;
}

}  // namespace ringfence::services::admin
