// What the daemon says against a change: shown before the question, and when it refuses.
#pragma once

#include <string>
#include <vector>

#include "core/admin/guard_api.h"
#include "shell/call.h"

namespace ringfence::shell {

/// force_parameter is the option `force`: the number of phones that the refusal named.
Parameter force_parameter();

/// guards_text is a line "WARNING: " for each guard: why, how many phones, which, and the cure.
std::string guards_text(const std::vector<core::admin::Guard>& guards);

/// Refusal is what a plan says of guards that refuse the change, kept from the plan to the run of a
/// command, so that one that was refused is not begun without its question.
struct Refusal {
  std::string message;  ///< "" when nothing refuses
  std::vector<core::admin::Guard> guards;
  std::int64_t stranded = 0;

  /// of takes it from any plan that has guards.
  template <typename Plan>
  static Refusal of(const Plan& plan) {
    return {plan.refusal, plan.guards, plan.stranded};
  }

  /// refuses says whether there is one. Then `tell` tells it: as text it throws Error{refused},
  /// without the reasons, which stood in the warnings before; as
  /// JSON it prints the error with "guards" and "stranded" beside it, and returns failed.
  bool refuses() const { return !message.empty(); }

  Status tell(Call& call) const;
};

}  // namespace ringfence::shell
