// Where the other daemons saw a phone.
#include "services/capf/known_addresses.h"

#include "core/base/log.h"
#include "core/phones/fetch_store.h"
#include "core/phones/registration_store.h"

namespace ringfence::services::capf {

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

Whereabouts KnownAddresses::of(std::string_view phone) noexcept {
  Whereabouts found;
  try {
    if (core::Database* registrar = registrar_.open())
      for (const core::Registration& one : core::RegistrationStore(*registrar).find(phone))
        add_address(found.registered, one.peer);
    if (core::Database* tftp = tftp_.open())
      for (const core::Fetch& one : core::FetchStore(*tftp).of(phone))
        add_address(found.fetching, one.peer);
  } catch (const std::exception& error) {
    core::log(core::Level::warning, "CAPF_ADDRESSES_UNREADABLE",
              {{"device", std::string(phone)}, {"error", error.what()}});
  }
  return found;
}

}  // namespace ringfence::services::capf
