// What a phone checks in a NOTIFY before it obeys (cucm-behaviour 7.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/fleet/sip_message.h"

namespace ringfence::fleet {

/// Action is what a service-control NOTIFY makes a phone do.
enum class Action { reset, restart, apply_config, check_version, call_preservation, prt_report };

/// NotifyVerdict is the answer, and what to do after it was sent.
struct NotifyVerdict {
  int status = 400;
  std::string reason = "Bad Request";
  std::optional<Action> action;  ///< with 200 only; absent for check-sync
};

/// judge_notify checks a request from outside any dialog in the order of Cisco's stack.
///
/// `contact_user` is the user part this phone registered, `call_id` the Call-ID of its
/// registration. Stricter where field reports are: a From with a user part (7975G) and
/// FeatureControlVersionStamp (8861) get 400.
NotifyVerdict judge_notify(const SipMessage& request, std::string_view contact_user,
                           std::string_view call_id);

}  // namespace ringfence::fleet
