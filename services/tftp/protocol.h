// TFTP packets to typed messages and back. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/bytes.h"

namespace ringfence::services::tftp {

inline constexpr std::size_t kDefaultBlockBytes = 512;  ///< RFC 1350
inline constexpr std::size_t kDataHeaderBytes = 4;      ///< of a DATA packet: opcode, block
inline constexpr std::size_t kMaxBlockBytes = 65464;    ///< RFC 2348
inline constexpr std::size_t kMaxRequestBytes = 512;    ///< RFC 2347 section 2
inline constexpr std::size_t kMaxWindow = 64;           ///< what we do of RFC 7440's 65535
inline constexpr std::size_t kMaxWindowBytes = 65'000;  ///< … and all its packets together
inline constexpr unsigned kMaxTimeoutSeconds = 5;       ///< what we do of RFC 2349's 255

/// An answer to somebody who has not proved to be there may have so many bytes for each of his.
inline constexpr std::size_t kMaxAmplification = 3;

/// Failure is the number of an ERROR packet (RFC 1350 section 5, RFC 2347 section 4).
enum class Failure : std::uint16_t {
  undefined = 0,
  not_found = 1,
  access_violation = 2,
  disk_full = 3,
  illegal_operation = 4,
  unknown_transfer = 5,
  file_exists = 6,
  no_such_user = 7,
  refused_option = 8,
};

enum class Mode { octet, netascii };

/// Options are what the client asked for and we can do; the others are left out, which tells the
/// client that we do not (RFC 2347).
struct Options {
  std::optional<std::size_t> block_bytes;  ///< 8 to 65464 (RFC 2348); a larger wish gets 65464
  /// 1 to 5. A longer one, which would keep a dead transfer for minutes, is left out of the OACK,
  /// as RFC 2349 lets us: the client then waits as long as it wants and we as long as we want.
  std::optional<unsigned> timeout_seconds;
  bool size = false;  ///< the client wants to know the size (RFC 2349)
  /// Blocks that are sent before an acknowledgement (RFC 7440). A larger wish gets what fits into
  /// kMaxWindow and kMaxWindowBytes, at least 1.
  std::optional<std::size_t> window = {};

  bool any() const noexcept { return block_bytes || timeout_seconds || size || window; }

  bool operator==(const Options&) const = default;
};

/// ReadRequest is an RRQ. `file` is as the client sent it, unchecked.
struct ReadRequest {
  std::string file;
  Mode mode = Mode::octet;
  Options options;

  bool operator==(const ReadRequest&) const = default;
};

struct Acknowledgement {
  std::uint16_t block = 0;
};

struct Refusal {
  Failure failure = Failure::undefined;
};

/// Reply is what a client may send during a transfer.
using Reply = std::variant<Acknowledgement, Refusal>;

/// is_request tells whether a datagram is an RRQ or WRQ at all: only those deserve an answer.
bool is_request(core::BytesView datagram) noexcept;

/// parse_request decodes the first datagram of a client.
///
/// Throws Error{malformed} for anything truncated, unterminated or repeated, and `refused` for a
/// write request: this server is read only. Source: RFC 1350 section 5; RFC 2347 to 2349;
/// RFC 7440.
ReadRequest parse_request(core::BytesView datagram);

/// parse_reply decodes an ACK or ERROR; throws Error{malformed} for everything else.
Reply parse_reply(core::BytesView datagram);

core::Bytes data_packet(std::uint16_t block, core::BytesView data);

/// append_data writes the same packet behind what `packets` holds.
void append_data(core::Bytes& packets, std::uint16_t block, core::BytesView data);

core::Bytes error_packet(Failure failure, std::string_view text);

/// error_within is the same for somebody who sent `datagram_bytes` and has not proved to be there:
/// without its text, or nothing, when that would be more than kMaxAmplification times as much.
core::Bytes error_within(std::size_t datagram_bytes, Failure failure, std::string_view text);

/// option_packet is the OACK for the options that were asked, and no others; `file_bytes` answers
/// the wish for the size.
core::Bytes option_packet(const Options& options, std::size_t file_bytes);

/// request_packet is a client's RRQ.
core::Bytes request_packet(const ReadRequest& request);

/// to_netascii writes LF as CR LF and CR as CR NUL (RFC 764).
core::Bytes to_netascii(core::BytesView text);

}  // namespace ringfence::services::tftp
