// The admin API of bulk CAPF jobs and phone security profiles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "core/admin/guard_api.h"
#include "core/admin/method.h"

namespace ringfence::core::admin {

// --- bulk.preview, bulk.start ------------------------------------------------------------------

/// BulkRequest chooses phones and says what CAPF shall do with them. Every filter that is given
/// must match; without one, `all` must be true.
///
/// In text filters `*` is any text and `?` one character, and the case of letters does not count;
/// without these signs name, model, device_pool and security_profile match as a whole, description
/// and issuer anywhere.
struct BulkRequest {
  bool all = false;
  std::optional<std::string> name;
  std::optional<std::string> model;
  std::optional<std::string> device_pool;
  std::optional<std::string> description;
  std::optional<std::string> security_profile;
  std::optional<std::string> lsc;     ///< "none", "installed" (and valid), "expired", "stale"
  std::optional<std::string> issuer;  ///< of the LSC; its subject as reports print it
  std::optional<std::string> expires_before;   ///< YYYY:MM:DD:HH in UTC
  std::optional<std::int64_t> expires_within;  ///< days from now; an expired LSC matches too

  std::string operation = "install";     ///< install, delete, troubleshoot
  std::optional<std::string> auth_mode;  ///< absent: what each phone has; likewise the next three
  std::optional<std::string> key_order;
  std::optional<std::int64_t> rsa_bits;
  std::optional<std::int64_t> ec_bits;
  std::optional<std::string> completes_by;     ///< absent: seven days from now
  std::optional<std::int64_t> unique_strings;  ///< digits of a string made for each phone, 4 to 10
  std::optional<std::int64_t> wave;  ///< phones on their way at a time, 1 to 5000; absent: 500
  std::optional<std::int64_t> force = {};  ///< see Guard
};
BOOST_DESCRIBE_STRUCT(BulkRequest, (),
                      (all, name, model, device_pool, description, security_profile, lsc, issuer,
                       expires_before, expires_within, operation, auth_mode, key_order, rsa_bits,
                       ec_bits, completes_by, unique_strings, wave, force))

/// BulkExcluded is a phone that matches the filters and is left out.
struct BulkExcluded {
  std::string phone;
  std::string reason;  ///< mode_mismatch, profile_mismatch, no_certificate, key_too_small,
                       ///< ec_unsupported, no_auth_string, pending, other_job, nothing_to_delete
  std::string why;     ///< a sentence
};
BOOST_DESCRIBE_STRUCT(BulkExcluded, (), (phone, reason, why))

struct BulkReason {
  std::string reason;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(BulkReason, (), (reason, count))

struct BulkPreview {
  std::int64_t matched = 0;  ///< in and excluded
  std::int64_t chosen = 0;
  std::int64_t not_registered = 0;  ///< of the chosen ones
  std::string operation;
  std::string completes_by;  ///< YYYY:MM:DD:HH in UTC
  std::vector<BulkReason> reasons;
  std::vector<std::string> notes;      ///< sentences an administrator should read before saying yes
  std::vector<std::string> phones;     ///< the chosen ones, by name
  std::vector<BulkExcluded> excluded;  ///< by name
  std::vector<Guard> guards = {};      ///< this and the next two as RegeneratePlan's
  std::int64_t stranded = 0;
  std::string refusal = {};
};
BOOST_DESCRIBE_STRUCT(BulkPreview, (),
                      (matched, chosen, not_registered, operation, completes_by, reasons, notes,
                       phones, excluded, guards, stranded, refusal))

struct BulkString {
  std::string name;
  std::string auth_string;
};
BOOST_DESCRIBE_STRUCT(BulkString, (), (name, auth_string))

/// BulkStarted has the authentication strings that were made, which are never told again.
struct BulkStarted {
  std::int64_t job = 0;
  std::int64_t chosen = 0;
  std::int64_t excluded = 0;
  std::vector<BulkString> strings;
  std::vector<std::string> notes = {};  ///< as BulkPreview's
};
BOOST_DESCRIBE_STRUCT(BulkStarted, (), (job, chosen, excluded, strings, notes))

// --- profile.list, profile.set, profile.remove -------------------------------------------------

struct SecurityProfileFacts {
  std::string name;
  std::string auth_mode;
  std::string key_order;
  std::int64_t rsa_bits = 0;
  std::int64_t ec_bits = 0;
  std::int64_t phones = 0;      ///< that have it
  std::int64_t mismatches = 0;  ///< of them, those whose own authentication mode is another
};
BOOST_DESCRIBE_STRUCT(SecurityProfileFacts, (),
                      (name, auth_mode, key_order, rsa_bits, ec_bits, phones, mismatches))

struct SecurityProfileList {
  std::vector<SecurityProfileFacts> profiles;  ///< by name
};
BOOST_DESCRIBE_STRUCT(SecurityProfileList, (), (profiles))

/// profile.set makes a profile or changes one: what is absent keeps its value, or its default.
struct SecurityProfileFields {
  std::string name;
  std::optional<std::string> auth_mode;
  std::optional<std::string> key_order;
  std::optional<std::int64_t> rsa_bits;
  std::optional<std::int64_t> ec_bits;
};
BOOST_DESCRIBE_STRUCT(SecurityProfileFields, (), (name, auth_mode, key_order, rsa_bits, ec_bits))

struct SecurityProfileRequest {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(SecurityProfileRequest, (), (name))

// --- the methods: family, verb, level, act, request, answer ------------------------------------

#define RINGFENCE_BULK_METHODS(METHOD)                                         \
  METHOD(bulk, preview, 1, look, BulkRequest, BulkPreview)                     \
  METHOD(bulk, start, 1, begin, BulkRequest, BulkStarted)                      \
  METHOD(profile, list, 0, look, Nothing, SecurityProfileList)                 \
  METHOD(profile, set, 1, change, SecurityProfileFields, SecurityProfileFacts) \
  METHOD(profile, remove, 1, change, SecurityProfileRequest, Nothing)
RINGFENCE_BULK_METHODS(RINGFENCE_METHOD)

}  // namespace ringfence::core::admin
