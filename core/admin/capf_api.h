// What a shell may ask about CAPF: the report, one phone's status, the policy, the expiry monitor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/method.h"

namespace ringfence::core::admin {

// --- capf.report -------------------------------------------------------------------------------

/// CapfReportRequest selects phones; what is absent selects all. In globs '*' stands for any
/// characters and '?' for one, in any case.
struct CapfReportRequest {
  std::optional<std::string> name;         ///< glob
  std::optional<std::string> model;        ///< glob
  std::optional<std::string> device_pool;  ///< glob
  /// installed, expired, none; stale (one was issued and never confirmed), pending (an operation
  /// is), csr (waits for an offline CA), other-capf (the CAPF certificate in use did not issue it).
  std::optional<std::string> lsc;
  std::optional<std::string> expires_before;         ///< "YYYY-MM-DD", UTC
  std::optional<std::int64_t> expires_within;        ///< days from now; what has expired, too
  std::optional<std::string> issuer;                 ///< a part of the issuer's name, in any case
  std::optional<std::string> issuer_expires_before;  ///< "YYYY-MM-DD", UTC
  std::optional<std::string> auth_string;            ///< set, not-set
  std::optional<std::string> status;     ///< none, pending, success, failed, or a glob of its words
  std::optional<std::string> operation;  ///< none, install, delete, troubleshoot
  std::string after;                     ///< go on behind this name: a report's `next`
};
BOOST_DESCRIBE_STRUCT(CapfReportRequest, (),
                      (name, model, device_pool, lsc, expires_before, expires_within, issuer,
                       issuer_expires_before, auth_string, status, operation, after))

struct CapfReportPhone {
  std::string name;
  std::string model;
  std::string description;
  std::string device_pool;
  std::string lsc;  ///< "installed", "expired", "none": what the phone confirmed
  std::optional<std::string> lsc_issuer;
  std::optional<std::string> lsc_serial;
  std::optional<std::string> lsc_expires;
  std::optional<std::string> lsc_key;
  std::optional<std::string> lsc_issuer_expires;  ///< when the issuer's certificate is known here
  std::optional<std::string> lsc_confirmed;
  bool lsc_other_capf = false;  ///< the CAPF certificate in use did not issue it
  /// "address:port" that it went to, when the phone was not known to be there.
  std::optional<std::string> lsc_enrolled_from;
  std::int64_t stale = 0;  ///< certificates that were issued and never confirmed
  bool csr = false;        ///< a key waits for an offline CA's certificate
  std::string operation;   ///< what is asked: none, install, delete, troubleshoot
  std::string auth_mode;
  bool auth_string_set = false;
  std::optional<std::string> completes_by;
  std::string operation_status;             ///< of the last operation, in CUCM's words
  std::optional<std::string> operation_at;  ///< when it ended
};
BOOST_DESCRIBE_STRUCT(CapfReportPhone, (),
                      (name, model, description, device_pool, lsc, lsc_issuer, lsc_serial,
                       lsc_expires, lsc_key, lsc_issuer_expires, lsc_confirmed, lsc_other_capf,
                       lsc_enrolled_from, stale, csr, operation, auth_mode, auth_string_set,
                       completes_by, operation_status, operation_at))

/// CapfReport is one page: the selected among the next phones by name, and counts of these.
struct CapfReport {
  std::vector<CapfReportPhone> phones;
  std::int64_t with_lsc = 0;
  std::int64_t expired = 0;  ///< of those
  std::int64_t pending = 0;
  std::int64_t failed = 0;
  std::int64_t unproven = 0;          ///< the LSC went to an address that is not the phone's
  std::int64_t stale = 0;             ///< certificates, issued and never confirmed
  std::int64_t other_capf = 0;        ///< LSCs that the CAPF certificate in use did not issue
  std::optional<std::string> next;    ///< ask again with `after` set to it; absent at the end
  std::vector<std::string> warnings;  ///< about CAPF itself, a sentence each; first page only
};
BOOST_DESCRIBE_STRUCT(CapfReport, (),
                      (phones, with_lsc, expired, pending, failed, unproven, stale, other_capf,
                       next, warnings))

// --- capf.status -------------------------------------------------------------------------------

struct CapfStatusRequest {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(CapfStatusRequest, (), (name))

struct CapfCheck {
  std::string name;      ///< "ITL of the phone"
  std::string finding;   ///< ok, problem, unknown
  std::string evidence;  ///< what was seen
  std::string advice;    ///< what to do, "" when there is nothing
};
BOOST_DESCRIBE_STRUCT(CapfCheck, (), (name, finding, evidence, advice))

struct CapfStatus {
  std::string name;
  std::string operation;
  std::string operation_status;  ///< CUCM's words
  std::string summary;           ///< "SEP…: Operation Pending. Most likely: …"
  std::int64_t problems = 0;
  std::vector<CapfCheck> checks;
};
BOOST_DESCRIBE_STRUCT(CapfStatus, (),
                      (name, operation, operation_status, summary, problems, checks))

// --- capf.certificate --------------------------------------------------------------------------

/// capf.certificate gives what the last Troubleshoot operation fetched from a phone.
struct CapfCertificateRequest {
  std::string name;
  std::string kind;  ///< lsc, mic
};
BOOST_DESCRIBE_STRUCT(CapfCertificateRequest, (), (name, kind))

struct CapfCertificate {
  std::string name;
  std::string kind;
  std::string file;     ///< where it is on this node
  std::string fetched;  ///< when
  std::string subject;
  std::string issuer;
  std::string serial;
  std::string not_before;
  std::string not_after;
  std::string sha1;
  std::string pem;
  std::string text;  ///< the dump, then the PEM
};
BOOST_DESCRIBE_STRUCT(CapfCertificate, (),
                      (name, kind, file, fetched, subject, issuer, serial, not_before, not_after,
                       sha1, pem, text))

// --- capf.policy, capf.set_policy, capf.monitor ------------------------------------------------

/// ExpiryFindings is the last run of the thread that looks for certificates about to expire.
struct ExpiryFindings {
  std::optional<std::string> last_run;
  std::int64_t looked_at = 0;  ///< LSCs
  std::int64_t expired = 0;    ///< LSCs
  std::int64_t expiring = 0;   ///< LSCs that expire within notify_days
  std::string capf;            ///< what is said of CAPF's own certificate, or ""
  std::string notice;          ///< what became of the mail, a sentence
  std::optional<std::string> last_mail;
  std::string next_run;
};
BOOST_DESCRIBE_STRUCT(ExpiryFindings, (),
                      (last_run, looked_at, expired, expiring, capf, notice, last_mail, next_run))

struct CapfPolicyShow {
  std::string issuer;  ///< capf, offline-ca
  std::int64_t validity_days = 0;
  std::int64_t keep_alive_minutes = 0;
  std::int64_t min_rsa_bits = 0;
  std::int64_t min_ec_bits = 0;
  std::int64_t min_auth_string_digits = 0;
  std::int64_t notify_days = 0;
  std::vector<std::string> notify_to;
  std::string mail_command;  ///< of ringfence.toml, "" for none
  std::string capf_expires;  ///< CAPF's own certificate's end, "" without one
  ExpiryFindings monitor;
  std::vector<std::string> warnings;  ///< a sentence each
};
BOOST_DESCRIBE_STRUCT(CapfPolicyShow, (),
                      (issuer, validity_days, keep_alive_minutes, min_rsa_bits, min_ec_bits,
                       min_auth_string_digits, notify_days, notify_to, mail_command, capf_expires,
                       monitor, warnings))

/// capf.set_policy changes one value: issuer, validity_days, keep_alive_minutes, min_rsa_bits,
/// min_ec_bits, min_auth_string_digits, notify_days, or notify_to (addresses separated by ';', or
/// "none").
struct CapfPolicySet {
  std::string name;
  std::string value;
};
BOOST_DESCRIBE_STRUCT(CapfPolicySet, (), (name, value))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_CAPF_METHODS(METHOD)                               \
  METHOD(capf, report, 0, look, CapfReportRequest, CapfReport)       \
  METHOD(capf, status, 0, look, CapfStatusRequest, CapfStatus)       \
  METHOD(capf, policy, 0, look, Nothing, CapfPolicyShow)             \
  METHOD(capf, set_policy, 1, change, CapfPolicySet, CapfPolicyShow) \
  METHOD(capf, monitor, 1, change, Nothing, ExpiryFindings)          \
  METHOD(capf, certificate, 0, look, CapfCertificateRequest, CapfCertificate)
RINGFENCE_CAPF_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
