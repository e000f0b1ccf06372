// The table of roles.
#include "core/certificates/roles.h"

#include <set>

namespace ringfence::core {
namespace {

/// Only CAPFs may be called so (cucm-behaviour 1.4).
bool is_capf(const CertificateFacts& certificate) {
  return certificate.subject.starts_with("CN=CAPF-");
}

struct RolesIn {
  const CertificateFacts& certificate;

  std::vector<Role> operator()(Unit unit) const {
    switch (unit) {
      case Unit::call_manager: return {Role::sast, Role::tftp};
      case Unit::call_manager_ecdsa: return {Role::tftp};
      case Unit::capf: return {Role::capf};
      case Unit::tvs: return {Role::tvs};
      case Unit::itl_recovery: return {Role::sast};
    }
    return {};
  }

  std::vector<Role> operator()(TrustStore store) const {
    switch (store) {
      case TrustStore::call_manager:
        if (certificate.kind == CertificateKind::authority) return {};
        return {Role::tftp};
      case TrustStore::capf:
        if (!is_capf(certificate)) return {};
        return {Role::capf};
      case TrustStore::tvs: return {Role::tvs};
      case TrustStore::phone_sast: return {Role::sast};
      case TrustStore::phone_vpn:
      case TrustStore::phone: return {};
    }
    return {};
  }
};

}  // namespace

std::vector<Role> roles_of(const CertificateFacts& certificate, std::span<const Place> places) {
  std::set<Role> roles;
  for (const Place& place : places) {
    const std::vector<Role> here = std::visit(RolesIn{certificate}, place);
    roles.insert(here.begin(), here.end());
  }
  return {roles.begin(), roles.end()};
}

}  // namespace ringfence::core
