// What a shell may ask of ringfence-admin, as plain structs: one request and one answer a method.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/guard_api.h"
#include "core/base/wipe.h"

// Every struct maps to a JSON object with the same member names (core/admin/json.h). Times are
// RFC 3339 text, digests and serials hexadecimal text. A member called `text` is the same facts
// laid out as CUCM prints them, for people; a JSON document for scripts leaves it out.

namespace ringfence::core::admin {

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

// --- session.hello: who am I, where am I -------------------------------------------------------

struct Hello {
  std::string account;
  int level = 0;  ///< 0 ordinary, 1 advanced, 4 everything
  std::string host;
  std::string version;
  int processors = 0;
  std::int64_t memory_mbytes = 0;
  std::vector<std::string> warnings = {};  ///< what is not well with this node, a sentence each
};
BOOST_DESCRIBE_STRUCT(Hello, (),
                      (account, level, host, version, processors, memory_mbytes, warnings))

// --- cert.list, cert.show ----------------------------------------------------------------------

struct CertificateListRequest {
  std::string type;  ///< "own" or "trust"
};
BOOST_DESCRIBE_STRUCT(CertificateListRequest, (), (type))

struct CertificateFacts {
  std::string unit;  ///< "CAPF", "CAPF-trust"
  std::string file;  ///< "CAPF.pem"
  std::string description;
  std::string subject;
  std::string issuer;
  std::string serial;
  std::string not_before;
  std::string not_after;
  std::string sha1;
  std::string sha256;
};
BOOST_DESCRIBE_STRUCT(CertificateFacts, (),
                      (unit, file, description, subject, issuer, serial, not_before, not_after,
                       sha1, sha256))

struct CertificateList {
  std::vector<CertificateFacts> certificates;
};
BOOST_DESCRIBE_STRUCT(CertificateList, (), (certificates))

struct CertificateShowRequest {
  std::string type;  ///< "own" or "trust"
  std::string name;  ///< "CAPF", "CAPF/CAPF.pem", "CAPF-trust/CAPF-7f0ae8d7.pem"
};
BOOST_DESCRIBE_STRUCT(CertificateShowRequest, (), (type, name))

struct CertificateShow {
  CertificateFacts certificate;
  std::string pem;
  std::string text;  ///< the dump, then the PEM
};
BOOST_DESCRIBE_STRUCT(CertificateShow, (), (certificate, pem, text))

// --- cert.plan, cert.regenerate ----------------------------------------------------------------

struct RegenerateRequest {
  std::string unit;
  std::optional<std::int64_t> force = {};  ///< see Guard
};
BOOST_DESCRIBE_STRUCT(RegenerateRequest, (), (unit, force))

struct RegeneratePlan {
  std::string unit;
  std::int64_t phones = 0;         ///< known
  std::int64_t phones_reset = 0;   ///< registered now, will be reset to fetch the new ITL
  std::vector<std::string> notes;  ///< sentences an administrator should read before saying yes
  std::vector<Guard> guards = {};
  std::int64_t stranded = 0;  ///< what `force` must say to go on; 0 without guards
  std::string refusal = {};   ///< what the change would be refused with now, or ""
};
BOOST_DESCRIBE_STRUCT(RegeneratePlan, (),
                      (unit, phones, phones_reset, notes, guards, stranded, refusal))

struct JobStarted {
  std::int64_t job = 0;
};
BOOST_DESCRIBE_STRUCT(JobStarted, (), (job))

// --- job.show, job.wait, job.list --------------------------------------------------------------

struct JobRequest {
  std::int64_t job = 0;
};
BOOST_DESCRIBE_STRUCT(JobRequest, (), (job))

/// job.wait answers when the job's revision is not `seen`, or after at most 20 seconds.
struct JobWaitRequest {
  std::int64_t job = 0;
  std::int64_t seen = 0;
};
BOOST_DESCRIBE_STRUCT(JobWaitRequest, (), (job, seen))

struct JobPhone {
  std::string phone;
  std::string state;  ///< waiting, reset_sent, returned, not_returned, failed, cancelled; of a bulk
                      ///< job: waiting, applied, enrolling, away, succeeded, failed, unreachable,
                      ///< expired, cancelled
  std::string changed;
  std::string detail = {};  ///< why it failed, or ""
};
BOOST_DESCRIBE_STRUCT(JobPhone, (), (phone, state, changed, detail))

struct JobCount {
  std::string state;  ///< as JobPhone's
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(JobCount, (), (state, count))

struct JobReport {
  std::int64_t job = 0;
  std::int64_t revision = 0;  ///< grows with every change
  std::string kind;           ///< "regenerate", "phone-reset", "capf-bulk"
  std::string subject;        ///< the unit; what a bulk job does
  std::string who;
  std::string state;  ///< running, paused, done, failed, interrupted, cancelled
  std::string step;
  std::string message;
  /// published is true once the change itself is done and only phones are waited for.
  bool published = false;
  std::string started;
  std::optional<std::string> finished;
  std::int64_t total = 0;
  std::int64_t waiting = 0;
  std::int64_t reset_sent = 0;
  std::int64_t returned = 0;
  std::int64_t not_returned = 0;
  std::int64_t failed = 0;
  std::int64_t refused = 0;      ///< back, and shown to have kept the old ITL
  std::int64_t unproven = 0;     ///< back, and not proven to believe the new ITL
  std::vector<JobCount> counts;  ///< of each state that phones are in; they add up to `total`
  /// The first 1000 of those that did not return, or did not succeed; job.show and job.wait.
  std::vector<JobPhone> missing;
  /// Phones that the change concerns and that the job does not reach: not registered when it began,
  /// or left out of a bulk job.
  std::int64_t left_out = 0;
  std::vector<std::string> notes = {};     ///< what was said before it began
  std::vector<std::string> warnings = {};  ///< what went wrong beside the change
  bool stopping = false;  ///< this Ringfence is being stopped; the job goes on when it starts again
  /// Services that use what was changed and do not run now: they take it up when they start.
  std::vector<std::string> idle_services = {};
  /// Services that were not told of the change; `warnings` says why. They use what was before.
  std::vector<std::string> untold_services = {};
};
BOOST_DESCRIBE_STRUCT(JobReport, (),
                      (job, revision, kind, subject, who, state, step, message, published, started,
                       finished, total, waiting, reset_sent, returned, not_returned, failed,
                       refused, unproven, counts, missing, left_out, notes, warnings, stopping,
                       idle_services, untold_services))

struct JobList {
  std::vector<JobReport> jobs;  ///< newest first
};
BOOST_DESCRIBE_STRUCT(JobList, (), (jobs))

// --- itl.show, ctl.show, itl.reset -------------------------------------------------------------

/// TrustListElement is one that no source describes.
struct TrustListElement {
  std::int64_t tag = 0;
  std::int64_t length = 0;
  std::string hex;  ///< the first 16 bytes
};
BOOST_DESCRIBE_STRUCT(TrustListElement, (), (tag, length, hex))

struct TrustListRecord {
  int number = 0;
  int length = 0;
  std::string dns_name;
  std::string subject;
  std::string function;
  std::string issuer;
  std::string serial;
  std::string certificate_sha1;
  bool full_certificate = false;
  bool signer = false;
  std::vector<TrustListElement> unknown;
};
BOOST_DESCRIBE_STRUCT(TrustListRecord, (),
                      (number, length, dns_name, subject, function, issuer, serial,
                       certificate_sha1, full_certificate, signer, unknown))

/// TrustListServed is what Cisco Tftp hands out in truth.
struct TrustListServed {
  std::int64_t length = 0;  ///< bytes; 0: it serves none
  std::string md5;
  std::string sha1;
  std::string since;    ///< RFC 3339: when Cisco Tftp read it
  std::string problem;  ///< why it is not known, or ""
};
BOOST_DESCRIBE_STRUCT(TrustListServed, (), (length, md5, sha1, since, problem))

struct TrustListShow {
  std::string file;
  std::int64_t length = 0;
  std::string state;  ///< "verified", "missing", "corrupt", "not verified"
  std::string error;  ///< why not, or ""
  std::string md5;
  std::string sha1;
  std::string sha256;
  std::string modified;
  std::string signer;  ///< subject of the signer
  std::vector<TrustListRecord> records;
  std::string text;
  std::string verified_by;   ///< "house": a certificate of ours; "file": one of its own records; ""
  int signer_record = 0;     ///< number of the record that verified it, when it is "file"
  std::string verification;  ///< what more there is to say: whose the signer is, what is served
  std::string signer_version;             ///< "1.1", of other makers
  std::vector<TrustListElement> unknown;  ///< of the header
  std::optional<TrustListServed> served;  ///< when phones do not get the file on disk
  std::vector<std::string> warnings = {};
};
BOOST_DESCRIBE_STRUCT(TrustListShow, (),
                      (file, length, state, error, md5, sha1, sha256, modified, signer, records,
                       text, verified_by, signer_record, verification, signer_version, unknown,
                       served, warnings))

/// itl.examine and ctl.examine judge a file of anybody; the answer is a TrustListShow.
struct TrustListExamineRequest {
  std::string name;                      ///< as the answer repeats it
  std::string content;                   ///< the file's bytes in base64, at most 1 MiB of them
  std::optional<std::int64_t> modified;  ///< seconds since 1970
};
BOOST_DESCRIBE_STRUCT(TrustListExamineRequest, (), (name, content, modified))

struct TrustListReset {
  std::string signer;  ///< subject of the certificate that signed it
  std::string md5;
  std::string sha1;
  std::vector<std::string> nodes;             ///< TFTP nodes that serve it
  std::vector<std::string> warnings = {};     ///< what went wrong once it was published
  std::vector<std::string> not_serving = {};  ///< TFTP nodes that do not; `warnings` says why
};
BOOST_DESCRIBE_STRUCT(TrustListReset, (), (signer, md5, sha1, nodes, warnings, not_serving))

// --- service.list, service.start, service.stop, service.restart --------------------------------

struct ServiceRequest {
  std::string name;  ///< "Cisco Tftp", any case
};
BOOST_DESCRIBE_STRUCT(ServiceRequest, (), (name))

struct ServiceFacts {
  std::string name;    ///< "Cisco Tftp"
  std::string state;   ///< STARTED, STOPPED, STARTING, STOPPING, NOT RESPONDING
  std::string reason;  ///< "" or "Commanded Out of Service" …
};
BOOST_DESCRIBE_STRUCT(ServiceFacts, (), (name, state, reason))

struct ServiceList {
  std::vector<ServiceFacts> services;
};
BOOST_DESCRIBE_STRUCT(ServiceList, (), (services))

struct ServiceChange {
  std::vector<ServiceFacts> states;        ///< as it went through them, the last one is the result
  std::vector<std::string> notes = {};     ///< what was put right beside it
  std::vector<std::string> warnings = {};  ///< what it means for phones
};
BOOST_DESCRIBE_STRUCT(ServiceChange, (), (states, notes, warnings))

// --- system.status, system.version -------------------------------------------------------------

struct Disk {
  std::string name;
  std::int64_t total_kbytes = 0;
  std::int64_t free_kbytes = 0;
  std::int64_t used_kbytes = 0;
};
BOOST_DESCRIBE_STRUCT(Disk, (), (name, total_kbytes, free_kbytes, used_kbytes))

struct SystemStatus {
  std::string host;
  std::string date;  ///< RFC 3339
  std::string time_zone;
  std::string locale;
  std::string version;
  std::string os_version;
  std::int64_t uptime_seconds = 0;
  double load1 = 0, load5 = 0, load15 = 0;
  double cpu_idle = 0, cpu_system = 0, cpu_user = 0, cpu_iowait = 0, cpu_irq = 0, cpu_soft = 0;
  std::int64_t memory_total = 0, memory_free = 0, memory_used = 0, memory_cached = 0,
               memory_shared = 0, memory_buffers = 0;  ///< KiB
  std::vector<Disk> disks;
  std::int64_t phones = 0;
  std::int64_t registered = 0;
  std::int64_t not_answering = 0;  ///< phones that left a reset unanswered, and are not registered
  std::string registrar;           ///< "" while it runs; else why nobody is registered
  std::vector<std::string> warnings = {};  ///< such as a full disk, a sentence each
};
BOOST_DESCRIBE_STRUCT(SystemStatus, (),
                      (host, date, time_zone, locale, version, os_version, uptime_seconds, load1,
                       load5, load15, cpu_idle, cpu_system, cpu_user, cpu_iowait, cpu_irq, cpu_soft,
                       memory_total, memory_free, memory_used, memory_cached, memory_shared,
                       memory_buffers, disks, phones, registered, not_answering, registrar,
                       warnings))

struct SystemVersion {
  std::string version;
  std::vector<std::string> options;
};
BOOST_DESCRIBE_STRUCT(SystemVersion, (), (version, options))

// --- phone.* -----------------------------------------------------------------------------------

struct PhoneImportRequest {
  std::string csv;
};
BOOST_DESCRIBE_STRUCT(PhoneImportRequest, (), (csv))

/// ImportNote is one kind of thing that a file had otherwise than it is kept.
struct ImportNote {
  std::string kind;  ///< "names", "columns", "passed-over", "separator", "empty-fields", "encoding"
  std::int64_t count = 0;
  std::vector<std::string> examples;  ///< the first three
  std::string text;                   ///< one sentence
};
BOOST_DESCRIBE_STRUCT(ImportNote, (), (kind, count, examples, text))

struct PhoneImported {
  std::int64_t added = 0;
  std::int64_t updated = 0;
  std::vector<ImportNote> normalised =
      {};  ///< what was understood although it was written otherwise
  std::vector<std::string> warnings = {};  ///< a sentence each
};
BOOST_DESCRIBE_STRUCT(PhoneImported, (), (added, updated, normalised, warnings))

/// phone.add and phone.update: a member that is absent keeps its value (or its default). The words
/// are those of `utils phone import`.
struct PhoneFields {
  std::string name;
  std::optional<std::string> model;
  std::optional<std::string> description;
  std::optional<std::string> device_pool;
  std::optional<std::string> security_profile;  ///< "-" for none
  std::optional<std::string> operation;
  std::optional<std::string> auth_mode;
  std::optional<std::string> auth_string;
  std::optional<std::string> key_order;
  std::optional<std::int64_t> rsa_bits;
  std::optional<std::int64_t> ec_bits;
  std::optional<std::string> completes_by;
};
BOOST_DESCRIBE_STRUCT(PhoneFields, (),
                      (name, model, description, device_pool, security_profile, operation,
                       auth_mode, auth_string, key_order, rsa_bits, ec_bits, completes_by))

struct PhoneRequest {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(PhoneRequest, (), (name))

/// PhoneSign is one thing that a phone did which shows what it believes.
struct PhoneSign {
  std::string at;
  std::string kind;  ///< core::TrustSignKind's word, "signed_config"
  std::string address;
  std::string subject;  ///< SHA-1 of a list, or serial number of a certificate
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(PhoneSign, (), (at, kind, address, subject, detail))

struct PhoneFacts {
  std::string name;
  std::string model;
  std::string description;
  std::string device_pool;
  std::string security_profile;  ///< "" for none
  std::string operation;
  std::string auth_mode;
  bool auth_string_set = false;
  std::string key_order;
  std::int64_t rsa_bits = 0;
  std::int64_t ec_bits = 0;
  std::optional<std::string> completes_by;  ///< "YYYY:MM:DD:HH"
  std::string operation_status;             ///< CUCM's words
  bool registered = false;
  std::string address;  ///< of the registration
  std::optional<std::string> registered_at;
  /// "registered", "not registered", "not answering since …" or "unknown: …" while no registrar
  /// runs; `registered` is true for the first alone.
  std::string registration;
  std::optional<std::string> address_before;       ///< that it registered from, and until when
  std::optional<std::string> last_out_of_service;  ///< why, as its alarm said, and when it did
  std::optional<std::string> active_load;          ///< the firmware that runs, as the phone says
  std::optional<std::string> inactive_load;
  /// What it makes of the ITL in force: "accepted" (proven), "fetched" (unproven), "refused" or
  /// "unknown" (not fetched from here).
  std::string itl;
  std::string itl_evidence;   ///< why, as one sentence
  std::string itl_list_sha1;  ///< of the list that it is proven to hold, or ""
  /// Where it was proven to be, and another address that acts as this phone since; "" for none.
  std::string itl_address;
  std::string itl_other_address;
  /// phone.show: what was seen of it, oldest first.
  std::optional<std::vector<PhoneSign>> itl_signs;
  std::string lsc;  ///< "installed", "none"
  std::optional<std::string> lsc_subject;
  std::optional<std::string> lsc_issuer;
  std::optional<std::string> lsc_serial;
  std::optional<std::string> lsc_key;
  std::optional<std::string> lsc_expires;
  std::optional<std::string> lsc_confirmed;
  std::int64_t lsc_stale = 0;  ///< certificates that were issued to it and never confirmed
  /// What a Troubleshoot operation found that the journal of CAPF did not know, a sentence.
  std::optional<std::string> lsc_note;
  /// "address:port" that the LSC went to, when the phone was not known to be there.
  std::optional<std::string> lsc_enrolled_from;
  /// Files of what a Troubleshoot operation fetched, see capf.certificate.
  std::optional<std::string> fetched_lsc;
  std::optional<std::string> fetched_mic;
  std::vector<std::string> warnings;    ///< a sentence each; of phone.add, update and show
  std::vector<std::string> notes = {};  ///< what phone.add and update read as something else
};
BOOST_DESCRIBE_STRUCT(PhoneFacts, (),
                      (name, model, description, device_pool, security_profile, operation,
                       auth_mode, auth_string_set, key_order, rsa_bits, ec_bits, completes_by,
                       operation_status, registered, address, registered_at, registration,
                       address_before, last_out_of_service, active_load, inactive_load, itl,
                       itl_evidence, itl_list_sha1, itl_address, itl_other_address, itl_signs, lsc,
                       lsc_subject, lsc_issuer, lsc_serial, lsc_key, lsc_expires, lsc_confirmed,
                       lsc_stale, lsc_note, lsc_enrolled_from, fetched_lsc, fetched_mic, warnings,
                       notes))

/// phone.list answers page by page: the next phones by name.
struct PhoneListRequest {
  std::string after;  ///< go on behind this name: a list's `next`
};
BOOST_DESCRIBE_STRUCT(PhoneListRequest, (), (after))

struct PhoneList {
  std::vector<PhoneFacts> phones;        ///< by name
  std::optional<std::string> next = {};  ///< ask again with `after` set to it; absent at the end
};
BOOST_DESCRIBE_STRUCT(PhoneList, (), (phones, next))

/// phone.reset is for the phones that are named, at least one; phone.reset_all for all.
struct PhoneResetRequest {
  std::vector<std::string> phones;
  std::string kind;  ///< "reset", "restart", "apply-config"
};
BOOST_DESCRIBE_STRUCT(PhoneResetRequest, (), (phones, kind))

struct PhoneRefusal {
  std::string phone;
  int status = 0;  ///< SIP status; 408 when it did not answer
};
BOOST_DESCRIBE_STRUCT(PhoneRefusal, (), (phone, status))

/// The answer waits for the phones'.
struct PhoneReset {
  std::int64_t asked = 0;
  std::vector<std::string> not_registered;
  std::vector<PhoneRefusal> refused;
};
BOOST_DESCRIBE_STRUCT(PhoneReset, (), (asked, not_registered, refused))

// --- hsm.show, hsm.unlock ----------------------------------------------------------------------

struct HsmSlot {
  std::uint64_t id = 0;
  std::string description;
  std::string token;  ///< label of the token in it, "" without one
  bool used = false;
};
BOOST_DESCRIBE_STRUCT(HsmSlot, (), (id, description, token, used))

struct HsmKey {
  std::string label;
  std::int64_t version = 0;
  std::string type;  ///< "RSA", "EC"
  std::int64_t bits = 0;
  std::string since;        ///< "2026-11-21", "" when the token does not say
  std::int64_t copies = 0;  ///< workers that sign with a copy; the others use the token's object
};
BOOST_DESCRIBE_STRUCT(HsmKey, (), (label, version, type, bits, since, copies))

struct HsmWorker {
  std::int64_t pid = 0;
  std::string state;  ///< "ready", "starting"
  std::int64_t age_seconds = 0;
  std::int64_t answered = 0;
  std::int64_t in_hand = 0;
};
BOOST_DESCRIBE_STRUCT(HsmWorker, (), (pid, state, age_seconds, answered, in_hand))

/// HsmSignatures is how many signatures a role got of one form of message since the signer started.
struct HsmSignatures {
  std::string role;  ///< "admin", "capf", "tvs", "tftp", "callmanager"
  /// "tls", "certificate", "ca_certificate", "request", "crl", "file", "trust_list", "other",
  /// "digest"
  std::string form;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(HsmSignatures, (), (role, form, count))

/// HsmShow is the token and the pool of processes that sign with it. When the signer cannot be
/// reached, only `state`, `reason` and `next_step` say something.
struct HsmShow {
  std::string state;      ///< "operational", "degraded", "locked", "starting", "unreachable"
  std::string reason;     ///< why not operational, or ""
  std::string next_step;  ///< what an administrator does about it, or ""
  std::optional<std::string> degraded_since;
  std::optional<std::int64_t> retry_seconds;  ///< until the token is tried again
  std::string module;                         ///< path of the PKCS#11 module
  std::string library;                        ///< what the module calls itself
  std::string token;                          ///< label
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::string hardware;
  std::string firmware;
  std::vector<HsmSlot> slots;
  std::vector<HsmKey> keys;
  std::vector<HsmWorker> workers;
  std::int64_t workers_wanted = 0;
  std::int64_t restarts = 0;
  std::int64_t queued = 0;
  std::int64_t queue_limit = 0;
  double signatures_per_second = 0;  ///< this and the latencies: over the last 10 to 20 seconds
  std::int64_t latency_p50_us = 0;
  std::int64_t latency_p99_us = 0;
  std::int64_t signed_total = 0;  ///< since `started`, as failed_total
  std::int64_t failed_total = 0;
  std::optional<std::string> started;
  std::vector<HsmSignatures> signatures;  ///< since `started`; those that are not zero
};
BOOST_DESCRIBE_STRUCT(HsmShow, (),
                      (state, reason, next_step, degraded_since, retry_seconds, module, library,
                       token, manufacturer, model, serial, hardware, firmware, slots, keys, workers,
                       workers_wanted, restarts, queued, queue_limit, signatures_per_second,
                       latency_p50_us, latency_p99_us, signed_total, failed_total, started,
                       signatures))

struct HsmUnlockRequest {
  std::string pin;  ///< 1 to 255 bytes; never logged

  ~HsmUnlockRequest() { wipe(pin); }
};
BOOST_DESCRIBE_STRUCT(HsmUnlockRequest, (), (pin))

struct HsmUnlocked {
  std::string state;              ///< as HsmShow's
  std::vector<std::string> next;  ///< sentences: what had waited for the PIN and begins now
};
BOOST_DESCRIBE_STRUCT(HsmUnlocked, (), (state, next))

}  // namespace ringfence::core::admin
