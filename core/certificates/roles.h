// What TVS says a certificate may do.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/certificates/trust_store.h"
#include "core/certificates/unit.h"

namespace ringfence::core {

/// Role is what a certificate may do: one byte of a TVS answer, two bytes of a trust-list record
/// (cucm-behaviour 2.1, 6.1).
enum class Role : std::uint16_t {
  sast = 0,
  ccm = 1,
  ccm_tftp = 2,
  tftp = 3,
  capf = 4,
  app_server = 7,
  tvs = 21,
};

/// Place is where a certificate is found: as a unit's own, or in a trust store.
using Place = std::variant<Unit, TrustStore>;

/// roles_of returns the roles of `certificate`, which is in all of `places`, ascending, each once.
///
/// Our CallManager is SAST and TFTP, as in the answer Cisco published; an entry of
/// Phone-SAST-trust is SAST; one of CallManager-trust is TFTP, unless it is a CA: CAs are there to
/// issue LSCs, and must not be able to sign configuration files. In CAPF-trust only what is called
/// "CAPF-…" is a CAPF: roots of third parties and of MICs are there to be verified against. VPN
/// gateways and phones have no role; then the list is empty and TVS does not know the certificate
/// (cucm-behaviour 6.2).
std::vector<Role> roles_of(const CertificateFacts& certificate, std::span<const Place> places);

}  // namespace ringfence::core
