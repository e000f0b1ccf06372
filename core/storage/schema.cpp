// The SQL of every table. Times are seconds since 1970 UTC (where signs of trust are:
// milliseconds), bytes are hexadecimal text.
#include "core/storage/schema.h"

#include <string>

#include <soci/soci.h>

namespace ringfence::core {
namespace {

// A migration that has shipped is never changed: add another one. What only SQLite understands is
// marked; the rest is what it shares with PostgreSQL.

/// What a daemon saw of which phone's trust; the same table in four files. A sign that is seen
/// again is a new row, so that its id tells the order.
const Migration kTrustSigns = {
    "create table trust_sign ("
    " id integer primary key autoincrement, device text not null, kind text not null,"
    " peer text not null, subject text not null, detail text not null, at bigint not null,"
    " unique (device, kind, peer, subject))",
    "create index trust_sign_by_peer on trust_sign (peer) where device = ''",
};

// Of which devices something changed, in the order in which it did: core/phones/change_log.
const Migration kDeviceChanges = {
    "create table device_change ("
    " id integer primary key autoincrement, device text not null unique)",
};

const std::vector<Migration> kAdmin = {
    {
        "create table phone ("
        " name text not null primary key, model text not null, description text not null,"
        " device_pool text not null, operation text not null, auth_mode text not null,"
        " auth_string text not null, key_order text not null, rsa_bits integer not null,"
        " ec_bits integer not null, completes_by bigint, request bigint not null,"
        " config_stamp text not null)",
        "create table capf_request (last bigint not null)",
        "insert into capf_request (last) values (0)",

        "create table certificate ("
        " unit text not null primary key, der text not null, key_label text not null,"
        " key_version bigint not null, created bigint not null, description text not null)",
        "create table trust_certificate ("
        " store text not null, file text not null, der text not null, added bigint not null,"
        " description text not null, primary key (store, file))",
        "create table trust_list_version ("
        " id bigint not null primary key, kind text not null, signer text not null,"
        " sha1 text not null, reason text not null, content text not null,"
        " published bigint not null)",
        "create index trust_list_version_by_kind on trust_list_version (kind, id)",

        "create table job ("
        " id bigint not null primary key, kind text not null, arguments text not null,"
        " who text not null, state text not null, step text not null, message text not null,"
        " started bigint not null, finished bigint)",
        "create index job_by_state on job (state)",
        "create table job_item ("
        " job bigint not null references job (id), phone text not null, state text not null,"
        " changed bigint not null, primary key (job, phone))",

        "create table account (name text not null primary key, level integer not null,"
        " check (level in (0, 1, 4)))",
        "create table audit ("
        " sequence bigint not null primary key, at bigint not null, who text not null,"
        " event text not null, detail text not null, hash text not null)",
        // SQLite's way to say it; PostgreSQL: revoke update, delete.
        "create trigger audit_is_never_changed before update on audit"
        " begin select raise(abort, 'the audit log is append-only'); end",
        "create trigger audit_is_never_shortened before delete on audit"
        " begin select raise(abort, 'the audit log is append-only'); end",
        "create table setting (name text not null primary key, value text not null)",
    },
    {
        // What a phone security profile fixes, and which one a phone has ('' for none).
        "create table security_profile ("
        " name text not null primary key, auth_mode text not null, key_order text not null,"
        " rsa_bits integer not null, ec_bits integer not null)",
        "alter table phone add column security_profile text not null default ''",
        // The pending CSR of a unit, its key waiting in the token; a new one replaces it.
        "create table csr ("
        " unit text not null primary key, der text not null, key_label text not null,"
        " key_version bigint not null, created bigint not null)",
        // What an administrator wants of a job: run, pause or cancel.
        "alter table job add column wanted text not null default 'run'",
        // Of a bulk job: which request was asked, what is said of a failure, and the authentication
        // string that the phone gets when its turn comes ('' from then on).
        "alter table job_item add column request bigint not null default 0",
        "alter table job_item add column detail text not null default ''",
        "alter table job_item add column secret text not null default ''",
        "create index job_item_by_state on job_item (job, state, phone)",
    },
    {
        // Which trust list a phone was last proven to hold ('' for none yet), from which address,
        // and by what; times in milliseconds, as the signs that prove it.
        "create table trust_holding ("
        " device text not null primary key, sha1 text not null, peer text not null,"
        " evidence text not null, at bigint not null)",
    },
    {
        // Of CAPF-trust: what CAPF believes of those that the certificate signed: mic, capf, ca;
        // '' goes by what the certificate is.
        "alter table trust_certificate add column purpose text not null default ''",
    },
    {
        // What shows that `peer` is the phone's: identified, registered, or '' for nothing. Of what
        // was proven before this was written down, the registration is taken for granted.
        "alter table trust_holding add column address_proof text not null default ''",
        "update trust_holding set address_proof = 'registered' where sha1 <> ''",
        // How the phone's record was before a bulk job changed it, until the job is over.
        "alter table job_item add column before text not null default ''",
    },
    {
        // The nodes of the cluster. Row 1 is this one, whose name and places its configuration
        // says: they are filled in at the next start. `imported` is null for it.
        "create table node ("
        " id bigint not null primary key, role text not null, name text not null,"
        " domain text not null, addresses text not null, sip integer not null,"
        " sips integer not null, tvs integer not null, capf integer not null,"
        " services text not null, imported bigint)",
        "insert into node (id, role, name, domain, addresses, sip, sips, tvs, capf, services)"
        " values (1, 'publisher', '', '', '', 5060, 5061, 2445, 3804, 'callmanager tftp tvs capf')",
        // A certificate belongs to a node and a unit; the keys of other nodes are not in this
        // token.
        "alter table certificate rename to certificate_before",
        "create table certificate ("
        " node bigint not null references node (id), unit text not null, der text not null,"
        " key_label text not null, key_version bigint not null, created bigint not null,"
        " description text not null, primary key (node, unit))",
        "insert into certificate select 1, unit, der, key_label, key_version, created,"
        " description from certificate_before",
        "drop table certificate_before",
        // Each node has its own list of a kind, and its own history.
        "alter table trust_list_version add column node bigint not null default 1",
        "drop index trust_list_version_by_kind",
        "create index trust_list_version_by_kind on trust_list_version (kind, node, id)",
    },
    kDeviceChanges,
    {
        // The id of the phone's authentication string in secrets.db, '' for none. `auth_string`,
        // and job_item's `secret` and `before`, are empty from now on: see core/plans/secret_move.
        "alter table phone add column secret text not null default ''",
    },
};

const std::vector<Migration> kSecrets = {{
    // `id` is what a phone's record of admin.db names.
    "create table auth_string (id text not null primary key, phone text not null,"
    " value text not null)",
    // Of a bulk job: the string that the phone gets at its turn, and its settings from before.
    "create table job_secret ("
    " job bigint not null, phone text not null, value text not null default '',"
    " settings_before text not null default '', primary key (job, phone))",
}};

const std::vector<Migration> kCapf = {
    {
        "create table issued ("
        " serial text not null primary key, phone text not null, request bigint not null,"
        " subject text not null, issuer text not null, der text not null, key text not null,"
        " not_after bigint not null, issued_at bigint not null, delivered_at bigint,"
        " confirmed_at bigint, deleted_at bigint)",
        "create index issued_by_phone on issued (phone, confirmed_at)",
        "create table outcome ("
        " phone text not null, request bigint not null, operation text not null,"
        " status text not null, at bigint not null, primary key (phone, request))",
    },
    {
        // A stale certificate that an administrator took off the list; the row stays, so that its
        // serial is never given again.
        "alter table issued add column cleared_at bigint",
        "create index issued_unconfirmed on issued (issued_at) where confirmed_at is null",
        "create index outcome_by_time on outcome (at)",
        // A key that waits for the certificate of an offline CA; `serial` once that was imported.
        "create table csr ("
        " phone text not null primary key, request bigint not null, spki text not null,"
        " key text not null, model text not null, peer text not null, created bigint not null,"
        " serial text)",
        // What phones did and were refused, the last few of each: evidence for show capf status.
        "create table event ("
        " id integer primary key autoincrement, at bigint not null, phone text not null,"
        " peer text not null, kind text not null, detail text not null)",
        "create index event_by_phone on event (phone, id)",
    },
    kTrustSigns,
    {
        // What comes later is told by numbers that only grow: a clock may be set back. `sequence`
        // is given when a certificate is issued, `held_sequence` when the phone says it holds it.
        "create table journal_number (last bigint not null)",
        "alter table issued add column sequence bigint not null default 0",
        "alter table issued add column held_sequence bigint",
        // The rows that are there came in the order of SQLite's rowid.
        "update issued set sequence = rowid",
        "create table held_order (serial text not null primary key, place bigint not null)",
        "insert into held_order (serial, place) select serial, row_number() over"
        " (order by request, rowid) from issued where confirmed_at is not null",
        "update issued set held_sequence ="
        " (select place from held_order where held_order.serial = issued.serial)"
        " where confirmed_at is not null",
        "drop table held_order",
        "insert into journal_number (last) select coalesce(max(rowid), 0) from issued",
        "create index issued_by_hold on issued (phone, held_sequence)",
        // SHA-256 of the public key, '' where it was not noted; who came for the certificate, and
        // the phone's known addresses when that was none of them.
        "alter table issued add column key_hash text not null default ''",
        "create index issued_by_key on issued (key_hash) where key_hash <> ''",
        "alter table issued add column peer text not null default ''",
        "alter table issued add column elsewhere text not null default ''",
        // When a Troubleshoot operation found that the phone has it no more.
        "alter table issued add column missing_at bigint",
        "create index csr_by_key on csr (spki)",
        // What the phone's last Troubleshoot showed as its LSC, when that is not what it holds by
        // this journal: none ('' as the serial), or one that was not issued here.
        "create table shown_lsc ("
        " phone text not null primary key, at bigint not null, serial text not null,"
        " subject text not null, issuer text not null)",
        // Authentication strings tried, by phone and address; '' is all strangers together.
        "create table attempt ("
        " phone text not null, address text not null, count integer not null,"
        " last bigint not null, told integer not null, primary key (phone, address))",
        "create index attempt_by_time on attempt (last)",
        // Security events, none of which is ever taken away; what comes too fast is counted.
        "create table security_event ("
        " id integer primary key autoincrement, at bigint not null, phone text not null,"
        " peer text not null, kind text not null, detail text not null)",
        "create index security_event_by_time on security_event (at)",
        "create index security_event_by_phone on security_event (phone, kind, at)",
        "create table security_more ("
        " phone text not null, kind text not null, count bigint not null, since bigint not null,"
        " peer text not null, primary key (phone, kind))",
    },
    {
        // By what the phone showed who it is, or that its address did; '' where it was not noted.
        "alter table issued add column proof text not null default ''",
        "alter table csr add column proof text not null default ''",
        // Who came, "address:port"; '' where it was not noted.
        "alter table outcome add column peer text not null default ''",
        // Tries of an address that the phone was seen at and that has a share of its own.
        "alter table attempt add column reserved integer not null default 0",
        // Which request of the phone it belongs to; 0 where it was not noted.
        "alter table event add column request bigint not null default 0",
        // The first addresses that came too often, apart by blanks, and how many came from others.
        "alter table security_more add column peers text not null default ''",
        "alter table security_more add column others bigint not null default 0",
    },
    {
        // What went to an address that is not the phone's, by its name alone, the phone never held.
        "update issued set held_sequence = null where elsewhere <> ''"
        " and proof in ('', 'null-string')",
    },
    kDeviceChanges,
};

const std::vector<Migration> kCallManager = {
    {
        "create table registration ("
        " device text not null, contact text not null, contact_user text not null,"
        " call_id text not null, transport text not null, peer text not null,"
        " user_agent text not null, registered_at bigint not null, refreshed_at bigint not null,"
        " expires_at bigint not null, primary key (device, contact))",
        "create index registration_by_end on registration (expires_at)",
        "create table reset ("
        " id bigint not null, device text not null, kind text not null, sent_at bigint not null,"
        " answered_at bigint, status integer not null, primary key (id, device))",
    },
    kTrustSigns,
    {
        // Where the phone listens, when that is not where its REGISTER came from, and since when it
        // has left a NOTIFY unanswered.
        "alter table registration add column target text not null default ''",
        "alter table registration add column silent_since bigint",
        // What a device said of itself last, and which address it registered from before.
        "create table phone_report ("
        " device text not null primary key, address text not null,"
        " previous_address text not null, moved_at bigint, alarm text not null,"
        " cause integer not null, last_reason text not null, active_load text not null,"
        " inactive_load text not null, reported_at bigint)",
        // One row: when the registrar began to serve last, and when it stopped in good order.
        "create table registrar ("
        " id integer not null primary key, started bigint not null, stopped bigint)",
    },
    {
        // Each address has its own registration of a contact, so that none takes another's place.
        "alter table registration rename to registration_before",
        "drop index registration_by_end",
        "create table registration ("
        " device text not null, contact text not null, address text not null,"
        " contact_user text not null, call_id text not null, transport text not null,"
        " peer text not null, user_agent text not null, registered_at bigint not null,"
        " refreshed_at bigint not null, expires_at bigint not null, target text not null,"
        " silent_since bigint, primary key (device, contact, address))",
        "create index registration_by_end on registration (expires_at)",
        "insert into registration select device, contact,"
        " case instr(peer, ':') when 0 then peer else substr(peer, 1, instr(peer, ':') - 1) end,"
        " contact_user, call_id, transport, peer, user_agent, registered_at, refreshed_at,"
        " expires_at, target, silent_since from registration_before",
        "drop table registration_before",
        // The last alarm that spoke for a device from an address that is not its own.
        "alter table phone_report add column other_address text not null default ''",
        "alter table phone_report add column other_cause integer not null default 0",
        "alter table phone_report add column other_reason text not null default ''",
        "alter table phone_report add column other_at bigint",
    },
    {
        // The addresses that answered the NOTIFY with 2xx, apart by blanks.
        "alter table reset add column answered_by text not null default ''",
    },
    kDeviceChanges,
    {"create index reset_by_time on reset (sent_at)"},
};

const std::vector<Migration> kTftp = {
    {
        "create table fetch ("
        " device text not null, kind text not null, peer text not null, file text not null,"
        " sha1 text not null, at bigint not null, primary key (device, kind, peer))",
    },
    {
        // Of a configuration: which state of the phone's record it was made from.
        "alter table fetch add column stamp text not null default ''",
    },
    kTrustSigns,
    {
        // Which fetch is newer is told by numbers that only grow: a clock may be set back.
        "alter table fetch add column sequence bigint not null default 0",
        "create table fetch_order (row bigint not null primary key, place bigint not null)",
        "insert into fetch_order (row, place) select rowid, row_number() over (order by at, rowid)"
        " from fetch",
        "update fetch set sequence ="
        " (select place from fetch_order where fetch_order.row = fetch.rowid)",
        "drop table fetch_order",
        "create index fetch_by_sequence on fetch (sequence)",
    },
    {"create index fetch_by_time on fetch (at)"},
};

const std::vector<Migration> kTvs = {kTrustSigns};

}  // namespace

std::span<const Migration> migrations(Schema schema) {
  switch (schema) {
    case Schema::admin: return kAdmin;
    case Schema::capf: return kCapf;
    case Schema::callmanager: return kCallManager;
    case Schema::tftp: return kTftp;
    case Schema::tvs: return kTvs;
    case Schema::secrets: return kSecrets;
  }
  return {};
}

int application_id(Schema schema) noexcept {
  constexpr int kRingfence = 0x52460000;  // "RF"
  return kRingfence + 1 + static_cast<int>(schema);
}

std::string_view name(Schema schema) noexcept {
  switch (schema) {
    case Schema::admin: return "admin";
    case Schema::capf: return "capf";
    case Schema::callmanager: return "callmanager";
    case Schema::tftp: return "tftp";
    case Schema::tvs: return "tvs";
    case Schema::secrets: return "secrets";
  }
  return "";
}

int schema_version(soci::session& session) {
  int version = 0;
  session << "pragma user_version", soci::into(version);
  return version;
}

void migrate(soci::session& session, std::span<const Migration> steps) {
  for (;;) {
    session << "begin immediate";
    try {
      // Read inside the transaction: another process may be migrating the same file.
      const auto seen = static_cast<std::size_t>(schema_version(session));
      if (seen >= steps.size()) {
        session << "rollback";
        return;
      }
      for (const std::string_view statement : steps[seen]) session << std::string(statement);
      session << "pragma user_version = " + std::to_string(seen + 1);
      session << "commit";
    } catch (...) {
      try {
        session << "rollback";
      } catch (const soci::soci_error&) {  // SQLite has rolled back by itself
      }
      throw;
    }
  }
}

}  // namespace ringfence::core
