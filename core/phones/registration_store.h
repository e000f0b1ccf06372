// Who is registered, and how resets were answered. callmanager.db, written by
// ringfence-callmanager alone.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// Registration is what a registrar must keep per contact (cucm-behaviour 7.1). Two addresses may
/// register the same contact: each has its own.
struct Registration {
  std::string device;        ///< "SEP…"
  std::string contact;       ///< the contact URI, the key with `device` and the address of `peer`
  std::string contact_user;  ///< its user part: the Request-URI of a NOTIFY
  std::string call_id;       ///< of the last REGISTER
  std::string transport;     ///< "udp", "tcp", "tls"
  std::string peer;          ///< "address:port" the REGISTER came from
  std::string user_agent;
  Time
      registered_at;  ///< of the last REGISTER that was a new registration (new Call-ID or expired)
  Time refreshed_at;  ///< of the last REGISTER
  Time expires_at;
  /// "address:port" where the phone listens, the address always that of `peer`; empty: `peer`.
  std::string target{};
  /// Since when a NOTIFY has gone unanswered; absent once the phone has spoken again.
  std::optional<Time> silent_since{};

  bool answers() const noexcept { return !silent_since; }
};

/// ResetRow is one NOTIFY that was asked for, and what the phone said.
struct ResetRow {
  std::int64_t id = 0;  ///< the admin's number for this reset
  std::string device;
  std::string kind;  ///< "reset", "restart", "apply-config"
  Time sent_at;
  std::optional<Time> answered_at;
  int status = 0;  ///< SIP status, 0 while unanswered, 408 when it never was
  /// The addresses that answered with 2xx, apart by blanks: other hosts may register as the device.
  std::string answered_by = {};
};

/// RegistrarRun is when the registrar began to serve last, and when it stopped in good order; one
/// that was killed has no `stopped`.
struct RegistrarRun {
  Time started;
  std::optional<Time> stopped;
};

/// RegistrationStore keeps them. Safe from several threads. Errors: `io`.
class RegistrationStore {
 public:
  /// `database` is callmanager.db; the reading calls work read-only too.
  explicit RegistrationStore(Database& database) : database_(database) {}

  /// save inserts or updates by device, contact and address; many at once cost one commit.
  void save(const Registration& registration) { save(std::vector{registration}); }

  void save(const std::vector<Registration>& registrations);
  void remove(std::string_view device, std::string_view contact, std::string_view address);
  void remove_expired(Time now);  ///< those whose `expires_at` is not after `now`
  std::vector<Registration> find(std::string_view device) const;  ///< one a contact
  std::vector<Registration> list() const;                         ///< by device
  /// list_of is list for the devices after `after`, up to and with `last`.
  std::vector<Registration> list_of(const std::string& after, const std::string& last) const;

  /// reset_sent records what was sent; many at once cost one commit.
  void reset_sent(const ResetRow& row) { reset_sent(std::vector{row}); }

  void reset_sent(const std::vector<ResetRow>& resets);
  /// reset_answered notes an answer; `by` is the address of a 2xx, of which each is noted.
  void reset_answered(std::int64_t id, std::string_view device, int status, Time at,
                      const std::string& by = "");
  /// resets returns those of one number, by device.
  std::vector<ResetRow> resets(std::int64_t id) const;

  /// reset returns that of one number for a device.
  std::optional<ResetRow> reset(std::int64_t id, const std::string& device) const;

  /// prune_resets takes away at most `most` resets sent before `before`, but those of the numbers
  /// in `keep`; returns how many.
  std::size_t prune_resets(Time before, const std::set<std::int64_t>& keep, std::size_t most);

  void registrar_started(Time at);
  void registrar_stopped(Time at);
  std::optional<RegistrarRun> registrar() const;  ///< nothing before the first start

 private:
  Database& database_;
};

}  // namespace ringfence::core
