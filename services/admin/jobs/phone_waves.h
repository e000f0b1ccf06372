// Resetting phones in waves and following each to its return: what jobs of several kinds do.
#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "services/admin/jobs/jobs.h"
#include "services/admin/jobs/phone_news.h"
#include "services/admin/jobs/phone_watch.h"
#include "services/admin/node/house.h"
#include "services/admin/node/service_control.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// PhoneWaves does the waves of the job kinds "regenerate" and "phone-reset": it asks the
/// registrar, reads the news, and writes down what PhoneWatch makes of them. One job, one thread.
///
/// Paused, it tells no further phones. Cancelled, it leaves out those whose turn has not come or
/// that have not answered, and follows the others to their end. While Cisco CallManager is away it
/// waits for it, at most five minutes, and not at all when an administrator stopped it.
class PhoneWaves {
 public:
  struct Parts {
    House& house;
    TrustKeeper& keeper;
    ServiceControl& services;
    Jobs& jobs;
  };

  struct Terms {
    std::string kind = "reset";  ///< of the NOTIFY
    PhoneWatch::Goal goal = PhoneWatch::Goal::list;
    std::set<std::string> lists;            ///< SHA-1s that count beside the one in force
    std::string step = "resetting phones";  ///< what the job says while it goes on
    WavePace pace = {};
  };

  /// save writes the job down and tells who waits; stopping_within waits, and says whether the
  /// daemon is being stopped.
  struct Host {
    std::function<void(core::Job& job)> save;
    std::function<bool(std::chrono::milliseconds time)> stopping_within;
  };

  PhoneWaves(const Parts& parts, Terms terms, Host host)
      : parts_(parts), terms_(std::move(terms)), host_(std::move(host)) {}

  /// items_of_registered are the phones that are registered now, waiting: a job's items.
  static std::vector<core::JobItem> items_of_registered(House& house);

  /// not_told are the phones, by name, that cannot be told now and are not among `items`: they hold
  /// a trust list, or were registered and left a NOTIFY unanswered.
  static std::vector<std::string> not_told(House& house, const std::vector<core::JobItem>& items);

  /// run returns true when every phone of the job is in its final state, false when the daemon is
  /// being stopped: its next start goes on. A step that fails, because admin.db cannot be written
  /// say, is tried again from what is written down, for five minutes. Throws what it failed for
  /// then, and Error{io} when Cisco CallManager stays away.
  bool run(core::Job& job);

  /// close turns every phone of a job that ends early into not_returned.
  static void close(House& house, std::int64_t job);

 private:
  /// follow goes on from the job's rows; each step that ends well sets `failures` to 0.
  bool follow(core::Job& job, int& failures);
  void send_wave(core::Job& job, PhoneWatch& watch, PhoneNews& news, core::Time now);
  /// tell has the registrar ask `wave` and returns who is not registered. Throws Error{io} when
  /// Cisco CallManager does not answer.
  std::vector<std::string> tell(const core::Job& job, const std::vector<std::string>& wave);
  void look_for_registrar();
  void heed(core::Job& job, PhoneWatch& watch, core::Time now);
  void note_step(core::Job& job, const std::string& step);
  /// note writes down who has moved.
  void note(const core::Job& job, PhoneWatch& watch);

  Parts parts_;
  Terms terms_;
  Host host_;
  std::string registrar_away_;  ///< why nobody comes back now, and the cure; "" while they can
  std::chrono::steady_clock::time_point look_for_registrar_at_{};
  std::chrono::steady_clock::time_point registrar_seen_{};
  bool given_up_ = false;  ///< Cisco CallManager stayed away: trying again would not help
};

}  // namespace ringfence::services::admin
