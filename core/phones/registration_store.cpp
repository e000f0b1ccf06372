// Registrations and resets as rows.
#include "core/phones/registration_store.h"

#include <fmt/format.h>

#include "core/phones/change_log.h"
#include "core/phones/trust_sign.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

/// rows returns the registrations that `condition` selects, with the keys that it binds.
template <typename... Keys>
std::vector<Registration> registrations_of(Database& database, std::string_view condition,
                                           const Keys&... keys) {
  Registration row;
  Database::Prepared select(
      database,
      "select device, contact, contact_user, call_id, transport, peer, user_agent,"
      " registered_at, refreshed_at, expires_at, target, silent_since from registration" +
          std::string(condition) + " order by device, contact, address");
  select.into(row.device).into(row.contact).into(row.contact_user).into(row.call_id);
  select.into(row.transport).into(row.peer).into(row.user_agent).into(row.registered_at);
  select.into(row.refreshed_at).into(row.expires_at).into(row.target).into(row.silent_since);
  (select.use(keys), ...);
  std::vector<Registration> result;
  for (bool more = select.execute(); more; more = select.fetch()) result.push_back(row);
  return result;
}

}  // namespace

void RegistrationStore::save(const std::vector<Registration>& registrations) {
  if (registrations.empty()) return;
  database_.write([&](soci::session& sql) {
    Registration row;
    std::string address;
    // A refresh is no change that a follower of the log wants to know.
    soci::statement note =
        (sql.prepare << "insert into device_change (device)"
                        " select :device where not exists (select 1 from registration"
                        " where device = :same and contact = :contact and address = :address"
                        " and call_id = :call and peer = :peer and registered_at = :registered"
                        " and silent_since is not distinct from :silent) on conflict (device)"
                        " do update set id = (select max(id) + 1 from device_change)",
         soci::use(row.device), soci::use(row.device), soci::use(row.contact), soci::use(address),
         soci::use(row.call_id), soci::use(row.peer), soci::use(row.registered_at),
         soci::use(row.silent_since));
    soci::statement insert =
        (sql.prepare
             << "insert into registration (device, contact, address, contact_user, call_id,"
                " transport, peer, user_agent, registered_at, refreshed_at, expires_at, target,"
                " silent_since) values"
                " (:device, :contact, :address, :user, :call, :transport, :peer, :agent,"
                " :registered, :refreshed, :expires, :target, :silent)"
                " on conflict (device, contact, address) do update set contact_user = "
                "excluded.contact_user,"
                " call_id = excluded.call_id, transport = excluded.transport,"
                " peer = excluded.peer, user_agent = excluded.user_agent,"
                " registered_at = excluded.registered_at, refreshed_at = excluded.refreshed_at,"
                " expires_at = excluded.expires_at, target = excluded.target,"
                " silent_since = excluded.silent_since",
         soci::use(row.device), soci::use(row.contact), soci::use(address),
         soci::use(row.contact_user), soci::use(row.call_id), soci::use(row.transport),
         soci::use(row.peer), soci::use(row.user_agent), soci::use(row.registered_at),
         soci::use(row.refreshed_at), soci::use(row.expires_at), soci::use(row.target),
         soci::use(row.silent_since));
    for (const Registration& registration : registrations) {
      row = registration;
      address = address_text(row.peer);
      note.execute(true);
      insert.execute(true);
    }
  });
}

void RegistrationStore::remove(std::string_view device, std::string_view contact,
                               std::string_view address) {
  const std::string name(device);
  const std::string uri(contact);
  const std::string from(address);
  database_.write([&](soci::session& sql) {
    sql << "delete from registration where device = :device and contact = :contact and"
           " address = :address",
        soci::use(name), soci::use(uri), soci::use(from);
    ChangeLog(database_).note(name);
  });
}

void RegistrationStore::remove_expired(Time now) {
  database_.write([&](soci::session& sql) {
    std::set<std::string> devices;
    std::string device;
    {
      Database::Prepared select(database_,
                                "select device from registration where expires_at <= :now");
      select.into(device).use(now);
      for (bool more = select.execute(); more; more = select.fetch()) devices.insert(device);
    }
    for (const std::string& one : devices) ChangeLog(database_).note(one);
    sql << "delete from registration where expires_at <= :now", soci::use(now);
  });
}

std::vector<Registration> RegistrationStore::find(std::string_view device) const {
  const std::string name(device);
  return database_.read([&](soci::session& /*sql*/) {
    return registrations_of(database_, " where device = :device", name);
  });
}

std::vector<Registration> RegistrationStore::list() const {
  return database_.read([&](soci::session& /*sql*/) { return registrations_of(database_, ""); });
}

std::vector<Registration> RegistrationStore::list_of(const std::string& after,
                                                     const std::string& last) const {
  return database_.read([&](soci::session& /*sql*/) {
    return registrations_of(database_, " where device > :after and device <= :last", after, last);
  });
}

void RegistrationStore::reset_sent(const std::vector<ResetRow>& resets) {
  if (resets.empty()) return;
  database_.write([&](soci::session& sql) {
    ResetRow row;
    long long id = 0;
    soci::statement insert =
        (sql.prepare << "insert into reset (id, device, kind, sent_at, answered_at, status)"
                        " values (:id, :device, :kind, :sent, :answered, :status)"
                        " on conflict (id, device) do update set kind = excluded.kind,"
                        " sent_at = excluded.sent_at, answered_at = excluded.answered_at,"
                        " status = excluded.status, answered_by = ''",
         soci::use(id), soci::use(row.device), soci::use(row.kind), soci::use(row.sent_at),
         soci::use(row.answered_at), soci::use(row.status));
    for (const ResetRow& reset : resets) {
      row = reset;
      id = reset.id;
      insert.execute(true);
      ChangeLog(database_).note(row.device);
    }
  });
}

void RegistrationStore::reset_answered(std::int64_t id, std::string_view device, int status,
                                       Time at, const std::string& by) {
  const long long number = id;
  const std::string name(device);
  database_.write([&](soci::session& sql) {
    sql << "update reset set status = :status, answered_at = :at,"
           " answered_by = trim(answered_by || ' ' || :by) where id = :id and device = :device",
        soci::use(status), soci::use(at), soci::use(by), soci::use(number), soci::use(name);
    ChangeLog(database_).note(name);
  });
}

std::vector<ResetRow> RegistrationStore::resets(std::int64_t id) const {
  const long long number = id;
  return database_.read([&](soci::session& sql) {
    ResetRow row;
    row.id = id;
    soci::statement select =
        (sql.prepare << "select device, kind, sent_at, answered_at, status, answered_by from reset"
                        " where id = :id order by device",
         soci::into(row.device), soci::into(row.kind), soci::into(row.sent_at),
         soci::into(row.answered_at), soci::into(row.status), soci::into(row.answered_by),
         soci::use(number));
    select.execute();
    std::vector<ResetRow> result;
    while (select.fetch()) result.push_back(row);
    return result;
  });
}

std::optional<ResetRow> RegistrationStore::reset(std::int64_t id, const std::string& device) const {
  const long long number = id;
  return database_.read([&](soci::session& /*sql*/) -> std::optional<ResetRow> {
    ResetRow row;
    row.id = id;
    row.device = device;
    Database::Prepared select(database_,
                              "select kind, sent_at, answered_at, status, answered_by from reset"
                              " where id = :id and device = :device");
    select.into(row.kind).into(row.sent_at).into(row.answered_at).into(row.status);
    select.into(row.answered_by).use(number).use(device);
    if (!select.execute()) return std::nullopt;
    return row;
  });
}

std::size_t RegistrationStore::prune_resets(Time before, const std::set<std::int64_t>& keep,
                                            std::size_t most) {
  const std::string kept = fmt::format("{}", fmt::join(keep, ", "));
  const auto limit = static_cast<std::int64_t>(most);
  return database_.write([&](soci::session& sql) {
    soci::statement erase =
        (sql.prepare << "delete from reset where (id, device) in (select id, device from reset"
                        " where sent_at < :before and id not in (" +
                            kept + ") order by sent_at limit :most)",
         soci::use(before), soci::use(limit));
    erase.execute(true);
    return static_cast<std::size_t>(erase.get_affected_rows());
  });
}

void RegistrationStore::registrar_started(Time at) {
  database_.write([&](soci::session& sql) {
    sql << "insert into registrar (id, started, stopped) values (1, :at, null)"
           " on conflict (id) do update set started = excluded.started, stopped = null",
        soci::use(at);
  });
}

void RegistrationStore::registrar_stopped(Time at) {
  database_.write(
      [&](soci::session& sql) { sql << "update registrar set stopped = :at", soci::use(at); });
}

std::optional<RegistrarRun> RegistrationStore::registrar() const {
  return database_.read([](soci::session& sql) -> std::optional<RegistrarRun> {
    RegistrarRun run;
    sql << "select started, stopped from registrar where id = 1", soci::into(run.started),
        soci::into(run.stopped);
    if (!sql.got_data()) return std::nullopt;
    return run;
  });
}

}  // namespace ringfence::core
