// Which phones came back from a reset and believe the new list: judged from what the registrar and
// the trust ledger know, and nothing else.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/phones/device_name.h"
#include "services/admin/jobs/waves.h"

namespace ringfence::services::admin {

/// PhoneWatch follows the phones of one job that resets them to a final state each, as the policy
/// of its Waves. Pure: no clock, no database.
///
/// A phone that was reset becomes
///
/// - returned when it registered after its reset with a new Call-ID, from the address where it
///   was, and, if it uses trust lists at all, is proven to believe the new one; also when it was
///   given up before;
/// - returned when its answer is the goal and came from the address that is known of it, else
///   from the only one at which it was registered; unproven when kHeardWithin after the NOTIFY
///   only others have answered: whoever registers as the phone is sent one;
/// - refused or unproven when it registered so and kListSeenWithin later it has the new list, and
///   kept its old one, or nothing proves that it did not;
/// - unproven when it registered from another address alone, and is not back within kMovedWithin
///   where it was: anybody can do so in its name;
/// - failed when it refused the NOTIFY, or did not answer it, and is not back within
///   kHeardWithin: it may have been starting just then;
/// - waiting again when the registrar never sent its NOTIFY within kSentWithin, or sent it and
///   was restarted before the answer (kHeardWithin), or when it registered anew and no fetch of
///   a good list is known kListSeenWithin later: it kept its old one, or a file server that ended
///   just then could not write the fetch down, or what came next. The last two happen
///   kAgainAtMost times a phone;
/// - cancelled when the job is, and it has not taken its NOTIFY within kAnswersWithin: a cancelled
///   job does not wait for phones that may be dead;
/// - not_returned when it is not back within kBackWithin.
///
/// A phone that booted with the old list and registered since the job began, from the address
/// where it is known, becomes part of the job.
class PhoneWatch final : private WavePolicy {
 public:
  /// Goal is what makes a phone returned: the new list where it fetches lists, and a registration;
  /// a registration alone; an answer to its NOTIFY.
  enum class Goal { list, registration, answer };

  /// `resets` are the job's so far: after a crash they tell who was asked, whatever the item says.
  /// A phone that an earlier run of the daemon asked is judged by time alone, since its Call-IDs
  /// from before are not kept.
  PhoneWatch(std::vector<core::JobItem> items, const std::vector<core::ResetRow>& resets,
             Goal goal = Goal::list, const WavePace& pace = {});

  /// next_wave returns the phones whose turn it is; `asked` or `not_asked` must follow.
  std::vector<std::string> next_wave(core::Time now) { return waves_.next(now); }

  /// asked makes a wave reset_sent, but those that the registrar could not ask because they are not
  /// registered (`missing`). These wait until they register, and are failed when that takes longer
  /// than kHeardWithin while the registrar is there. `wave` is how the phones stood just before:
  /// their Call-IDs are no return from now on.
  void asked(const std::vector<PhoneLook>& wave, const std::vector<std::string>& missing,
             core::Time now);

  /// not_asked says that the registrar is away: only one that is there knows who is missing.
  void not_asked(const std::vector<std::string>& wave);

  void want(core::JobWanted wanted, core::Time now);

  /// observe moves on who is looked at.
  void observe(const std::vector<PhoneLook>& looks, core::Time now) {
    waves_.observe(looks, *this, now);
  }

  /// due returns whom to look at now even though nothing may have changed.
  std::vector<std::string> due(core::Time now) { return waves_.due(now); }

  std::vector<core::JobItem> take_changes() { return waves_.take_changes(); }

  const Waves& book() const { return waves_; }

  /// finished is true when no phone is waiting or on its way, and none registered just now of whom
  /// it is not known yet whether it belongs to the job.
  bool finished() const { return undecided_.empty() && waves_.finished(); }

  static constexpr std::chrono::seconds kAnswersWithin{2};
  static constexpr std::chrono::seconds kHeardWithin{30};
  static constexpr std::chrono::seconds kSentWithin{60};
  static constexpr std::chrono::seconds kListSeenWithin{5};
  static constexpr std::chrono::seconds kMovedWithin{30};
  static constexpr std::chrono::seconds kTakenInAfter{1};
  static constexpr std::chrono::seconds kBackWithin{300};
  static constexpr std::chrono::seconds kLookForMissingEvery{5};
  static constexpr std::chrono::seconds kLookAtContestedEvery{1};
  static constexpr unsigned kAgainAtMost = 2;

 private:
  /// Before is how a phone was registered when it was asked.
  struct Before {
    std::set<std::string> calls;
    std::set<std::string> addresses;
  };

  /// Anew is a phone's registration since its reset: where it was, or only elsewhere.
  struct Anew {
    const core::Registration* home = nullptr;
    const core::Registration* elsewhere = nullptr;
  };

  WaveNext judge(const WavePhone& phone, const PhoneLook& look, Limits& limits) override;
  void meet(const PhoneLook& look, Limits& limits) override;

  WaveNext judge_reset(const WavePhone& phone, const PhoneLook& look, Limits& limits);
  WaveNext judge_notify(const WavePhone& phone, const PhoneLook& look, const core::ResetRow* reset,
                        Limits& limits) const;
  std::optional<WaveNext> judge_answer(const PhoneLook& look, const core::ResetRow& reset,
                                       Limits& limits) const;
  WaveNext judge_back(const WavePhone& phone, const core::Registration& back,
                      const PhoneTrust& trust, Limits& limits) const;
  Anew new_registration(const PhoneLook& look, core::Time since) const;
  void take_up_addresses(const PhoneLook& look);

  Goal goal_;
  Waves waves_;
  std::map<std::string, Before> before_;
  std::map<std::string, core::Time> missing_since_;
  std::map<std::string, core::Time> undecided_;  ///< who registered just now, and when first
};

}  // namespace ringfence::services::admin
