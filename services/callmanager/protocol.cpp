#include "services/callmanager/protocol.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::services::callmanager {

using core::Code;
using core::Error;

namespace {

constexpr std::size_t kMostContacts = 8;
constexpr std::size_t kLongestCallId = 256;
constexpr std::size_t kLongestUri = 512;
constexpr std::string_view kNoStamp = "00000000-0000-0000-0000-000000000000";

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(), [](char expected, char c) {
    return expected == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c);
  });
}

// A phone's instance is "<urn:uuid:00000000-0000-0000-0000-001122334455>".
std::string mac_of(std::string_view instance) {
  if (!instance.empty() && instance.front() == '<') instance.remove_prefix(1);
  if (!instance.empty() && instance.back() == '>') instance.remove_suffix(1);
  constexpr std::string_view kUrn = "urn:uuid:00000000-0000-0000-0000-";
  if (!starts_with_ignoring_case(instance, kUrn)) return {};
  std::string mac(instance.substr(kUrn.size()));
  if (mac.size() != 12) return {};
  for (char& c : mac) {
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 0x20);
    if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'))) return {};
  }
  return mac;
}

void check_contact(const Contact& contact) {
  if (contact.uri.size() > kLongestUri || !printable(contact.uri))
    throw Error(Code::malformed, "a contact must be at most 512 printable characters");
  if (!starts_with_ignoring_case(contact.uri, "sip:") &&
      !starts_with_ignoring_case(contact.uri, "sips:"))
    throw Error(Code::malformed, "a contact must be a sip URI");
  if (contact.user.empty()) throw Error(Code::malformed, "a contact must have a user part");
}

}  // namespace

std::string_view word(ResetKind kind) noexcept {
  switch (kind) {
    case ResetKind::reset: return "reset";
    case ResetKind::restart: return "restart";
    case ResetKind::apply_config: return "apply-config";
  }
  return "";
}

ResetKind reset_kind_from(std::string_view word) {
  if (word == "reset") return ResetKind::reset;
  if (word == "restart") return ResetKind::restart;
  if (word == "apply-config") return ResetKind::apply_config;
  throw Error(Code::malformed, "kind must be reset, restart or apply-config");
}

void check_register(const Register& request) {
  if (request.call_id.empty() || request.call_id.size() > kLongestCallId ||
      !printable(request.call_id))
    throw Error(Code::malformed, "a Call-ID must be 1 to 256 printable characters");
  if (request.contacts.size() > kMostContacts)
    throw Error(Code::malformed, "a REGISTER may have at most 8 contacts");
  if (request.every_contact) {
    if (!request.contacts.empty()) throw Error(Code::malformed, "the contact '*' must stand alone");
    if (request.expires != std::chrono::seconds(0))
      throw Error(Code::malformed, "the contact '*' needs Expires: 0");
  }
  for (const Contact& contact : request.contacts) check_contact(contact);
}

std::vector<std::string> device_names(const Contact* contact, std::string_view to_user) {
  std::vector<std::string> names;
  const auto add = [&names](std::string name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  };
  if (contact != nullptr) {
    add(contact->device_name);
    if (const std::string mac = mac_of(contact->instance); !mac.empty()) {
      add("SEP" + mac);
      add("ATA" + mac);
    }
    add(contact->user);
  }
  add(std::string(to_user));
  return names;
}

std::string service_control_body(ResetKind kind, std::string_view call_id,
                                 std::string_view config_stamp) {
  std::string body = fmt::format("action={}\r\nRegisterCallId={{{}}}\r\n", word(kind), call_id);
  if (kind != ResetKind::apply_config) return body;
  // An apply-config without one of these is answered 400; LoadId and the servers may be empty.
  body += fmt::format(
      "ConfigVersionStamp={{{}}}\r\nDialplanVersionStamp={{{}}}\r\nSoftkeyVersionStamp={{{}}}\r\n"
      "CUCMResult=config_applied\r\nLoadId={{}}\r\nLoadServer={{}}\r\nLogServer={{}}\r\n",
      config_stamp.empty() ? kNoStamp : config_stamp, kNoStamp, kNoStamp);
  return body;
}

std::string_view address_in(std::string_view peer) noexcept {
  return peer.substr(0, std::min(peer.rfind(':'), peer.size()));
}

std::uint16_t answer_port(const SentBy& sent_by, std::string_view peer) noexcept {
  if (!sent_by.rport) return sent_by.port;
  const std::string_view digits = peer.substr(std::min(address_in(peer).size() + 1, peer.size()));
  std::uint16_t port = kSipPort;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port;
}

std::string notify_target(const Contact& contact, const Register& request) {
  if (request.transport != "udp" || request.sent_by.rport) return request.peer;
  const std::string_view address = address_in(request.peer);
  if (contact.host == address) return fmt::format("{}:{}", address, contact.port);
  if (request.sent_by.host == address) return fmt::format("{}:{}", address, request.sent_by.port);
  return request.peer;
}

std::string date_header(core::Time time) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day day(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[std::chrono::weekday(midnight).c_encoding()],
                     static_cast<unsigned>(day.day()),
                     kMonths[static_cast<unsigned>(day.month()) - 1], static_cast<int>(day.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string notify_text(const NotifyText& notify) {
  const bool tcp = notify.transport == "tcp";
  std::string text = fmt::format("NOTIFY {} SIP/2.0\r\n", notify.uri);
  text += fmt::format("Via: SIP/2.0/{} {};branch={};rport\r\n", tcp ? "TCP" : "UDP", notify.sent_by,
                      notify.branch);
  text += fmt::format("Max-Forwards: 70\r\nFrom: <{}>;tag={}\r\nTo: <{}>\r\n", notify.own_uri,
                      notify.tag, notify.uri);
  text += fmt::format("Call-ID: {}\r\nCSeq: 1 NOTIFY\r\nContact: <{}>\r\n", notify.call_id,
                      notify.own_uri);
  text += "Event: service-control\r\nSubscription-State: active\r\nContent-Type: text/plain\r\n";
  text += fmt::format("Content-Length: {}\r\n\r\n{}", notify.body.size(), notify.body);
  return text;
}

std::string notify_uri(std::string_view contact_user, std::string_view peer,
                       std::string_view transport) {
  return fmt::format("sip:{}@{}{}", contact_user, peer, transport == "tcp" ? ";transport=tcp" : "");
}

}  // namespace ringfence::services::callmanager
