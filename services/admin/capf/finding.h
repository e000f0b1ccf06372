// What a check of a diagnosis finds, and the words that checks have in common.
#pragma once

#include <string>
#include <string_view>

#include "core/admin/capf_api.h"
#include "core/base/clock.h"
#include "core/phones/enrolment_store.h"

namespace ringfence::services::admin {

struct DiagnosisFacts;

/// Finding is a check with its weight: among problems the heaviest is the most likely reason; where
/// there are none, an unknown that has a cause is.
struct Finding {
  core::admin::CapfCheck check;
  int weight = 0;
  std::string cause;  ///< for "Most likely: …": a clause, without a full stop
};

Finding ok(std::string name, std::string evidence);
Finding unknown(std::string name, std::string evidence, std::string advice = "");

/// Problem is what a problem's finding needs besides its name.
struct Problem {
  std::string evidence;
  std::string advice;
  int weight = 0;
  std::string cause;
};

Finding problem(std::string name, Problem what);

std::string at(core::Time time);

/// seen lays out an event: what, when, from where.
std::string seen(const core::CapfEvent& event);

// Advice: the commands that mend it, for the phone of these facts.

/// apply_config and reset make the phone fetch anew; no command reaches one that is not registered.
std::string apply_config(const DiagnosisFacts& facts);
std::string reset(const DiagnosisFacts& facts);
/// install asks for a new LSC, whatever was asked last.
std::string install(const DiagnosisFacts& facts, std::string_view terms = "");
/// ask_again asks for what was asked last.
std::string ask_again(const DiagnosisFacts& facts);
/// or_profile reminds of the profile, without which another mode is of no use.
std::string_view or_profile(const DiagnosisFacts& facts);

}  // namespace ringfence::services::admin
