// What is said of a job: how many phones are where it wants them, and who is not.
#pragma once

#include <cstdint>
#include <string>

#include "core/admin/job_api.h"
#include "core/base/error.h"

namespace ringfence::shell {

/// is_bulk tells the kind; done_phones how many phones are where the job wants them; count_of how
/// many are in a state; counts_text writes "12 enrolling, 30 succeeded".
bool is_bulk(const core::admin::JobReport& report);
std::int64_t done_phones(const core::admin::JobReport& report);
std::int64_t count_of(const core::admin::JobReport& report, const std::string& state);
std::string counts_text(const core::admin::JobReport& report);

/// done_word says what phones are that are where the job wants them. One that was only told to
/// apply its configuration does not go away, so that it does not return.
std::string done_word(const core::admin::JobReport& report);

/// returned_line is "Job 3: 48 of 50 phones returned."
std::string returned_line(const core::admin::JobReport& report);

/// job_result says how a job ended: the count of phones and the first 20 that are missing.
std::string job_result(const core::admin::JobReport& report);

/// in_use_text says which services use a unit's new certificate: those that run.
std::string in_use_text(const std::string& unit, const core::admin::JobReport& report);

/// job_failure is the Error to throw for a job that failed or was interrupted.
core::Error job_failure(const core::admin::JobReport& report);

}  // namespace ringfence::shell
