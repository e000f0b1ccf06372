// What a phone reads out of its configuration file.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringfence::fleet {

/// Service is an address and a port of the configuration; empty and 0 when it names none.
struct Service {
  std::string address;
  std::uint16_t port = 0;

  bool known() const noexcept { return !address.empty() && port != 0; }
};

/// PhoneConfig is the part of SEP<mac>.cnf.xml that matters here.
struct PhoneConfig {
  std::string version_stamp;  ///< without braces
  int capf_auth_mode = 0;     ///< 0 nothing to do, 1 string, 2 null string, 3 LSC, 4 MIC
  Service capf;
  Service tvs;
  Service call_manager;                         ///< `port` is SIP's for UDP and TCP
  std::chrono::seconds register_expires{3600};  ///< timerRegisterExpires
  int sip_transport = 2;                        ///< transportLayerProtocol: 1 is TCP, 2 is UDP
  std::chrono::seconds register_delta{5};       ///< timerRegisterDelta: refreshed so much earlier
};

/// parse_phone_config finds each element by its path of names, as written by CUCM.
/// Throws core::Error{malformed} when it is no configuration or a number is none.
PhoneConfig parse_phone_config(std::string_view xml);

}  // namespace ringfence::fleet
