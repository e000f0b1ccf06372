// The text that one node exports and another imports: who it is, where, and its certificates.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/bytes.h"
#include "core/trust/cluster.h"

namespace ringfence::core {

inline constexpr std::size_t kMostNodeFileBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMostNodeAddresses = 4;

// clang-format off
/// encode_node_file writes a node's document, version 1. Public only; the same node gives the same
/// bytes. ASCII, LF, one field a line, in this order:
///
///     Ringfence-Node: 1                  the document's version
///     Name: ringfence                    1 to 48 letters, digits, '-', '_' and '.'
///     Domain: example.com                may be absent
///     Address: 192.0.2.7                 IPv4 or host name; 1 to 4 lines, phones use the first
///     Ports: sip=5060 sips=5061 tvs=2445 capf=3804
///     Roles: callmanager tftp tvs capf   what it runs for phones
///     Certificate: TVS                   a unit, and below it one PEM block; each unit once
///     -----BEGIN CERTIFICATE-----
///     …
///     -----END CERTIFICATE-----
///     End: 5                             how many certificates there were
std::string encode_node_file(const ClusterNode& node);
// clang-format on

/// parse_node_file reads what encode_node_file writes, of at most 64 KiB. The node is a subscriber
/// without a number.
///
/// Fields may come in any order between the first and the last. CRLF, blank lines, spaces around a
/// line, a byte order mark, and text before the first and behind the last line (a prompt that was
/// copied along) are passed over. Pure. Throws Error{malformed} that names the line and what would
/// be right: a version that is not known, a field twice or unknown, a unit twice, a block that is
/// no certificate or is cut, a role without its certificate, a second document.
ClusterNode parse_node_file(BytesView text);

/// node_fingerprint is the SHA-256 of the node's document, in upper-case hexadecimal with ':'
/// between bytes: what two administrators compare.
std::string node_fingerprint(const ClusterNode& node);

/// check_node_name and check_node_address throw Error{malformed} with what would be right.
void check_node_name(const std::string& name);
void check_node_address(const std::string& address);

}  // namespace ringfence::core
