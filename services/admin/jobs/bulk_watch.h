// Where each phone of a bulk job stands: judged from what CAPF and the registrar recorded, and
// nothing else.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "services/admin/jobs/waves.h"

namespace ringfence::services::admin {

/// BulkWatch follows the phones of one bulk job to a final state each, as the policy of its Waves.
/// Pure: no clock, no database.
///
///     waiting ── its turn: settings written ──▶ applied ── took the NOTIFY ──▶ enrolling
///                                                  └── not registered, did not take it ──▶ away
///     applied, enrolling, away ── CAPF's outcome ──▶ succeeded | failed | unproven: the LSC went
///                                                                  to an address of a stranger's
///                              ── time over ──▶ expired (away: unreachable)
///
/// A failure that the phone tries again by itself (a lost connection) counts after kTriesWithin;
/// every other counts at once, unless it came from where the phone is not. Each may still become a
/// success while the job runs.
///
/// A phone is told again, kAgainAtMost times, when the registrar lost its NOTIFY; when it has been
/// registered all the time and is away, since it did not take it; and when it took it and was not
/// heard of for kSilentFor, since CAPF may have been down when it came.
class BulkWatch final : private WavePolicy {
 public:
  /// `resets` are the job's so far: after a crash they tell who was told.
  BulkWatch(std::vector<core::JobItem> items, const std::vector<core::ResetRow>& resets,
            core::Time completes_by, const WavePace& pace = {});

  /// next_wave returns the phones whose turn it is, by name: as many as there is room for beside
  /// those on their way. They stay waiting until `take` says otherwise.
  std::vector<core::JobItem> next_wave(core::Time now);

  /// take notes where these phones stand now: as the caller has written it down.
  void take(const std::vector<core::JobItem>& items);

  /// ToTell are the applied phones whose NOTIFY must be asked for. One that was told before may
  /// have read its configuration already: it has to restart, since apply-config changes nothing
  /// then (cucm-behaviour 4.2).
  struct ToTell {
    std::vector<std::string> first;
    std::vector<std::string> again;
  };

  ToTell to_tell() const;
  /// told notes that they were, and makes those away that are not registered.
  void told(const std::vector<std::string>& phones, const std::vector<std::string>& not_registered,
            core::Time now);

  /// observe moves on who is looked at; end_if_late ends all when the job's time is over.
  void observe(const std::vector<PhoneLook>& looks, core::Time now) {
    waves_.observe(looks, *this, now);
  }

  void end_if_late(core::Time now);

  /// due returns whom to look at now even though nothing may have changed.
  std::vector<std::string> due(core::Time now) { return waves_.due(now); }

  std::vector<core::JobItem> take_changes() { return waves_.take_changes(); }

  /// want takes what an administrator wants; `withdraw` does the rest of a cancel.
  void want(core::JobWanted wanted, core::Time now) {
    waves_.want(wanted, now, "cancelled before its turn");
  }

  /// to_withdraw returns those of a cancelled job whose operation shall be taken back: all that
  /// have not ended it. A phone in the middle of it may still end it; nobody waits for that.
  std::vector<core::JobItem> to_withdraw() const;

  /// any_taken_back tells whether there are phones whose operation was taken back before they ended
  /// it (kTakenBack): one whose session went on may succeed all the same, and is observed for that.
  bool any_taken_back() const { return !taken_back_.empty(); }

  static constexpr const char* kTakenBack = "taken back before it was done";

  const Waves& book() const { return waves_; }

  bool finished() const { return waves_.finished(); }

  bool any_waiting() const { return !waves_.in(core::ItemState::waiting).empty(); }

  bool any_on_way() const {
    return !waves_.in(core::ItemState::applied).empty() ||
           !waves_.in(core::ItemState::enrolling).empty();
  }

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
  static constexpr std::chrono::seconds kTellAgainAfter{60};
  static constexpr unsigned kAgainAtMost = 2;

 private:
  WaveNext judge(const WavePhone& phone, const PhoneLook& look, Limits& limits) override;

  void meet(const PhoneLook& /*look*/, Limits& /*limits*/) override {}  // nobody joins

  void judge_outcome(const core::JobItem& item, const core::Outcome& outcome, Limits& limits,
                     WaveNext& next);
  void judge_reset(const WavePhone& phone, const PhoneLook& look, Limits& limits, WaveNext& next);
  void judge_silence(const WavePhone& phone, const PhoneLook& look, Limits& limits, WaveNext& next);
  /// tell_again makes the phone one to be told once more, if it was not often enough.
  bool tell_again(const WavePhone& phone, WaveNext& next);
  void keep_up(const core::JobItem& item);

  Waves waves_;
  std::set<std::string> untold_;  ///< of the applied ones
  std::set<std::string> taken_back_;
  std::unordered_map<std::string, std::string> doubtful_;  ///< failures that may be tried again
  core::Time completes_by_;
};

}  // namespace ringfence::services::admin
