// Bytes of the Trust Verification Service to typed messages and back. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/bytes.h"

namespace ringfence::services::tvs {

inline constexpr std::size_t kHeaderBytes = 10;
inline constexpr std::size_t kMaxPayloadBytes = 8192;
inline constexpr std::uint32_t kTimeToLive = 86400;  ///< seconds a phone may remember an answer

/// Command is the third byte of a message (cucm-behaviour 6.1).
enum class Command : std::uint8_t {
  verify_request = 1,
  verify_response = 2,
  query_request = 3,
  query_response = 4,
};

/// Header starts each message; `length` counts what follows it.
struct Header {
  Command command = Command::query_request;
  std::uint32_t session = 0;  ///< the phone's number, sent back as it came
  std::uint16_t length = 0;

  bool operator==(const Header&) const = default;
};

/// Verify asks whether a certificate is trusted.
struct Verify {
  std::string device;  ///< as the phone calls itself, "CP-8861-SEPB000B4BA0AEE", or empty
  core::Bytes certificate;

  bool operator==(const Verify&) const = default;
};

/// Query asks for the certificate of a signer. Names are without their NUL; what the phone did not
/// send is empty.
struct Query {
  std::string device;
  std::string subject;
  std::string issuer;
  core::Bytes serial;

  bool operator==(const Query&) const = default;
};

using Request = std::variant<Verify, Query>;

/// Answer is what TVS knows. Without `roles` the certificate is not trusted.
struct Answer {
  std::vector<std::uint8_t> roles;
  core::Bytes certificate;  ///< DER; sent in the answer to a query only

  bool trusted() const noexcept { return !roles.empty(); }
};

/// parse_header reads the ten bytes that start a request.
///
/// Throws Error{malformed} unless they are protocol 0x57, version 1, a request's command, and a
/// length of at most kMaxPayloadBytes. The fourth byte may be anything: senders leave rubbish
/// there.
Header parse_header(core::BytesView bytes);

/// parse_request reads the payload that `header` announced.
///
/// Elements may come in any order and unknown ones are passed over. Throws Error{malformed} for
/// truncated or repeated elements, a verification without a certificate, and a query that names
/// neither serial number nor subject. Tags 4 (issuer) and 5 (serial) are inferred from lengths.
Request parse_request(const Header& header, core::BytesView payload);

/// to_bytes returns the whole answer, header included, to be sent in one write.
core::Bytes to_bytes(const Header& request, const Answer& answer);

/// to_bytes returns a whole request, as a phone sends it.
core::Bytes to_bytes(std::uint32_t session, const Request& request);

}  // namespace ringfence::services::tvs
