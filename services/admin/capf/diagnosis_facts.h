// Gathering what a diagnosis looks at: databases, files, services, the port, the resolver.
#pragma once

#include <cstdint>
#include <string>

#include "services/admin/capf/diagnosis.h"
#include "services/admin/node/house.h"
#include "services/admin/node/opening.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// gather collects the facts about one phone; blocks for the resolver and for a TLS handshake of at
/// most some seconds. Throws Error{not_found} for an unknown phone.
DiagnosisFacts gather(House& house, TrustKeeper& keeper, ServiceControl& services, Opening& opening,
                      const std::string& phone);

/// try_port connects to `address`:`port` as a phone does, shakes hands without looking at the
/// certificate, and hangs up. Never throws; each wait ends after three seconds.
PortAnswer try_port(const std::string& address, std::uint16_t port);

/// resolve asks this machine's resolver for the IPv4 addresses of `name`. Never throws.
NameAnswer resolve(const std::string& name);

/// list_facts says what a list says about CAPF; `capf` is the DER of the current certificate.
FetchedList list_facts(const core::ListVersion& version, core::BytesView capf);

}  // namespace ringfence::services::admin
