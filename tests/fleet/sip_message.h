// SIP messages as text, read and written by hand: a second opinion of the registrar's stack.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfence::fleet {

/// SipMessage is one request or response (RFC 3261 section 7).
struct SipMessage {
  std::string start_line;
  std::vector<std::pair<std::string, std::string>> headers;  ///< long names, as they came in order
  std::string body;

  bool is_response() const noexcept { return start_line.starts_with("SIP/2.0 "); }

  std::string method() const;  ///< of a request, "" for a response
  std::string uri() const;     ///< Request-URI of a request
  int status() const;          ///< of a response, 0 for a request

  /// header returns the first of that name in any case, or nothing.
  std::optional<std::string> header(std::string_view name) const;
};

/// parse_sip reads a whole message; compact header names become long ones.
/// Throws core::Error{malformed} for anything that is not a message.
SipMessage parse_sip(std::string_view text);

/// content_length_of reads the Content-Length of a message's head (up to the empty line), or 0.
/// Throws core::Error{malformed} when it is no number up to 64 KiB.
std::size_t content_length_of(std::string_view head);

/// UriParts is what a "sip:user@host:port;…" or "<sip:…>" says.
struct UriParts {
  bool is_sip = false;
  std::string user;
  std::string host;
};

/// uri_of reads the URI of a Request-URI, From, To or Contact; what it is not stays empty.
UriParts uri_of(std::string_view value);

/// sip_response answers `request`: Via, From, To (with `tag`), Call-ID and CSeq are copied.
std::string sip_response(const SipMessage& request, int status, std::string_view reason,
                         std::string_view tag);

}  // namespace ringfence::fleet
