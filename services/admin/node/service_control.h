// Service control behind one interface: child processes from a checkout, systemd on the appliance.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/admin/api.h"

namespace ringfence::services::admin {

/// Service is one daemon that administrators start and stop by CUCM's name for it.
struct Service {
  std::string_view name;    ///< "Cisco Tftp"
  std::string_view daemon;  ///< "tftp": binary ringfence-tftp, control socket run/tftp.sock
  bool needs_key = false;   ///< it cannot start while the token cannot sign
};

inline constexpr std::array kServices = {
    Service{"Cisco CallManager", "callmanager"},
    Service{"Cisco Tftp", "tftp"},
    Service{"Cisco Certificate Authority Proxy Function", "capf"},
    Service{"Cisco Trust Verification Service", "tvs", true},
};

/// The signer is started before all services and stopped after them; it is not for administrators
/// to stop, so it is not in kServices.
inline constexpr Service kSigner{"Ringfence Signer", "signer"};

/// The reason of a service that an administrator stopped.
inline constexpr std::string_view kCommandedOut = "Commanded Out of Service";

/// same_name says whether a service is called so, in any case.
bool same_name(const Service& service, std::string_view name);

/// service_named finds a service by its name in any case.
std::optional<Service> service_named(std::string_view name);

/// ServiceControl starts and stops services. Safe from several threads; changes are serialised.
class ServiceControl {
 public:
  ServiceControl() = default;
  ServiceControl(const ServiceControl&) = delete;
  ServiceControl& operator=(const ServiceControl&) = delete;
  virtual ~ServiceControl() = default;

  virtual core::admin::ServiceFacts state(const Service& service) = 0;
  /// Both return the states the service went through; the last one is where it is now. Starting
  /// waits until the service answers on its control socket (20 s at most), stopping until it ended
  /// (killed after 10 s). Doing what is done already returns the one state.
  virtual std::vector<core::admin::ServiceFacts> start(const Service& service) = 0;
  virtual std::vector<core::admin::ServiceFacts> stop(const Service& service) = 0;
  /// gave_up says whether a service ended in a way that must not be repeated by itself.
  virtual bool gave_up(const Service& service) = 0;
};

}  // namespace ringfence::services::admin
