// What a shell may ask of jobs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/method.h"

namespace ringfence::core::admin {

struct JobStarted {
  std::int64_t job = 0;
};
BOOST_DESCRIBE_STRUCT(JobStarted, (), (job))

// --- job.show, job.wait, job.list --------------------------------------------------------------

struct JobRequest {
  std::int64_t job = 0;
};
BOOST_DESCRIBE_STRUCT(JobRequest, (), (job))

/// job.wait answers when the job's revision is not `seen`, or after at most 20 seconds.
struct JobWaitRequest {
  std::int64_t job = 0;
  std::int64_t seen = 0;
};
BOOST_DESCRIBE_STRUCT(JobWaitRequest, (), (job, seen))

struct JobPhone {
  std::string phone;
  std::string state;  ///< waiting, reset_sent, returned, not_returned, failed, cancelled; of a bulk
                      ///< job: waiting, applied, enrolling, away, succeeded, failed, unreachable,
                      ///< expired, cancelled
  std::string changed;
  std::string detail = {};  ///< why it failed, or ""
};
BOOST_DESCRIBE_STRUCT(JobPhone, (), (phone, state, changed, detail))

struct JobCount {
  std::string state;  ///< as JobPhone's
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(JobCount, (), (state, count))

struct JobReport {
  std::int64_t job = 0;
  std::int64_t revision = 0;  ///< grows with every change
  std::string kind;           ///< "regenerate", "phone-reset", "capf-bulk"
  std::string subject;        ///< the unit; what a bulk job does
  std::string who;
  std::string state;  ///< running, paused, done, failed, interrupted, cancelled
  std::string step;
  std::string message;
  /// published is true once the change itself is done and only phones are waited for.
  bool published = false;
  std::string started;
  std::optional<std::string> finished;
  std::int64_t total = 0;
  std::int64_t waiting = 0;
  std::int64_t reset_sent = 0;
  std::int64_t returned = 0;
  std::int64_t not_returned = 0;
  std::int64_t failed = 0;
  std::int64_t refused = 0;      ///< back, and shown to have kept the old ITL
  std::int64_t unproven = 0;     ///< back, and not proven to believe the new ITL
  std::vector<JobCount> counts;  ///< of each state that phones are in; they add up to `total`
  /// The first 1000 of those that did not return, or did not succeed; job.show and job.wait.
  std::vector<JobPhone> missing;
  /// Phones that the change concerns and that the job does not reach: not registered when it began,
  /// or left out of a bulk job.
  std::int64_t left_out = 0;
  std::vector<std::string> left_out_names = {};  ///< the first 100 of them, by name
  std::vector<std::string> notes = {};           ///< what was said before it began
  std::vector<std::string> warnings = {};        ///< what went wrong beside the change
  bool stopping = false;  ///< this Ringfence is being stopped; the job goes on when it starts again
  /// Services that use what was changed and do not run now: they take it up when they start.
  std::vector<std::string> idle_services = {};
  /// Services that were not told of the change; `warnings` says why. They use what was before.
  std::vector<std::string> untold_services = {};
};
BOOST_DESCRIBE_STRUCT(JobReport, (),
                      (job, revision, kind, subject, who, state, step, message, published, started,
                       finished, total, waiting, reset_sent, returned, not_returned, failed,
                       refused, unproven, counts, missing, left_out, left_out_names, notes,
                       warnings, stopping, idle_services, untold_services))

struct JobList {
  std::vector<JobReport> jobs;  ///< newest first
};
BOOST_DESCRIBE_STRUCT(JobList, (), (jobs))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_JOB_METHODS(METHOD)                   \
  METHOD(job, show, 0, look, JobRequest, JobReport)     \
  METHOD(job, wait, 0, look, JobWaitRequest, JobReport) \
  METHOD(job, list, 0, look, Nothing, JobList)          \
  METHOD(job, pause, 1, change, JobRequest, JobReport)  \
  METHOD(job, resume, 1, change, JobRequest, JobReport) \
  METHOD(job, cancel, 1, change, JobRequest, JobReport)
RINGFENCE_JOB_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
