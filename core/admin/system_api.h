// What a shell may ask of the node: the session, its services, its health, its token.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/method.h"
#include "core/base/wipe.h"

namespace ringfence::core::admin {

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
  std::vector<std::string> notes = {};     ///< such as a list file that was put right at the start
};
BOOST_DESCRIBE_STRUCT(SystemStatus, (),
                      (host, date, time_zone, locale, version, os_version, uptime_seconds, load1,
                       load5, load15, cpu_idle, cpu_system, cpu_user, cpu_iowait, cpu_irq, cpu_soft,
                       memory_total, memory_free, memory_used, memory_cached, memory_shared,
                       memory_buffers, disks, phones, registered, not_answering, registrar,
                       warnings, notes))

struct SystemVersion {
  std::string version;
  std::vector<std::string> options;
};
BOOST_DESCRIBE_STRUCT(SystemVersion, (), (version, options))

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

// --- retention.show, retention.set -------------------------------------------------------------

struct RetentionRow {
  std::string kind;  ///< "jobs", "resets", "outcomes", "fetches", "security-events", "logs"
  std::int64_t days = 0;
  std::string what;  ///< what is taken away when it is older, in words
};
BOOST_DESCRIBE_STRUCT(RetentionRow, (), (kind, days, what))

struct RetentionShow {
  std::vector<RetentionRow> kept;
  std::int64_t least_days = 0;  ///< what may be set
  std::int64_t most_days = 0;
};
BOOST_DESCRIBE_STRUCT(RetentionShow, (), (kept, least_days, most_days))

struct RetentionSet {
  std::string kind;
  std::int64_t days = 0;
};
BOOST_DESCRIBE_STRUCT(RetentionSet, (), (kind, days))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_SYSTEM_METHODS(METHOD)                             \
  METHOD(session, hello, 0, look, Nothing, Hello)                    \
  METHOD(service, list, 0, look, Nothing, ServiceList)               \
  METHOD(service, start, 1, change, ServiceRequest, ServiceChange)   \
  METHOD(service, stop, 1, change, ServiceRequest, ServiceChange)    \
  METHOD(service, restart, 1, change, ServiceRequest, ServiceChange) \
  METHOD(system, status, 0, look, Nothing, SystemStatus)             \
  METHOD(system, version, 0, look, Nothing, SystemVersion)           \
  METHOD(retention, show, 0, look, Nothing, RetentionShow)           \
  METHOD(retention, set, 1, change, RetentionSet, RetentionShow)     \
  METHOD(hsm, show, 0, look, Nothing, HsmShow)                       \
  METHOD(hsm, unlock, 4, change, HsmUnlockRequest, HsmUnlocked)
RINGFENCE_SYSTEM_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
