// Where a phone was last seen.
#include "services/capf/known_addresses.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/phones/fetch_store.h"
#include "core/phones/registration_store.h"

namespace ringfence::services::capf {

void add_address(std::vector<std::string>& addresses, std::string_view peer) {
  const std::size_t colon = peer.find(':');
  const bool has_port = colon != std::string_view::npos && peer.rfind(':') == colon;
  const std::string address(has_port ? peer.substr(0, colon) : peer);
  if (!address.empty() && std::ranges::find(addresses, address) == addresses.end())
    addresses.push_back(address);
}

core::Database* KnownAddresses::Neighbour::open() noexcept {
  constexpr std::chrono::seconds kAgainAfter(10);
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (database_ || file_.empty() || now < again_) return database_.get();
  again_ = now + kAgainAfter;
  try {
    if (std::filesystem::exists(file_))
      database_ = std::make_unique<core::Database>(file_, schema_, core::Access::read_only);
  } catch (const std::exception& error) {
    core::log(core::Level::info, "CAPF_NEIGHBOUR_UNREADABLE",
              {{"file", file_.string()}, {"error", error.what()}});
  }
  return database_.get();
}

std::vector<std::string> KnownAddresses::of(std::string_view phone) noexcept {
  std::vector<std::string> addresses;
  try {
    if (core::Database* registrar = registrar_.open())
      for (const core::Registration& one : core::RegistrationStore(*registrar).find(phone))
        add_address(addresses, one.peer);
    if (core::Database* tftp = tftp_.open()) {
      const core::FetchStore fetches(*tftp);
      if (const auto config = fetches.last_config(phone)) add_address(addresses, config->peer);
      if (const auto itl = fetches.last_itl(phone)) add_address(addresses, itl->peer);
    }
  } catch (const std::exception& error) {
    core::log(core::Level::warning, "CAPF_ADDRESSES_UNREADABLE",
              {{"device", std::string(phone)}, {"error", error.what()}});
  }
  return addresses;
}

}  // namespace ringfence::services::capf
