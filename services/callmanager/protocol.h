// What a phone's REGISTER says and what a reset's NOTIFY must say, without a SIP stack.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfence::services::callmanager {

/// ResetKind is what a phone can be asked to do.
enum class ResetKind { reset, restart, apply_config };

/// word returns "reset", "restart" or "apply-config", as in the body of a NOTIFY.
std::string_view word(ResetKind kind) noexcept;

/// reset_kind_from reads the word; throws Error{malformed} that lists the three.
ResetKind reset_kind_from(std::string_view word);

/// Contact is one Contact of a REGISTER, the escapes of its URI as they came.
struct Contact {
  std::string uri;                              ///< without brackets and header parameters
  std::string user;                             ///< its user part
  std::string instance;                         ///< +sip.instance without quotes, or empty
  std::string device_name;                      ///< +u.sip!devicename.ccm.cisco.com, or empty
  std::optional<std::chrono::seconds> expires;  ///< its expires parameter
};

/// Register is a REGISTER as far as a registrar cares.
struct Register {
  std::string call_id;
  std::uint32_t cseq = 0;
  std::string to_user;
  std::vector<Contact> contacts;
  bool every_contact = false;                   ///< "Contact: *"
  std::optional<std::chrono::seconds> expires;  ///< the Expires header
  std::string transport;                        ///< "udp" or "tcp"
  std::string peer;                             ///< "address:port" it came from
  std::string user_agent;
};

/// check_register throws Error{malformed} naming what cannot be: a Call-ID that is no printable
/// text of at most 256 characters, more than 8 contacts, a contact that is no sip URI with a user
/// part of at most 512 characters, a '*' beside other contacts or without "Expires: 0".
/// Source: RFC 3261 section 10.3; the user part: cucm-behaviour 7.1 (a phone wants it in NOTIFY).
void check_register(const Register& request);

/// device_names returns the device names that a contact may stand for, best first: what the phone
/// says itself, the MAC address in its instance (as SEP and as ATA), the contact's user, To's user.
///
/// `contact` is null for a REGISTER that only asks. Letters of the names are as they came, those
/// made of a MAC address upper case.
std::vector<std::string> device_names(const Contact* contact, std::string_view to_user);

/// service_control_body returns the body of the NOTIFY that makes a phone obey.
///
/// `call_id` is that of the phone's last REGISTER; `config_stamp` is written for apply-config only.
/// FeatureControlVersionStamp is never sent: an 8861 refuses it. Lines end in CR LF.
/// Source: cucm-behaviour 7.1.
std::string service_control_body(ResetKind kind, std::string_view call_id,
                                 std::string_view config_stamp);

/// notify_uri returns the Request-URI of a NOTIFY: the contact's user at the peer's address.
std::string notify_uri(std::string_view contact_user, std::string_view peer,
                       std::string_view transport);

}  // namespace ringfence::services::callmanager
