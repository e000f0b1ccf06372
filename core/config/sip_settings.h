// How phones are told to speak SIP, and how long a registration lives.
#pragma once

#include <chrono>
#include <optional>

namespace ringfence::core {

/// SipTransport is what a phone is told to register over. The numbers are those of
/// `transportLayerProtocol` in its configuration file (3 would be TLS).
enum class SipTransport { over_tcp = 1, over_udp = 2 };

/// SipSettings are the section [callmanager] of ringfence.toml.
struct SipSettings {
  /// What every phone is told; absent: each what its model can (sip_transport_of).
  std::optional<SipTransport> transport;
  /// What a REGISTER is granted at most, as CUCM's SIP Station KeepAlive Interval.
  std::chrono::seconds lifetime{120};
  /// How long after that a registration is believed, for a refresh that is under way.
  std::chrono::seconds grace{5};
};

}  // namespace ringfence::core
