// show hsm, utils hsm unlock: what the signer says, as an administrator reads it.
#pragma once

#include <string>

#include "core/admin/api.h"
#include "core/base/error.h"
#include "core/config/config.h"
#include "core/crypto/token.h"
#include "services/admin/node/service_control.h"

namespace ringfence::services::admin {

/// can_sign says whether anything can be signed now: a degraded pool may still have workers.
bool can_sign(const core::TokenStatus& status) noexcept;

/// describe lays a status out as the admin API gives it.
core::admin::HsmShow describe(const core::TokenStatus& status);

/// show_hsm answers also when the signer cannot be reached: then its service's state and the last
/// line of its log say why.
core::admin::HsmShow show_hsm(const core::Config& config, const core::Token& token,
                              ServiceControl& services);

/// token_problem says what keeps the token from signing and what to do: an Error `hsm_locked` or
/// `hsm_unavailable`; nothing when it can sign.
std::optional<core::Error> token_problem(const core::Config& config, const core::Token& token,
                                         ServiceControl& services);

/// start_signer brings up the signer, locked or not. Throws Error{hsm_locked} with the end of its
/// log when it does not come: without it there is nothing to do.
void start_signer(const core::Config& config, ServiceControl& services);

/// warning_of is a sentence about a state other than operational, for whoever enters the shell.
std::string warning_of(const core::TokenStatus& status);

/// last_words returns the last line of the signer's log, "" without one.
std::string last_words(const core::Config& config);

}  // namespace ringfence::services::admin
