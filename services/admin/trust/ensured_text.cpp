#include "services/admin/trust/ensured_text.h"

#include <fmt/format.h>

namespace ringfence::services::admin {

std::string ensured_text(const Ensured& ensured) {
  if (ensured.by == Ensured::By::last_good)
    return fmt::format(
        "The ITL file on disk was not good ({}). The last good one is in its place, "
        "with the same bytes and the same signer: phones keep what they have. SHA1 {}.",
        ensured.why, ensured.sha1);
  return fmt::format(
      "The ITL file on disk was not that of this node's certificates ({}), and there "
      "was no good copy: a new one is published, SHA1 {}. What phones hold is another "
      "one until they fetch it: 'utils phone reset all' makes them, and what would "
      "strand phones is refused until then.",
      ensured.why, ensured.sha1);
}

}  // namespace ringfence::services::admin
