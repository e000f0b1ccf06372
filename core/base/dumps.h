// Core dumps and debuggers.
#pragma once

namespace ringfence::core {

/// forbid_dumps keeps this process, and those it forks, from writing its memory to disk when it
/// crashes, and everybody but root from looking into it: there are PINs and authentication strings.
/// Throws Error{internal}.
void forbid_dumps();

}  // namespace ringfence::core
