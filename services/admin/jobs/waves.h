// The book of a job that asks phones in waves: who waits, who is on the way, who is over, and whom
// to look at when.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/plans/job_store.h"
#include "services/admin/jobs/deadlines.h"
#include "services/admin/jobs/phone_look.h"

namespace ringfence::services::admin {

/// WavePace is how fast a job goes.
struct WavePace {
  std::size_t room = 500;     ///< phones on their way at a time
  std::size_t at_once = 500;  ///< phones of one wave
  /// How long a phone on its way takes up room at most; nothing: until it is over.
  std::optional<std::chrono::seconds> holds_room = {};
};

/// Limits tells a policy whether a time is over, and remembers the first that is not: then the
/// phone is judged once more. So no rule can be without its timer.
class Limits {
 public:
  explicit Limits(core::Time now) : now_(now) {}

  /// over tells whether more than `within` has passed since `since`.
  bool over(core::Time since, std::chrono::seconds within);
  void look_again(std::chrono::seconds in);  ///< whatever happens

  core::Time now() const noexcept { return now_; }

  const std::optional<core::Time>& next() const noexcept { return next_; }

 private:
  core::Time now_;
  std::optional<core::Time> next_;
};

/// WavePhone is a phone of the book.
struct WavePhone {
  core::JobItem item;
  unsigned asked_again = 0;  ///< how often it was asked once more
};

/// WaveNext is where a phone stands from now on, and why.
struct WaveNext {
  core::ItemState state;
  std::string detail = {};
  bool again = false;  ///< it is asked once more, which counts
};

/// WavePolicy is what a kind of job supplies: what counts as back, how often a phone is asked
/// again, when it is given up.
class WavePolicy {
 public:
  WavePolicy() = default;
  virtual ~WavePolicy() = default;

  /// judge says where a phone of the job stands by what is known of it now.
  virtual WaveNext judge(const WavePhone& phone, const PhoneLook& look, Limits& limits) = 0;

  /// meet is told of a phone that is none of the job's.
  virtual void meet(const PhoneLook& look, Limits& limits) = 0;

 protected:
  WavePolicy(const WavePolicy&) = default;
  WavePolicy& operator=(const WavePolicy&) = default;
};

/// Waves is that book. A phone waits; has its turn and is on its way (reset_sent, applied,
/// enrolling) or away; and ends, from where news may still bring it to a better end. Pure: no
/// clock, no database, one thread. Each call costs what it moves, not what the job has.
class Waves {
 public:
  Waves(std::vector<core::JobItem> items, const WavePace& pace);

  /// next returns the phones whose turn it is, by name: as many as there is room for beside those
  /// on their way, nobody while the job is paused or cancelled. They wait until they are moved.
  std::vector<std::string> next(core::Time now);

  /// want takes what an administrator wants: paused, nobody gets his turn; cancelled, who waits
  /// (now, or again later) is cancelled with `detail`.
  void want(core::JobWanted wanted, core::Time now, const std::string& detail = "");

  /// put_off keeps a waiting phone from its turn until then; call_up ends that.
  void put_off(const std::string& phone, core::Time until);
  void call_up(const std::string& phone);

  void move(const std::string& phone, core::ItemState state, const std::string& detail,
            core::Time now);
  void add(core::JobItem item);  ///< a further phone
  /// set takes an item as the caller has written it down.
  void set(core::JobItem item);
  /// retouch counts the times of a phone that stays where it is from now on.
  void retouch(const std::string& phone, core::Time now);

  /// observe judges the phones of these looks: removed is who is unknown and not over.
  void observe(const std::vector<PhoneLook>& looks, WavePolicy& policy, core::Time now);

  /// due takes the phones that must be looked at now though nothing may be new of them.
  std::vector<std::string> due(core::Time now) { return deadlines_.take_due(now); }

  void look_at(const std::string& phone, core::Time at) { deadlines_.set(phone, at); }

  /// take_changes returns the items that changed since the last call, for the store.
  std::vector<core::JobItem> take_changes();

  bool has(const std::string& phone) const { return phones_.contains(phone); }

  const WavePhone& at(const std::string& phone) const { return phones_.at(phone); }

  /// in returns who is in a state that is not an end, by name.
  const std::set<std::string>& in(core::ItemState state) const;

  bool finished() const { return unfinished_ == 0; }

  const core::JobCounts& counts() const { return counts_; }

  bool cancelled() const { return wanted_ == core::JobWanted::cancel; }

  /// followed returns, in no order, whom news may move: not who waits for his turn, nor who has
  /// reached the best end.
  std::vector<std::string> followed() const;

 private:
  void index(const core::JobItem& item, std::optional<core::ItemState> before);
  void cancel_waiting(core::Time now);

  WavePace pace_;
  core::JobWanted wanted_ = core::JobWanted::run;
  std::string cancelled_why_;
  std::unordered_map<std::string, WavePhone> phones_;
  std::map<core::ItemState, std::set<std::string>> in_;  ///< of the states that are no ends
  std::size_t unfinished_ = 0;
  core::JobCounts counts_;
  std::set<std::string> ready_;   ///< of those that wait, who is not put off
  std::set<std::string> on_way_;  ///< who takes up room
  Deadlines put_off_;
  Deadlines room_;       ///< when who is on his way takes up none any more
  Deadlines deadlines_;  ///< whom to look at
  std::set<std::string> changed_;
};

}  // namespace ringfence::services::admin
