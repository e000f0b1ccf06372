// show capf policy, set capf policy.
#pragma once

#include "core/admin/capf_api.h"
#include "core/phones/capf_policy.h"
#include "services/admin/capf/expiry_monitor.h"

namespace ringfence::services::admin {

/// PolicyParts are what the policy is read from and kept in; they must outlive what takes them.
struct PolicyParts {
  core::Database& admin;
  const core::Config& config;
  const core::Clock& clock;
  const core::CertificateStore& certificates;
  ExpiryMonitor& monitor;
};

core::admin::CapfPolicyShow show_policy(const PolicyParts& parts);

/// set_policy changes one value and answers as show_policy does. Throws Error{malformed} naming
/// what could be; then nothing has changed.
core::admin::CapfPolicyShow set_policy(const PolicyParts& parts,
                                       const core::admin::CapfPolicySet& request);

/// policy_with returns `policy` with one value changed; throws as set_policy. Pure.
core::CapfPolicy policy_with(core::CapfPolicy policy, const core::admin::CapfPolicySet& request);

}  // namespace ringfence::services::admin
