// Whether the faults are tried in their long form.
#pragma once

#include <cstdlib>

namespace ringfence::test {

/// long_form is true under tests/integration/faults/run_long: every step in turn, 2,000 enrolments.
inline bool long_form() {
  return std::getenv("RINGFENCE_FAULTS_LONG") != nullptr;
}

}  // namespace ringfence::test
