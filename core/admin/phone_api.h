// What a shell may ask of phones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/job_api.h"

namespace ringfence::core::admin {

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
/// It is refused while the services are down that they need then, unless `force` is the number of
/// the registered ones among them.
struct PhoneResetRequest {
  std::vector<std::string> phones;
  std::string kind;  ///< "reset", "restart", "apply-config"
  std::optional<std::int64_t> force = {};
};
BOOST_DESCRIBE_STRUCT(PhoneResetRequest, (), (phones, kind, force))

/// phone.apply_plan is asked before a phone's settings are changed that it is then told to apply:
/// it is refused for what phone.reset would be refused for.
struct PhoneApplyPlanRequest {
  std::string name;
  std::string operation;  ///< that it will have
  std::optional<std::int64_t> force = {};
};
BOOST_DESCRIBE_STRUCT(PhoneApplyPlanRequest, (), (name, operation, force))

/// kNoAnswer is the status of a phone that did not answer its NOTIFY (RFC 3261 section 21.4.9).
inline constexpr int kNoAnswer = 408;

struct PhoneRefusal {
  std::string phone;
  int status = 0;  ///< SIP status, or kNoAnswer
};
BOOST_DESCRIBE_STRUCT(PhoneRefusal, (), (phone, status))

/// The answer waits for the phones'.
struct PhoneReset {
  std::int64_t asked = 0;
  std::vector<std::string> not_registered;
  std::vector<PhoneRefusal> refused;
};
BOOST_DESCRIBE_STRUCT(PhoneReset, (), (asked, not_registered, refused))

/// phone.reset_all starts a job that tells every registered phone, in waves. It is refused while
/// Cisco Tftp has no files for them.
struct PhoneResetAllRequest {
  std::string kind;                        ///< "reset", "restart", "apply-config"
  std::optional<std::int64_t> force = {};  ///< their number, to do it all the same
};
BOOST_DESCRIBE_STRUCT(PhoneResetAllRequest, (), (kind, force))

/// phone.reset_plan is asked before phone.reset_all: it is refused for what that would be refused
/// for.
struct PhoneResetPlan {
  std::int64_t registered = 0;  ///< phones that would be told
  std::int64_t left_out = 0;    ///< phones that hold a trust list, or register, and would not
  std::vector<std::string> notes = {};
};
BOOST_DESCRIBE_STRUCT(PhoneResetPlan, (), (registered, left_out, notes))

// --- phone.names -------------------------------------------------------------------------------

struct PhoneNamesRequest {
  std::string prefix;      ///< what the names begin with, in any case; "" for all
  std::int64_t limit = 0;  ///< 2 to 1000
};
BOOST_DESCRIBE_STRUCT(PhoneNamesRequest, (), (prefix, limit))

/// PhoneNames has at most `limit` names, by name. When more match, it has the first of them and the
/// very last: what these two have in common, all have.
struct PhoneNames {
  std::vector<std::string> names;
  std::int64_t matched = 0;
};
BOOST_DESCRIBE_STRUCT(PhoneNames, (), (names, matched))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_PHONE_METHODS(METHOD)                                    \
  METHOD(phone, import, 1, change, PhoneImportRequest, PhoneImported)      \
  METHOD(phone, add, 1, change, PhoneFields, PhoneFacts)                   \
  METHOD(phone, update, 1, change, PhoneFields, PhoneFacts)                \
  METHOD(phone, list, 0, look, PhoneListRequest, PhoneList)                \
  METHOD(phone, names, 0, look, PhoneNamesRequest, PhoneNames)             \
  METHOD(phone, show, 0, look, PhoneRequest, PhoneFacts)                   \
  METHOD(phone, remove, 1, change, PhoneRequest, Nothing)                  \
  METHOD(phone, reset, 1, change, PhoneResetRequest, PhoneReset)           \
  METHOD(phone, apply_plan, 1, look, PhoneApplyPlanRequest, Nothing)       \
  METHOD(phone, reset_plan, 1, look, PhoneResetAllRequest, PhoneResetPlan) \
  METHOD(phone, reset_all, 1, begin, PhoneResetAllRequest, JobStarted)
RINGFENCE_PHONE_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
