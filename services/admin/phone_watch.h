// Which phones came back from a reset with the new list: judged from what the registrar and the
// file server know, and nothing else.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/fetch_store.h"
#include "core/phones/registration_store.h"
#include "core/plans/job_store.h"

namespace ringfence::services::admin {

/// Evidence is what the neighbours' databases say at one moment.
struct Evidence {
  std::vector<core::Registration> registrations;  ///< current ones
  std::vector<core::Fetch> itls;                  ///< last one a device
  std::vector<core::ResetRow> resets;             ///< of this job
  std::set<std::string> good_itls;                ///< SHA-1s of the lists that count as new
};

/// PhoneWatch follows the phones of one job to a final state each. Pure: no clock, no database.
class PhoneWatch {
 public:
  /// `calls_before` holds each phone's Call-IDs before its reset: a registration with one of them
  /// is not a return. A phone without an entry (after a daemon's restart) is judged by time alone.
  PhoneWatch(std::vector<core::JobItem> items,
             std::map<std::string, std::set<std::string>> calls_before);

  /// observe moves items on and returns those that changed. A phone that was reset becomes
  ///
  /// - returned when it registered after its reset and, if it fetches trust lists at all, has a
  /// good
  ///   one; also when it was given up before;
  /// - failed when it refused the NOTIFY, or did not answer it nor come back within kHeardWithin:
  ///   it may have been starting just then;
  /// - waiting again when the registrar never sent its NOTIFY within kSentWithin: it was restarted;
  /// - not_returned when it answered and is not back within kBackWithin.
  std::vector<core::JobItem> observe(const Evidence& evidence, core::Time now);

  /// next_wave marks up to `room` minus the phones on their way as reset_sent and returns them.
  std::vector<core::JobItem> next_wave(std::size_t room, core::Time now);

  /// put_back returns a wave that could not be asked for to waiting.
  void put_back(const std::vector<core::JobItem>& wave, core::Time now);

  /// unreachable turns the phones that the registrar could not ask (not registered any more, or
  /// their connection ended) into failed ones and returns them.
  std::vector<core::JobItem> unreachable(const std::vector<std::string>& phones, core::Time now);

  /// finished is true when no phone is waiting or on its way.
  bool finished() const;

  static constexpr std::chrono::seconds kHeardWithin{30};
  static constexpr std::chrono::seconds kSentWithin{60};
  static constexpr std::chrono::seconds kBackWithin{300};

 private:
  core::ItemState judge(const core::JobItem& item,
                        const std::vector<const core::Registration*>& contacts,
                        const core::Fetch* itl, const core::ResetRow* reset,
                        const std::set<std::string>& good_itls, core::Time now) const;
  bool returned(const core::JobItem& item, const std::vector<const core::Registration*>& contacts,
                const core::Fetch* itl, const core::ResetRow* reset,
                const std::set<std::string>& good_itls) const;

  std::map<std::string, core::JobItem> items_;
  std::map<std::string, std::set<std::string>> calls_before_;
};

/// fetches_trust_lists tells whether a device of this name is one that asks for an ITL: hardware
/// phones and ATAs do, soft clients (CSF, BOT, TCT, TAB) do not (cucm-behaviour 3.4).
bool fetches_trust_lists(std::string_view device);

}  // namespace ringfence::services::admin
