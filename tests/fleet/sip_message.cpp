#include "tests/fleet/sip_message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::fleet {

using core::Code;
using core::Error;

namespace {

constexpr std::size_t kLongestSipBody = 64 * 1024;

/// The compact forms of RFC 3261 section 7.3.3 and RFC 6665.
constexpr std::array<std::pair<char, std::string_view>, 8> kCompact{{
    {'c', "Content-Type"},
    {'f', "From"},
    {'i', "Call-ID"},
    {'l', "Content-Length"},
    {'m', "Contact"},
    {'o', "Event"},
    {'t', "To"},
    {'v', "Via"},
}};

bool same_name(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string long_name(std::string_view name) {
  if (name.size() == 1)
    for (const auto& [letter, full] : kCompact)
      if (std::tolower(static_cast<unsigned char>(name[0])) == letter) return std::string(full);
  return std::string(name);
}

std::string word(std::string_view line, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space + 1);
  }
  return std::string(line.substr(0, line.find(' ')));
}

}  // namespace

std::string SipMessage::method() const {
  return is_response() ? "" : word(start_line, 0);
}

std::string SipMessage::uri() const {
  return is_response() ? "" : word(start_line, 1);
}

int SipMessage::status() const {
  int value = 0;
  if (!is_response()) return value;
  const std::string text = word(start_line, 1);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<std::string> SipMessage::header(std::string_view name) const {
  for (const auto& [header_name, value] : headers)
    if (same_name(header_name, name)) return value;
  return std::nullopt;
}

SipMessage parse_sip(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos)
    throw Error(Code::malformed, "the SIP message has no empty line behind its headers");
  SipMessage message;
  std::string_view head = text.substr(0, end);
  const std::size_t first = head.find("\r\n");
  message.start_line = head.substr(0, first);
  if (!message.is_response() && !message.start_line.ends_with(" SIP/2.0"))
    throw Error(Code::malformed, "the SIP message's first line is neither request nor status");
  head.remove_prefix(first == std::string_view::npos ? head.size() : first + 2);
  while (!head.empty()) {
    const std::size_t stop = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, stop);
    head.remove_prefix(std::min(stop + 2, head.size()));
    if (line.starts_with(' ') || line.starts_with('\t')) {  // folded: belongs to the line before
      if (message.headers.empty())
        throw Error(Code::malformed, "the SIP message's first header is folded");
      message.headers.back().second += fmt::format(" {}", trimmed(line));
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
      throw Error(Code::malformed, "a header of the SIP message has no name");
    message.headers.emplace_back(long_name(trimmed(line.substr(0, colon))),
                                 trimmed(line.substr(colon + 1)));
  }
  message.body = text.substr(end + 4);
  if (message.header("Content-Length")) {
    const std::size_t length = content_length_of(text.substr(0, end + 4));
    if (length > message.body.size())
      throw Error(Code::malformed, "the SIP message's body is truncated");
    message.body.resize(length);
  }
  return message;
}

std::size_t content_length_of(std::string_view head) {
  while (!head.empty()) {
    const std::size_t stop = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, stop);
    head.remove_prefix(std::min(stop + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (!same_name(long_name(trimmed(line.substr(0, colon))), "Content-Length")) continue;
    const std::string_view value = trimmed(line.substr(colon + 1));
    std::size_t length = 0;
    const auto [last, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error != std::errc() || last != value.data() + value.size() || length > kLongestSipBody)
      throw Error(Code::malformed, "the SIP message's Content-Length is no number up to 65536");
    return length;
  }
  return 0;
}

UriParts uri_of(std::string_view value) {
  const std::size_t open = value.find('<');
  if (open != std::string_view::npos) {
    value.remove_prefix(open + 1);
    value = value.substr(0, value.find('>'));
  }
  UriParts parts;
  const std::size_t scheme = value.find(':');
  if (scheme == std::string_view::npos) return parts;
  parts.is_sip =
      same_name(value.substr(0, scheme), "sip") || same_name(value.substr(0, scheme), "sips");
  if (!parts.is_sip) return parts;
  value.remove_prefix(scheme + 1);
  value = value.substr(0, value.find_first_of(";?"));
  const std::size_t at = value.find('@');
  if (at != std::string_view::npos) {
    parts.user = value.substr(0, at);
    value.remove_prefix(at + 1);
  }
  parts.host = value.substr(0, value.rfind(':'));
  return parts;
}

std::string sip_response(const SipMessage& request, int status, std::string_view reason,
                         std::string_view tag) {
  std::string text = fmt::format("SIP/2.0 {} {}\r\n", status, reason);
  for (const auto& [name, value] : request.headers) {
    const bool is_to = same_name(name, "To");
    if (!is_to && !same_name(name, "Via") && !same_name(name, "From") &&
        !same_name(name, "Call-ID") && !same_name(name, "CSeq"))
      continue;
    text += fmt::format("{}: {}", name, value);
    if (is_to && value.find(";tag=") == std::string::npos) text += fmt::format(";tag={}", tag);
    text += "\r\n";
  }
  return text + "Content-Length: 0\r\n\r\n";
}

}  // namespace ringfence::fleet
