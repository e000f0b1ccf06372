#include "core/base/dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/base/error.h"

namespace ringfence::core {

void forbid_dumps() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0)
    throw Error(Code::internal, "the system does not let us forbid core dumps");
}

}  // namespace ringfence::core
