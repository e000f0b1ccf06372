// SEP<mac>.cnf.xml and XMLDefault.cnf.xml: what a phone is told about its cluster.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/phones/enrolment_store.h"
#include "core/phones/phone.h"
#include "core/phones/sip_transport.h"

namespace ringfence::core {

/// ConfigMember is a further node that a phone may turn to.
struct ConfigMember {
  std::string address;
  std::uint16_t sip = 5060;
  std::uint16_t sips = 5061;
  std::uint16_t tvs = 2445;
  bool runs_call_manager = true;
  bool runs_tvs = true;

  bool operator==(const ConfigMember&) const = default;
};

/// ConfigNode is the node a configuration file points a phone at, and the others behind it.
struct ConfigNode {
  std::string address;        ///< of CallManager, TVS, CAPF and TFTP: as phones reach it
  std::uint16_t sip = 5060;   ///< UDP and TCP
  std::uint16_t sips = 5061;  ///< TLS
  std::uint16_t tvs = 2445;
  std::uint16_t capf = 3804;
  std::string load;                            ///< firmware image's name, or "" to keep what runs
  std::optional<std::uint16_t> capf_legacy{};  ///< for 79xx models, when that port is open
  std::optional<SipTransport> transport{};     ///< for every phone; absent: by model
  std::vector<ConfigMember> others{};          ///< in the order in which phones turn to them
};

/// A callManagerGroup has at most three members, a TVS list five (cucm-behaviour 6.2): the node
/// itself first, with priority 0, then as many of the others as there is room for.
inline constexpr std::size_t kMostCallManagers = 3;
inline constexpr std::size_t kMostTvs = 5;

/// config_file returns the XML of `phone`; `visit` is its capf_visit.
///
/// `capfAuthMode` is 0 unless the visit is due, then 1 (authentication string), 2 (null
/// string), 3 (LSC, then MIC) or 4 (MIC); the other elements of CAPF are always there, so that a
/// phone can find it: on the port for TLS 1.0 a model that knows no later one. Never holds the
/// authentication string: its user types that. `transportLayerProtocol` is 1 (TCP) or 2 (UDP). The
/// same arguments give the same bytes, without others those of a cluster of one; every value is
/// escaped. UTF-8, LF. Source: cucm-behaviour 5.1, 6.2, 7.1.
std::string config_file(const Phone& phone, CapfVisit visit, const ConfigNode& node);

/// default_config_file returns the XML for phones that the node does not know: where it is, and
/// nothing else.
std::string default_config_file(const ConfigNode& node);

}  // namespace ringfence::core
