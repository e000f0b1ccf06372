#include "core/phones/home_address.h"

#include <algorithm>

namespace ringfence::core {
namespace {

constexpr std::chrono::hours kSilence{1};

/// acts tells the kinds by which an address may become a phone's: a phone always fetches before it
/// goes to CAPF, and whoever says its name there alone has shown nothing.
bool acts(TrustSignKind kind) {
  switch (kind) {
    case TrustSignKind::list_fetched:
    case TrustSignKind::signed_config:
    case TrustSignKind::plain_config:
    case TrustSignKind::registered:
    case TrustSignKind::itl_reported:
    case TrustSignKind::itl_refused: return true;
    case TrustSignKind::tls_trusted:
    case TrustSignKind::identified:
    case TrustSignKind::tls_refused:
    case TrustSignKind::tls_left:
    case TrustSignKind::tvs_vouched:
    case TrustSignKind::tvs_denied: break;
  }
  return false;
}

}  // namespace

std::string_view word(AddressProof proof) noexcept {
  switch (proof) {
    case AddressProof::none: return "";
    case AddressProof::registered: return "registered";
    case AddressProof::identified: return "identified";
  }
  return "";
}

void HomeAddress::take(const TrustSign& sign) {
  if (sign.device.empty()) return;
  if (sign.kind == TrustSignKind::identified) {
    identified(sign);
  } else if (acts(sign.kind) && proof_ != AddressProof::identified) {
    acted(sign);
  }
  if (sign.peer == address_ && acts(sign.kind)) seen_ = std::max(seen_, sign.at);
}

void HomeAddress::identified(const TrustSign& sign) {
  if (sign.peer != address_) {
    if (proof_ == AddressProof::identified && sign.at <= before_.at) return;
    move(sign);
  }
  proof_ = AddressProof::identified;
}

void HomeAddress::acted(const TrustSign& sign) {
  const bool registers = sign.kind == TrustSignKind::registered;
  if (sign.peer != address_) {
    const bool bare = proof_ == AddressProof::none;
    const bool silent =
        before_.sha1.empty() && !present_.contains(address_) && sign.at - seen_ > kSilence;
    const bool gives_way = (registers && bare) || (silent && (registers || bare));
    if (!address_.empty() && !gives_way) return;
    move(sign);
  }
  if (registers) proof_ = AddressProof::registered;
}

void HomeAddress::move(const TrustSign& sign) {
  if (proof_ != AddressProof::identified && !address_.empty()) anew_ = true;
  address_ = sign.peer;
  proof_ = AddressProof::none;
  seen_ = {};
}

}  // namespace ringfence::core
