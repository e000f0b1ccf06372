// What a phone's REGISTER says and what a reset's NOTIFY must say, without a SIP stack.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"

namespace ringfence::services::callmanager {

/// ResetKind is what a phone can be asked to do.
enum class ResetKind { reset, restart, apply_config };

/// word returns "reset", "restart" or "apply-config", as in the body of a NOTIFY.
std::string_view word(ResetKind kind) noexcept;

/// reset_kind_from reads the word; throws Error{malformed} that lists the three.
ResetKind reset_kind_from(std::string_view word);

/// kSipPort is what a URI or Via without a port means.
inline constexpr std::uint16_t kSipPort = 5060;

/// SentBy is where a Via says that its sender listens.
struct SentBy {
  std::string host;
  std::uint16_t port = kSipPort;
  bool rport = false;  ///< asks for answers where the packet came from (RFC 3581)
};

/// Contact is one Contact of a REGISTER, the escapes of its URI as they came.
struct Contact {
  std::string uri;                              ///< without brackets and header parameters
  std::string user;                             ///< its user part
  std::string host{};                           ///< its host part
  std::uint16_t port = kSipPort;                ///< its port
  std::string instance;                         ///< +sip.instance without quotes, or empty
  std::string device_name;                      ///< +u.sip!devicename.ccm.cisco.com, or empty
  bool keep_alive = false;                      ///< says cisco-keep-alive
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
  SentBy sent_by{};  ///< of its first Via
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

/// address_in returns "address" of "address:port".
std::string_view address_in(std::string_view peer) noexcept;

/// answer_port returns the port at `peer` ("address:port") where an answer over UDP goes: with
/// `rport` the one it came from, else the one the Via names, 5060 when that names none. Never is
/// another address answered: `maddr` and a Via's host have no say. Source: RFC 3261 section 18.2.2,
/// RFC 3581 section 4.
std::uint16_t answer_port(const SentBy& sent_by, std::string_view peer) noexcept;

/// notify_target returns "address:port" where the phone behind `contact` listens.
///
/// Over TCP, and with `rport`, that is where its REGISTER came from. A 79xx sends from a throw-away
/// port and says in Contact and Via where it listens: the port of the first of these whose host is
/// the address that the packet came from; when neither is (there is NAT between), the port it came
/// from.
std::string notify_target(const Contact& contact, const Register& request);

/// date_header returns the time as a Date header has it: "Sat, 28 Nov 2026 07:06:26 GMT".
/// Source: RFC 3261 section 20.17.
std::string date_header(core::Time time);

/// NotifyText is what a NOTIFY consists of.
struct NotifyText {
  std::string uri;        ///< Request-URI and To
  std::string transport;  ///< "udp" or "tcp"
  std::string own_uri;    ///< of From (without a user part) and Contact
  std::string sent_by;    ///< "address:port" of ours, in Via
  std::string branch;
  std::string tag;
  std::string call_id;
  std::string body;
};

/// notify_text returns the whole request. A From with a user part is answered 400 by a 7975.
/// Source: cucm-behaviour 7.1.
std::string notify_text(const NotifyText& notify);

/// notify_uri returns the Request-URI of a NOTIFY: the contact's user at the peer's address.
std::string notify_uri(std::string_view contact_user, std::string_view peer,
                       std::string_view transport);

}  // namespace ringfence::services::callmanager
