// A bulk job whose evidence a test writes down, followed as BulkRun does it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/admin/jobs/bulk_watch.h"

namespace ringfence::services::admin::watched_bulk {

inline const core::Time kStart = core::from_seconds(1'795'255'200);
inline const std::string kPhone = "SEP000000000001";
constexpr std::int64_t kRequest = 41;
inline const core::Time kCompletesBy = kStart + std::chrono::hours(10);

inline core::Time at(int seconds) {
  return kStart + std::chrono::seconds(seconds);
}

inline core::Outcome outcome(core::OperationStatus status, core::Time when,
                             std::int64_t request = kRequest) {
  return {kPhone, request, core::Operation::install, status, when};
}

inline core::ResetRow answered(int status, core::Time sent) {
  return {3, kPhone, "apply-config", sent, sent + std::chrono::seconds(1), status};
}

inline core::ResetRow unanswered(core::Time sent) {
  return {3, kPhone, "apply-config", sent, std::nullopt, 0};
}

/// BulkEvidence is what CAPF and the registrar have recorded.
struct BulkEvidence {
  std::vector<core::Outcome> outcomes = {};
  std::vector<core::ResetRow> resets = {};
  std::map<std::string, std::set<std::string>> homes = {};  ///< where phones register
};

/// WatchedBulk follows a job as BulkRun does it.
struct WatchedBulk {
  explicit WatchedBulk(std::vector<core::JobItem> items,
                       const std::vector<core::ResetRow>& resets = {}, const WavePace& pace = {})
      : watch(std::move(items), resets, kCompletesBy, pace) {}

  std::vector<core::JobItem> observe(const BulkEvidence& evidence, core::Time now,
                                     const std::vector<core::Registration>& registrations = {}) {
    std::map<std::string, PhoneLook> looks;
    for (const core::Outcome& one : evidence.outcomes) looks[one.phone].outcomes.push_back(one);
    for (const core::ResetRow& one : evidence.resets) looks[one.device].reset = one;
    for (const auto& [name, addresses] : evidence.homes) looks[name].addresses = addresses;
    for (const core::Registration& one : registrations) looks[one.device].contacts.push_back(one);
    for (const std::string& name : watch.due(now)) looks[name];
    std::vector<PhoneLook> all;
    for (auto& [name, look] : looks) {
      look.phone = name;
      all.push_back(look);
    }
    watch.observe(all, now);
    watch.end_if_late(now);
    return watch.take_changes();
  }

  std::vector<core::JobItem> told(const std::vector<std::string>& phones,
                                  const std::vector<std::string>& not_registered, core::Time now) {
    watch.told(phones, not_registered, now);
    return watch.take_changes();
  }

  std::vector<core::JobItem> remove(const std::string& phone, core::Time now) {
    PhoneLook gone;
    gone.phone = phone;
    gone.known = false;
    watch.observe({gone}, now);
    return watch.take_changes();
  }

  BulkWatch watch;
};

class BulkWatchTest : public testing::Test {
 protected:
  /// apply gives the phone its turn and asks for its NOTIFY, both at `when`.
  void apply(core::Time when) { apply(job_, when); }

  static void apply(WatchedBulk& job, core::Time when) {
    std::vector<core::JobItem> wave = job.watch.next_wave(when);
    ASSERT_EQ(wave.size(), 1U);
    wave[0].state = core::ItemState::applied;
    wave[0].changed = when;
    wave[0].request = kRequest;
    job.watch.take(wave);
    ASSERT_THAT(job.watch.to_tell().first, testing::ElementsAre(kPhone));
    EXPECT_THAT(job.told({kPhone}, {}, when), testing::IsEmpty());
    EXPECT_THAT(job.watch.to_tell().first, testing::IsEmpty());
  }

  /// state_after observes and returns where the phone stands if it moved.
  std::optional<core::ItemState> state_after(
      const BulkEvidence& evidence, core::Time now,
      const std::vector<core::Registration>& registrations = {}) {
    const std::vector<core::JobItem> moved = job_.observe(evidence, now, registrations);
    if (moved.empty()) return std::nullopt;
    EXPECT_EQ(moved.size(), 1U);
    detail_ = moved[0].detail;
    EXPECT_EQ(moved[0].changed, now);
    return moved[0].state;
  }

  WatchedBulk job_{{{kPhone, core::ItemState::waiting, kStart}}};
  BulkWatch& watch_ = job_.watch;
  std::string detail_;
};

/// registered is the phone as it registered at that time.
inline core::Registration registered(core::Time when) {
  core::Registration one;
  one.device = kPhone;
  one.registered_at = when;
  return one;
}

}  // namespace ringfence::services::admin::watched_bulk
