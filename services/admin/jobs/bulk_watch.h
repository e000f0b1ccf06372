// Where each phone of a bulk job stands: judged from what CAPF and the registrar recorded, and
// nothing else.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/registration_store.h"
#include "core/plans/job_store.h"

namespace ringfence::services::admin {

/// BulkEvidence is what the neighbours' databases say that may be new.
struct BulkEvidence {
  std::vector<core::Outcome> outcomes;
  std::vector<core::ResetRow> resets;  ///< of this job
  /// Where phones with an outcome are, by device, addresses without ports: the proven one, or those
  /// that they register from. A failure at another address is not the phone's, as anybody can come
  /// in its name; with several, none is.
  std::map<std::string, std::set<std::string>> homes = {};
};

/// BulkWatch follows the phones of one bulk job to a final state each. Pure: no clock, no database.
///
///     waiting ── its turn: settings written ──▶ applied ── took the NOTIFY ──▶ enrolling
///                                                  └── not registered, did not take it ──▶ away
///     applied, enrolling, away ── CAPF's outcome ──▶ succeeded | failed | unproven: the LSC went
///                                                                  to an address of a stranger's
///                              ── time over ──▶ expired (away: unreachable)
///
/// A failure that the phone tries again by itself (a lost connection) counts after kTriesWithin;
/// every other counts at once. Each may still become a success while the job runs. An observation
/// costs what is new and what is on its way, not what the job has.
class BulkWatch {
 public:
  /// `resets` are the job's so far: after a crash they tell who was told.
  BulkWatch(std::vector<core::JobItem> items, const std::vector<core::ResetRow>& resets,
            core::Time completes_by);

  /// next_wave returns the phones whose turn it is, by name: as many as `room` leaves beside those
  /// on their way. They stay waiting until `take` says otherwise.
  std::vector<core::JobItem> next_wave(std::size_t room, core::Time now);

  /// take notes where these phones stand now: as the caller has written it down.
  void take(const std::vector<core::JobItem>& items);

  /// ToTell are the applied phones whose NOTIFY must be asked for. One that was told before may
  /// have read its configuration already: it has to restart, since apply-config changes nothing
  /// then (cucm-behaviour 4.2).
  struct ToTell {
    std::vector<std::string> first;
    std::vector<std::string> again;
  };

  /// `told` notes that they were, and makes those that are not registered away and returns them.
  ToTell to_tell() const;
  std::vector<core::JobItem> told(const std::vector<std::string>& phones,
                                  const std::vector<std::string>& not_registered, core::Time now);

  /// observe moves phones on and returns those that changed.
  std::vector<core::JobItem> observe(const BulkEvidence& evidence, core::Time now);

  /// tell_again makes phones applied, and returns them, that are registered, and were so all the
  /// time, but are away: they did not take their NOTIFY; or that took it and were not heard of for
  /// kSilentFor: CAPF may have been down when they came. At most kAgainAtMost times a phone.
  std::vector<core::JobItem> tell_again(const std::vector<core::Registration>& registrations,
                                        core::Time now);

  /// cancel makes the phones cancelled whose turn has not come, and returns them.
  std::vector<core::JobItem> cancel(core::Time now);

  /// to_withdraw returns those of a cancelled job whose operation shall be taken back: all that
  /// have not ended it. A phone in the middle of it may still end it; nobody waits for that.
  std::vector<core::JobItem> to_withdraw() const;

  /// any_taken_back tells whether there are phones whose operation was taken back before they ended
  /// it (kTakenBack): one whose session went on may succeed all the same, and is observed for that.
  bool any_taken_back() const { return !taken_back_.empty(); }

  static constexpr const char* kTakenBack = "taken back before it was done";

  /// removed makes those removed that are waiting or pending and not `known` any more, and returns
  /// them.
  std::vector<core::JobItem> removed(const std::function<bool(const std::string&)>& known,
                                     core::Time now);

  bool awaits(const std::string& phone) const { return pending_.contains(phone); }

  bool finished() const { return waiting_.empty() && pending_.empty(); }

  bool any_waiting() const { return !waiting_.empty(); }

  bool any_away() const { return away_ > 0; }

  bool any_pending() const { return !pending_.empty(); }

  bool any_on_way() const { return !on_way_.empty(); }

  /// asked_since is when the earliest NOTIFY was asked for that is not answered yet.
  core::Time asked_since(core::Time now) const;

  static constexpr std::chrono::seconds kAnsweredWithin{30};
  static constexpr std::chrono::seconds kSentWithin{60};
  /// A phone tries three times more, half a minute apart (cucm-behaviour 5.4).
  static constexpr std::chrono::seconds kTriesWithin{150};
  /// How long a phone counts as on its way; one that makes a large key then no longer holds up
  /// the next.
  static constexpr std::chrono::seconds kOnWayFor{300};
  /// A session that began in time may end a little later.
  static constexpr std::chrono::seconds kGrace{60};
  /// Longer than a phone takes for its largest key (cucm-behaviour 5.1).
  static constexpr std::chrono::minutes kSilentFor{40};
  static constexpr unsigned kAgainAtMost = 2;

 private:
  struct Phone {
    core::JobItem item;
    bool told = false;
    unsigned again = 0;  ///< how often it was told once more
  };

  void move(Phone& phone, core::ItemState state, const std::string& detail, core::Time now,
            std::vector<core::JobItem>& moved);
  void index(const core::JobItem& item, core::ItemState before);
  void judge_outcome(Phone& phone, const core::Outcome& outcome, core::Time now,
                     std::vector<core::JobItem>& moved);
  void judge_reset(Phone& phone, const core::ResetRow* reset, core::Time now,
                   std::vector<core::JobItem>& moved);
  bool again(Phone& phone, core::Time now);
  void close(core::Time now, std::vector<core::JobItem>& moved);

  std::unordered_map<std::string, Phone> phones_;
  std::set<std::string> waiting_;
  std::set<std::string> pending_;  ///< applied, enrolling, away
  std::set<std::string> on_way_;   ///< applied or enrolling, and not for too long
  std::set<std::string> applied_;
  std::set<std::string> taken_back_;
  std::unordered_map<std::string, core::Outcome> doubtful_;  ///< failures that may be tried again
  std::size_t away_ = 0;
  core::Time completes_by_;
};

}  // namespace ringfence::services::admin
