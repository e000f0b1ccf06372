// One phone, for people: what `show phone` prints.
#pragma once

#include <cstddef>
#include <string>

#include "core/admin/phone_api.h"

namespace ringfence::shell {

/// phone_text lays out a phone's facts, and below them what was seen of it, in lines of so many
/// columns.
std::string phone_text(const core::admin::PhoneFacts& phone, std::size_t columns);

}  // namespace ringfence::shell
