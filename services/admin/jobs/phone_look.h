// What the daemons know of one phone at one moment, as far as a job goes by it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/phones/enrolment_store.h"
#include "core/phones/registration_store.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

/// PhoneLook is what a job's policy judges a phone by.
struct PhoneLook {
  std::string phone;
  bool known = true;                              ///< nobody has removed it
  std::vector<core::Registration> contacts = {};  ///< current ones that answer
  std::set<std::string> addresses = {};           ///< of all its contacts, without ports
  std::optional<core::ResetRow> reset = {};       ///< of this job
  PhoneTrust trust = {};                          ///< in the list of the job, or the one in force
  std::vector<core::Outcome> outcomes = {};       ///< of its last requests, oldest first
};

}  // namespace ringfence::services::admin
