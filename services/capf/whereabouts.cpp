#include "services/capf/whereabouts.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/phones/trust_sign.h"

namespace ringfence::services::capf {
namespace {

bool contains(const std::vector<std::string>& addresses, std::string_view address) {
  return std::ranges::find(addresses, address) != addresses.end();
}

}  // namespace

const std::vector<std::string>& Whereabouts::known() const noexcept {
  if (!proven.empty()) return proven;
  if (!home.empty()) return home;
  return registered.empty() ? fetching : registered;
}

Standing Whereabouts::standing_of(std::string_view address) const {
  if (known().empty()) return Standing::unknown;
  if (!proven.empty()) return contains(proven, address) ? Standing::proven : Standing::stranger;
  if (contains(home, address) || contains(registered, address)) return Standing::likely;
  return contains(fetching, address) ? Standing::seen : Standing::stranger;
}

Place::Place(const Whereabouts& whereabouts, std::string_view address)
    : standing(whereabouts.standing_of(address)) {
  const bool settled = !whereabouts.proven.empty() || !whereabouts.home.empty();
  std::vector<std::string> others = whereabouts.known();
  const bool here = std::erase(others, address) > 0;
  const bool registers = here && !settled && !whereabouts.registered.empty();
  contested = registers && !others.empty();
  at_home = here && (settled || (registers && !contested));
  if (!here || contested) elsewhere = fmt::format("{}", fmt::join(others, ", "));
}

std::string address_of(std::string_view peer) {
  return core::address_text(peer.substr(0, peer.rfind(':')));
}

void add_address(std::vector<std::string>& addresses, std::string_view peer) {
  std::string address = core::address_text(peer);
  if (!address.empty() && !contains(addresses, address)) addresses.push_back(std::move(address));
}

}  // namespace ringfence::services::capf
