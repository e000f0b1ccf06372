// Why a phone has no LSC: the checks that an administrator would make, as functions over facts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/admin/capf_api.h"
#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/phones/acceptance.h"
#include "core/phones/capf_inventory.h"
#include "core/phones/capf_policy.h"
#include "core/phones/fetch_store.h"
#include "core/phones/phone.h"
#include "core/phones/registration_store.h"
#include "core/phones/security_profile_store.h"
#include "services/admin/capf/finding.h"

namespace ringfence::services::admin {

/// NameAnswer is what this machine's resolver said of one name.
struct NameAnswer {
  std::string name;
  std::vector<std::string> addresses;  ///< empty: it does not resolve here
  std::string error;                   ///< the resolver's words, then
};

/// PortAnswer is what a TLS client on this machine met at CAPF's port.
struct PortAnswer {
  std::string address;  ///< "127.0.0.1:3804"
  bool connected = false;
  bool shook_hands = false;
  std::string error;        ///< why not
  core::Bytes certificate;  ///< DER that the server showed, or empty
};

/// ServiceState is a service as `utils service list` shows it.
struct ServiceState {
  std::string name;
  std::string state;
  std::string reason;
};

/// Served is the ITL that this node serves now.
struct Served {
  std::string sha1;   ///< of the file, "" without one
  std::string state;  ///< "verified", "missing", "corrupt", "not verified"
  std::string error;
};

/// FetchedList is a published ITL that a phone fetched, as far as it is still kept here.
struct FetchedList {
  bool known = false;         ///< the very file is among the versions in admin.db
  std::string problem;        ///< why it cannot be read, or ""
  std::string reason;         ///< for which it was published
  bool has_capf = false;      ///< it has a record with the function CAPF
  bool current_capf = false;  ///< and that is the certificate CAPF uses now
  std::string capf_subject;   ///< of that record
};

/// DiagnosisFacts is everything that the checks look at.
struct DiagnosisFacts {
  core::Time now;
  core::Phone phone;
  core::CapfState state;
  std::vector<core::CapfEvent> events;  ///< newest first
  core::CapfPolicy policy;
  std::optional<core::SecurityProfile> profile;
  std::optional<core::Registration> registration;
  std::optional<core::Fetch> itl;
  core::Judgement trust;  ///< what the phone makes of the list in force
  std::optional<core::Fetch> config;
  FetchedList fetched;
  Served served;
  std::string capf_subject;              ///< of the current CAPF certificate, "" without one
  core::Bytes capf_certificate;          ///< DER
  std::optional<core::Time> capf_until;  ///< its end
  ServiceState capf;
  ServiceState tftp;
  ServiceState tvs;
  PortAnswer port;
  std::string token_problem;  ///< what keeps the token from signing and what to do, or ""
  std::string advertised;     ///< the address that phones are told
  std::vector<NameAnswer> names;

  /// outcome is that of the phone's last request, if it had one.
  std::optional<core::Outcome> outcome() const;
  core::OperationStatus status() const;
  /// waits tells whether the phone still is to get, lose or show a certificate.
  bool waits() const;
  /// newest returns the newest event of that kind that belongs to what is asked now, while that has
  /// not succeeded, and did not happen before the phone fetched its present configuration.
  const core::CapfEvent* newest(std::string_view kind) const;

 private:
  bool older_than_request(const core::CapfEvent& event) const;
};

using Check = Finding (*)(const DiagnosisFacts& facts);

// The checks, each pure. lsc-on-ip-phones.txt, "Troubleshoot"; cucm-behaviour 5.2.
Finding check_operation(const DiagnosisFacts& facts);
Finding check_deadline(const DiagnosisFacts& facts);
Finding check_capf_service(const DiagnosisFacts& facts);
Finding check_capf_port(const DiagnosisFacts& facts);
Finding check_capf_certificate(const DiagnosisFacts& facts);
Finding check_token(const DiagnosisFacts& facts);
Finding check_registration(const DiagnosisFacts& facts);
Finding check_configuration(const DiagnosisFacts& facts);
Finding check_served_itl(const DiagnosisFacts& facts);
Finding check_phone_itl(const DiagnosisFacts& facts);
Finding check_capf_entry(const DiagnosisFacts& facts);
Finding check_capf_entry_certificate(const DiagnosisFacts& facts);
Finding check_tftp_service(const DiagnosisFacts& facts);
Finding check_tvs_service(const DiagnosisFacts& facts);
Finding check_name(const DiagnosisFacts& facts);
Finding check_profile_mode(const DiagnosisFacts& facts);
Finding check_phone_mode(const DiagnosisFacts& facts);
Finding check_precedence(const DiagnosisFacts& facts);
Finding check_certificate_shown(const DiagnosisFacts& facts);
Finding check_auth_string(const DiagnosisFacts& facts);
Finding check_key(const DiagnosisFacts& facts);
Finding check_conversation(const DiagnosisFacts& facts);
Finding check_offline_ca(const DiagnosisFacts& facts);
Finding check_stale(const DiagnosisFacts& facts);
Finding check_lsc(const DiagnosisFacts& facts);

/// diagnose runs them all, in that order, and says in one sentence what is most likely.
core::admin::CapfStatus diagnose(const DiagnosisFacts& facts);

}  // namespace ringfence::services::admin
