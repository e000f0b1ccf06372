// The journal of LSCs, which ringfence-capf alone writes: what admin asks of it.
#pragma once

#include <cstddef>
#include <string_view>

#include <boost/json/object.hpp>

#include "core/config/config.h"

namespace ringfence::services::admin {

/// kJournalBatch is how many phones or certificates one question names at most.
inline constexpr std::size_t kJournalBatch = 512;

/// ask_journal asks ringfence-capf, which answers within two minutes. Throws Error as it does, and
/// Error{io} when it does not run.
boost::json::object ask_journal(const core::Config& config, std::string_view method,
                                const boost::json::object& params);

}  // namespace ringfence::services::admin
