// Where the other daemons saw a phone.
#include "services/capf/known_addresses.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/base/log.h"
#include "core/phones/fetch_store.h"
#include "core/phones/registration_store.h"

namespace ringfence::services::capf {
namespace {

using SignTime = core::TrustSign::Time;

/// seen_at returns when the phone was seen at an address last, or may have been.
SignTime seen_at(const std::vector<core::TrustSign>& signs, std::string_view address) {
  SignTime seen;
  std::map<std::string, SignTime> registered;
  for (const core::TrustSign& sign : signs) {
    if (sign.peer == address) seen = std::max(seen, sign.at);
    if (sign.kind == core::TrustSignKind::registered) {
      SignTime& last = registered[sign.peer];
      last = std::max(last, sign.at);
    }
  }
  // The store keeps so many addresses, the newest: others, at one's hand, must not make it
  // forgotten.
  const bool full = registered.size() >= core::TrustSignStore::kPeers;
  if (!full || registered.contains(std::string(address))) return seen;
  const auto oldest =
      std::ranges::min_element(registered, {}, [](const auto& entry) { return entry.second; });
  return std::max(seen, oldest->second);
}

}  // namespace

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

bool KnownAddresses::away(std::string_view phone, std::string_view address, SignTime now) noexcept {
  try {
    core::Database* registrar = registrar_.open();
    if (registrar == nullptr) return false;
    const auto run = core::RegistrationStore(*registrar).registrar();
    if (!run || run->stopped) return false;
    SignTime seen = std::max<SignTime>(
        run->started, seen_at(core::TrustSignStore(*registrar).of(phone), address));
    if (core::Database* tftp = tftp_.open())
      seen = std::max(seen, seen_at(core::TrustSignStore(*tftp).of(phone), address));
    return now - seen > kAway;
  } catch (const std::exception& error) {
    core::log(core::Level::warning, "CAPF_ADDRESSES_UNREADABLE",
              {{"device", std::string(phone)}, {"error", error.what()}});
    return false;
  }
}

}  // namespace ringfence::services::capf
