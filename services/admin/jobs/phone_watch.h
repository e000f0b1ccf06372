// Which phones came back from a reset and believe the new list: judged from what the registrar and
// the trust ledger know, and nothing else.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/registration_store.h"
#include "core/plans/job_store.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

/// Evidence is what the neighbours' databases say at one moment.
struct Evidence {
  std::vector<core::Registration> registrations;  ///< current ones
  std::map<std::string, PhoneTrust> trust;        ///< of `PhoneWatch::asked_about`, in the new list
  std::vector<core::ResetRow> resets;             ///< of this job
};

/// PhoneWatch follows the phones of one job to a final state each. Pure: no clock, no database.
class PhoneWatch {
 public:
  /// Goal is what makes a phone returned: the new list where it fetches lists, and a registration;
  /// a registration alone; an answer to its NOTIFY.
  enum class Goal { list, registration, answer };

  /// `resets` are the job's so far: after a crash they tell who was asked, whatever the item says.
  /// A phone that an earlier run of the daemon asked is judged by time alone, since its Call-IDs
  /// from before are not kept.
  PhoneWatch(std::vector<core::JobItem> items, const std::vector<core::ResetRow>& resets,
             Goal goal = Goal::list);

  /// observe moves items on and returns those that changed. A phone that was reset becomes
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
  /// - not_returned when it is not back within kBackWithin.
  std::vector<core::JobItem> observe(const Evidence& evidence, core::Time now);

  /// take_in makes phones part of the job that registered since it began, from the address where
  /// they are known, and have not taken the new list: they booted with the old one. Returns them.
  std::vector<core::JobItem> take_in(const Evidence& evidence, core::Time now);

  /// asked_about returns the phones of whom the next observe and take_in need the trust: those that
  /// may still move, and those registered that use lists and are not part of the job.
  std::vector<std::string> asked_about(const std::vector<core::Registration>& registrations) const;

  /// next_wave marks up to `room` minus the phones on their way as reset_sent and returns them. The
  /// Call-IDs of their `registrations` are no return from now on.
  std::vector<core::JobItem> next_wave(const std::vector<core::Registration>& registrations,
                                       std::size_t room, core::Time now);

  /// put_back returns a wave that could not be asked for to waiting.
  void put_back(const std::vector<core::JobItem>& wave, core::Time now);

  /// unreachable takes the phones of a wave that the registrar could not ask, because they are not
  /// registered, and returns them. They wait until they register, and are failed when that takes
  /// longer than kHeardWithin while the registrar is there.
  std::vector<core::JobItem> unreachable(const std::vector<std::string>& phones, core::Time now);

  /// cancel_waiting makes the phones whose turn has not come cancelled, and returns them.
  std::vector<core::JobItem> cancel_waiting(core::Time now);

  /// cancel_unanswered makes those cancelled that were told kAnswersWithin ago and have not
  /// answered, or refused, and returns them: a cancelled job does not wait for phones that may be
  /// dead.
  std::vector<core::JobItem> cancel_unanswered(const std::vector<core::ResetRow>& resets,
                                               core::Time now);

  /// removed makes those removed that have not ended and are not `known` any more, and returns
  /// them.
  std::vector<core::JobItem> removed(const std::function<bool(const std::string&)>& known,
                                     core::Time now);

  /// finished is true when no phone is waiting or on its way, and none registered just now of whom
  /// it is not known yet whether it belongs to the job.
  bool finished() const;

  static constexpr std::chrono::seconds kAnswersWithin{2};
  static constexpr std::chrono::seconds kHeardWithin{30};
  static constexpr std::chrono::seconds kSentWithin{60};
  static constexpr std::chrono::seconds kListSeenWithin{5};
  static constexpr std::chrono::seconds kMovedWithin{30};
  static constexpr std::chrono::seconds kTakenInAfter{2};
  static constexpr std::chrono::seconds kBackWithin{300};
  static constexpr std::chrono::seconds kLookForMissingEvery{5};
  static constexpr unsigned kAgainAtMost = 2;

 private:
  using Contacts = std::vector<const core::Registration*>;

  /// Missing is a phone that was to be asked and was not registered.
  struct Missing {
    core::Time since;
    core::Time asked;
  };

  /// Next is what becomes of a phone, and why.
  struct Next {
    core::ItemState state;
    std::string detail = {};
  };

  /// Anew is a phone's registration since its reset: where it was, or only elsewhere.
  struct Anew {
    const core::Registration* home = nullptr;
    const core::Registration* elsewhere = nullptr;
  };

  Next judge(const core::JobItem& item, const Contacts& contacts, const PhoneTrust& trust,
             const core::ResetRow* reset, core::Time now);
  std::optional<Next> judge_answer(const core::JobItem& item, const PhoneTrust& trust,
                                   const core::ResetRow& reset, core::Time now) const;
  Next judge_back(const core::JobItem& item, const core::Registration& back,
                  const PhoneTrust& trust, core::Time now);
  Anew new_registration(const core::JobItem& item, const Contacts& contacts,
                        const std::string& home, core::Time since) const;
  void take_up_addresses(const std::vector<core::Registration>& registrations);
  /// again returns waiting when the phone may be asked once more, else reset_sent.
  core::ItemState again(const std::string& phone);

  Goal goal_;
  std::map<std::string, core::JobItem> items_;
  std::map<std::string, std::set<std::string>> calls_before_;
  std::map<std::string, std::set<std::string>> addresses_before_;
  std::map<std::string, unsigned> asked_again_;
  std::map<std::string, Missing> missing_;
  bool undecided_ = false;  ///< somebody registered just now
  bool cancelled_ = false;
  bool looked_ = false;  ///< observe was called
};

/// fetches_trust_lists tells whether a device of this name is one that asks for an ITL: hardware
/// phones and ATAs do, soft clients (CSF, BOT, TCT, TAB) do not (cucm-behaviour 3.4).
bool fetches_trust_lists(std::string_view device);

}  // namespace ringfence::services::admin
