#include "services/callmanager/phone_alarm.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "services/callmanager/alarm_xml.h"

namespace ringfence::services::callmanager {

namespace {

constexpr std::size_t kLongestWord = 128;
constexpr std::size_t kMostHashes = 4;
constexpr int kMostParts = 8;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 0x20);
  return result;
}

bool says(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [text](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

// What is shown and stored: one line of visible characters.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, kLongestWord));
  for (char& c : result)
    if (c < 0x20 || c > 0x7e) c = '?';
  return result;
}

int number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && value > 0 && value < 100'000 ? value : 0;
}

std::string digest_of(std::size_t bytes) {
  switch (bytes) {
    case 16: return "MD5";
    case 20: return "SHA-1";
    case 32: return "SHA-256";
    default: return {};
  }
}

// Hexadecimal, with the colons and blanks people put in, or base64; the bytes of a digest or none.
core::Bytes digest_in(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ':' && c != ' ') digits += c;
  if (digits.size() > 64) return {};
  try {
    const bool hex = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (hex && digits.size() % 2 == 0 && !digest_of(digits.size() / 2).empty())
      return core::from_hex(digits);
    while (digits.size() % 4 != 0) digits += '=';
    const core::Bytes bytes = core::from_base64(digits);
    if (!digest_of(bytes.size()).empty()) return bytes;
  } catch (const core::Error&) {  // not a hash
  }
  return {};
}

bool is_trust_failure(std::string_view text) {
  return !says(text, {"title"}) &&
         says(text, {"trust list", "trustlist", "trust_list", "itl", "ctl"}) &&
         says(text, {"fail", "refus", "reject", "invalid", "not verified", "unverified"});
}

void take(PhoneAlarm& alarm, const Parameter& parameter) {
  const std::string name = lower(parameter.first);
  const std::string& value = parameter.second;
  const auto keep = [&value](std::string& member) {
    if (member.empty()) member = shown(value);
  };
  if (is_trust_failure(name + " " + lower(value)) && alarm.trust_failure.empty())
    alarm.trust_failure = shown(value.empty() ? parameter.first : parameter.first + ": " + value);
  if (says(name, {"itl"})) {
    const core::Bytes digest = digest_in(value);
    if (!digest.empty() && alarm.itl.size() < kMostHashes)
      alarm.itl.push_back({shown(parameter.first), digest_of(digest.size()), core::to_hex(digest)});
    return;
  }
  if (value.empty()) return;
  if (name == "devicename" || name == "name") return keep(alarm.device);
  if (says(name, {"inactiveload", "inactive_load"})) return keep(alarm.inactive_load);
  if (says(name, {"activeload", "active_load", "firmwareversion", "loadid", "apploadid"}))
    return keep(alarm.active_load);
  if (says(name, {"reasonforoutofservice", "lastoutofservicereason", "reasoncode"})) {
    if (alarm.cause == 0) alarm.cause = number(value);
    if (number(value) == 0) keep(alarm.last_reason);
    return;
  }
  if (name == "last" || says(name, {"lastreason", "last_reason", "resetreason", "restartreason"}))
    keep(alarm.last_reason);
}

bool is_alarm_type(std::string_view type) {
  return type.starts_with("application/x-cisco-alarm+xml") ||
         type.starts_with("application/x-cisco-remotecc-request+xml");
}

PhoneAlarm alarm_in_xml(std::string_view xml) {
  PhoneAlarm alarm;
  std::string around;
  for (const Parameter& parameter : scan_xml(xml)) {
    const std::string name = lower(parameter.first);
    // <Alarm Name="X">: the element after the root is the alarm, and has no text of its own.
    if (around == "x-cisco-alarm" && alarm.name.empty()) alarm.name = shown(parameter.first);
    around = name;
    take(alarm, parameter);
  }
  return alarm;
}

/// boundary_of returns the boundary parameter of a multipart's Content-Type, or "".
std::string boundary_of(std::string_view content_type) {
  const std::size_t at = lower(content_type).find("boundary=");
  if (at == std::string::npos) return {};
  std::string_view value = content_type.substr(at + 9);
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    value = value.substr(0, value.find('"'));
  } else {
    value = value.substr(0, value.find_first_of("; \t"));
  }
  return value.size() > 70 ? std::string() : std::string(value);  // RFC 2046 section 5.1.1
}

/// content_type_of returns the Content-Type in the head of a part.
std::string content_type_of(std::string_view head) {
  const std::string text = lower(head);
  const std::size_t at = text.find("content-type:");
  if (at == std::string::npos) return {};
  const std::size_t start = text.find_first_not_of(" \t", at + 13);
  if (start == std::string::npos) return {};
  return text.substr(start, text.find_first_of("\r\n", start) - start);
}

PhoneAlarm alarm_in_parts(std::string_view boundary, std::string_view body) {
  PhoneAlarm alarm;
  const std::string mark = "--" + std::string(boundary);
  std::size_t at = body.find(mark);
  for (int part = 0; part < kMostParts && at != std::string_view::npos; ++part) {
    const std::size_t start = at + mark.size();
    at = body.find(mark, start);
    const std::string_view text =
        body.substr(start, at == std::string_view::npos ? std::string_view::npos : at - start);
    const std::size_t blank = std::min(text.find("\r\n\r\n"), text.find("\n\n"));
    if (blank == std::string_view::npos) continue;
    if (is_alarm_type(content_type_of(text.substr(0, blank))))
      alarm = merged(std::move(alarm), alarm_in_xml(text.substr(blank)));
  }
  return alarm;
}

}  // namespace

bool PhoneAlarm::empty() const noexcept {
  return name.empty() && cause == 0 && last_reason.empty() && active_load.empty() &&
         inactive_load.empty() && itl.empty() && trust_failure.empty();
}

PhoneAlarm alarm_in_reason(std::string_view value) {
  PhoneAlarm alarm;
  constexpr std::string_view kMark = "cisco-alarm:";
  const std::size_t start = lower(value).find(kMark);
  if (start == std::string::npos) return alarm;
  std::string_view text = value.substr(start + kMark.size());
  text = text.substr(0, text.find('"'));
  alarm.cause = number(text.substr(0, text.find_first_not_of("0123456789")));
  // "25 Name=… ActiveLoad=… Last=Initialized": words, and what follows a word without '=' is its.
  std::vector<Parameter> parameters;
  while (!text.empty() && parameters.size() < 32) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos)
      parameters.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    else if (!parameters.empty() && !word.empty())
      parameters.back().second += " " + std::string(word);
  }
  for (const Parameter& parameter : parameters)
    take(alarm,
         lower(parameter.first) == "load" ? Parameter("activeload", parameter.second) : parameter);
  return alarm;
}

PhoneAlarm alarm_in_body(std::string_view content_type, std::string_view body) {
  const std::string type = lower(content_type);
  if (is_alarm_type(type)) return alarm_in_xml(body);
  if (!type.starts_with("multipart/")) return {};
  const std::string boundary = boundary_of(content_type);
  return boundary.empty() ? PhoneAlarm() : alarm_in_parts(boundary, body);
}

PhoneAlarm merged(PhoneAlarm first, const PhoneAlarm& second) {
  const auto fill = [](std::string& member, const std::string& other) {
    if (member.empty()) member = other;
  };
  fill(first.name, second.name);
  fill(first.device, second.device);
  fill(first.last_reason, second.last_reason);
  fill(first.active_load, second.active_load);
  fill(first.inactive_load, second.inactive_load);
  fill(first.trust_failure, second.trust_failure);
  if (first.cause == 0) first.cause = second.cause;
  for (const ReportedHash& hash : second.itl)
    if (first.itl.size() < kMostHashes) first.itl.push_back(hash);
  return first;
}

}  // namespace ringfence::services::callmanager
