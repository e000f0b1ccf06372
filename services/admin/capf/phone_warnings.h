// What keeps a phone's operation from completing, as far as its record shows it.
#pragma once

#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/capf_policy.h"
#include "core/phones/phone.h"

namespace ringfence::services::admin {

/// warnings_of returns sentences for who reads or changes the record. Pure.
std::vector<std::string> warnings_of(const core::Phone& phone, const core::CapfPolicy& policy,
                                     core::Time now);

}  // namespace ringfence::services::admin
