// Taking a typed secret out of memory: what a PIN passes through on its way to the token.
#pragma once

#include <string>

namespace ringfence::core {

/// wipe overwrites all that `text` has room for, also where a short text was moved away from, and
/// empties it.
void wipe(std::string& text) noexcept;

/// scrub_stack overwrites 256 KiB of this thread's stack below the caller: what functions that have
/// returned left there. About 10 us.
void scrub_stack() noexcept;

}  // namespace ringfence::core
