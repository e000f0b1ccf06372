// What the audit log says of a method that was answered, where the answer says that not all was
// done.
#pragma once

#include <boost/json.hpp>

#include "core/admin/api.h"

namespace ringfence::services::admin {

/// AuditOutcome is whether anything was done, and what of it the request alone does not say.
struct AuditOutcome {
  bool done = true;
  boost::json::object detail = {};
};

/// audit_outcome of a reset is done when a phone took it; it names who did not, and who was not
/// there.
AuditOutcome audit_outcome(const core::admin::PhoneReset& answer);

/// audit_outcome of a service's start, stop or restart is done when `wanted` is the state it ended
/// in, which is told.
AuditOutcome audit_outcome(const core::admin::ServiceChange& answer, std::string_view wanted);

/// as_audited returns a request's parameters as the audit log may keep them: what is secret as
/// "<set>" where it is set, what is bulky by its size.
boost::json::object as_audited(const boost::json::object& params);

}  // namespace ringfence::services::admin
