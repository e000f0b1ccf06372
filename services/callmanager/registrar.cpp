#include "services/callmanager/registrar.h"

#include <algorithm>

#include "core/base/error.h"

namespace ringfence::services::callmanager {

using core::Time;

namespace {

using std::chrono::seconds;

Verdict refusal(int status, std::string reason) {
  Verdict verdict;
  verdict.status = status;
  verdict.reason = std::move(reason);
  return verdict;
}

// The device that all contacts of the request may stand for, or empty.
std::string device_of(const Register& request, const Devices& devices) {
  const Contact* contact = request.contacts.empty() ? nullptr : &request.contacts.front();
  for (std::string& name : device_names(contact, request.to_user))
    if (devices.contains(name)) return std::move(name);
  return {};
}

seconds lifetime_of(const Contact& contact, const Register& request, seconds longest) {
  // The Expires of a keep-alive speaks of no contact.
  if (contact.keep_alive) return longest;
  const seconds asked = contact.expires.value_or(request.expires.value_or(longest));
  if (asked == seconds(0)) return asked;
  return std::clamp(asked, Registrar::kShortest, longest);
}

auto find_line(std::vector<Binding>& contacts, std::string_view user, std::string_view address) {
  return std::find_if(contacts.begin(), contacts.end(), [=](const Binding& binding) {
    return binding.row.contact_user == user && address_in(binding.row.peer) == address;
  });
}

// Whether a later REGISTER of the same Call-ID has come before this one.
bool is_old(const Register& request, std::vector<Binding>& contacts) {
  return std::any_of(request.contacts.begin(), request.contacts.end(), [&](const Contact& contact) {
    const auto found = find_line(contacts, contact.user, address_in(request.peer));
    return found != contacts.end() && found->row.call_id == request.call_id &&
           request.cseq < found->cseq;
  });
}

bool has_connection(const std::vector<Binding>& contacts, std::string_view address) {
  return std::any_of(contacts.begin(), contacts.end(), [&](const Binding& one) {
    return one.flow != 0 && address_in(one.row.peer) == address;
  });
}

bool refreshed_earlier(const Binding& left, const Binding& right) {
  return left.row.refreshed_at < right.row.refreshed_at;
}

}  // namespace

ContactKey key_of(const core::Registration& row) {
  return {row.device, row.contact, std::string(address_in(row.peer))};
}

void Registrar::hold(const Binding& binding) {
  if (binding.flow != 0) ++flows_[binding.flow][binding.row.device];
}

void Registrar::release(const Binding& binding) {
  const auto flow = flows_.find(binding.flow);
  if (flow == flows_.end()) return;
  const auto device = flow->second.find(binding.row.device);
  if (device != flow->second.end() && --device->second == 0) flow->second.erase(device);
  if (flow->second.empty()) flows_.erase(flow);
}

Registrar::Places Registrar::places() const noexcept {
  return contact_count_ > 2 * devices_.size() + 1000 ? kFew : kMany;
}

/// room_for finds what a further contact of `address` over `flow` displaces: the end when nothing
/// has to go, no value when there is no place.
std::optional<Registrar::Contacts::iterator> Registrar::room_for(Contacts& contacts,
                                                                 std::string_view address,
                                                                 std::string_view home,
                                                                 Flow flow) const {
  const auto oldest = [&contacts](const auto& counts) {
    auto found = contacts.end();
    for (auto one = contacts.begin(); one != contacts.end(); ++one)
      if (counts(*one) && (found == contacts.end() || refreshed_earlier(*one, *found))) found = one;
    return found;
  };
  const auto yields = [flow](const Binding& one) { return flow != 0 || one.flow == 0; };
  const auto is_of = [&yields](std::string_view peer) {
    return [peer, &yields](const Binding& one) {
      return address_in(one.row.peer) == peer && yields(one);
    };
  };
  std::map<std::string_view, std::size_t> shares;
  for (const Binding& one : contacts) ++shares[address_in(one.row.peer)];
  const std::size_t own = shares[address];
  if (own >= places().of_an_address) return oldest(is_of(address));

  // 1. The home's own share is its own: it takes nobody's place, and nobody takes it.
  shares.erase(home);
  std::size_t counted = 0;
  for (const auto& [peer, share] : shares) counted += std::min(share, places().of_an_address);
  if (address == home || counted < places().in_all) return contacts.end();

  // 2. What does not answer gives way.
  const auto silent = oldest([&](const Binding& one) {
    const std::string_view peer = address_in(one.row.peer);
    return !one.row.answers() && peer != address && peer != home && yields(one);
  });
  if (silent != contacts.end()) return silent;

  // 3. Then whoever has more than this address will have; never another's only one.
  std::map<std::string_view, std::size_t> yielding;
  for (const Binding& one : contacts)
    if (yields(one) && address_in(one.row.peer) != home) ++yielding[address_in(one.row.peer)];
  const auto fewer = [](const auto& left, const auto& right) { return left.second < right.second; };
  const auto greediest = std::max_element(yielding.begin(), yielding.end(), fewer);
  if (greediest != yielding.end() && greediest->second > own + 1)
    return oldest(is_of(greediest->first));
  if (own > 0) return oldest(is_of(address));
  return std::nullopt;
}

void Registrar::put(Contacts& contacts, Binding binding, std::string_view home, Changes& changes) {
  const std::string_view address = address_in(binding.row.peer);
  const auto same = find_line(contacts, binding.row.contact_user, address);
  if (same != contacts.end()) {
    if (same->row.contact != binding.row.contact)
      changes.push_back({key_of(same->row), std::nullopt});
    release(*same);
    hold(binding);
    changes.push_back({key_of(binding.row), binding.row});
    *same = std::move(binding);
    return;
  }
  const auto room = room_for(contacts, address, home, binding.flow);
  if (room && *room != contacts.end()) erase(contacts, *room, changes);
  hold(binding);
  ++contact_count_;
  changes.push_back({key_of(binding.row), binding.row});
  contacts.push_back(std::move(binding));
}

void Registrar::erase(Contacts& contacts, Contacts::iterator position, Changes& changes) {
  changes.push_back({key_of(position->row), std::nullopt});
  release(*position);
  --contact_count_;
  contacts.erase(position);
}

void Registrar::erase_expired(Contacts& contacts, Time now, Changes& changes) {
  for (std::size_t i = contacts.size(); i-- > 0;)
    if (contacts[i].row.expires_at <= now)
      erase(contacts, contacts.begin() + static_cast<std::ptrdiff_t>(i), changes);
}

Changes Registrar::restore(std::vector<core::Registration> rows, const Devices& devices, Time now) {
  Changes gone;
  for (core::Registration& row : rows) {
    if (row.expires_at <= now) continue;
    if (row.transport != "udp") {
      gone.push_back({key_of(row), std::nullopt});
      continue;
    }
    Contacts& contacts = devices_[row.device];
    const auto known = devices.find(row.device);
    const std::string home = known == devices.end() ? std::string() : known->second.home;
    if (!room_for(contacts, address_in(row.peer), home, 0)) {
      gone.push_back({key_of(row), std::nullopt});
      continue;
    }
    Changes changes;
    put(contacts, Binding{std::move(row), 0, 0}, home, changes);
    for (Change& change : changes)
      if (!change.row) gone.push_back(std::move(change));
  }
  return gone;
}

Verdict Registrar::receive(const Register& request, Flow flow, const Devices& devices, Time now) {
  // 1. What cannot be, is refused before anything is looked up.
  try {
    check_register(request);
  } catch (const core::Error& error) {
    return refusal(400, error.what());
  }
  std::string device = device_of(request, devices);
  if (device.empty()) return refusal(404, "no such device");

  Verdict verdict;
  verdict.status = 200;
  verdict.device = device;
  Contacts& contacts = devices_[device];
  const std::string& home = devices.at(device).home;

  // 2. What has expired counts as unregistered.
  erase_expired(contacts, now, verdict.changes);

  // 3. All contacts or none: an old CSeq, or no place, refuses the whole request.
  Changes expired = verdict.changes;
  if (is_old(request, contacts)) {
    verdict = refusal(400, "the CSeq is lower than that of an earlier REGISTER");
    verdict.changes = std::move(expired);
  } else if (flow == 0 && has_connection(contacts, address_in(request.peer))) {
    verdict = refusal(503, "this phone is registered over TCP from this address");
    verdict.changes = std::move(expired);
  } else if (!request.contacts.empty() &&
             !room_for(contacts, address_in(request.peer), home, flow)) {
    verdict = refusal(503, "this phone is registered from too many other addresses");
    verdict.changes = std::move(expired);
  } else {
    keep(request, flow, now, home, contacts, verdict);
  }
  if (contacts.empty()) devices_.erase(device);
  return verdict;
}

/// keep takes contacts away, or keeps them, as `request` asks.
void Registrar::keep(const Register& request, Flow flow, Time now, std::string_view home,
                     Contacts& contacts, Verdict& verdict) {
  // A REGISTER proves nothing of who sent it: nobody takes away what another address registered.
  const auto is_senders = [&](const Binding& one) {
    return address_in(one.row.peer) == address_in(request.peer);
  };
  if (request.every_contact)
    for (std::size_t i = contacts.size(); i-- > 0;)
      if (is_senders(contacts[i]))
        erase(contacts, contacts.begin() + static_cast<std::ptrdiff_t>(i), verdict.changes);
  for (const Contact& contact : request.contacts) {
    const seconds lifetime = lifetime_of(contact, request, lifetimes_.longest);
    if (&contact == &request.contacts.front()) verdict.granted = lifetime;
    if (contact.keep_alive) {
      keep_alive(contact, request, lifetime, now, contacts, verdict.changes);
      continue;
    }
    const auto found = find_line(contacts, contact.user, address_in(request.peer));
    if (lifetime == seconds(0)) {
      if (found != contacts.end()) erase(contacts, found, verdict.changes);
      continue;
    }
    const bool anew = found == contacts.end() || found->row.call_id != request.call_id;
    verdict.registered_anew = verdict.registered_anew || anew;
    Binding binding;
    binding.row = {.device = verdict.device,
                   .contact = contact.uri,
                   .contact_user = contact.user,
                   .call_id = request.call_id,
                   .transport = request.transport,
                   .peer = request.peer,
                   .user_agent = request.user_agent,
                   .registered_at = anew ? now : found->row.registered_at,
                   .refreshed_at = now,
                   .expires_at = now + lifetime + lifetimes_.grace};
    std::string target = notify_target(contact, request);
    if (target != request.peer) binding.row.target = std::move(target);
    binding.cseq = request.cseq;
    binding.flow = flow;
    put(contacts, std::move(binding), home, verdict.changes);
  }
  for (const Binding& binding : contacts) verdict.bindings.push_back(binding.row);
}

void Registrar::keep_alive(const Contact& contact, const Register& request, seconds lifetime,
                           Time now, Contacts& contacts, Changes& changes) {
  const auto found = find_line(contacts, contact.user, address_in(request.peer));
  if (found == contacts.end()) return;
  found->row.refreshed_at = now;
  found->row.expires_at = now + lifetime + lifetimes_.grace;
  found->row.silent_since.reset();
  changes.push_back({key_of(found->row), found->row});
}

Changes Registrar::heard(const ContactKey& key, bool answered, Time now) {
  const auto device = devices_.find(key.device);
  if (device == devices_.end()) return {};
  for (Binding& one : device->second) {
    if (key_of(one.row) != key || one.row.answers() == answered) continue;
    one.row.silent_since = answered ? std::nullopt : std::optional(now);
    return {{key, one.row}};
  }
  return {};
}

std::size_t Registrar::silent_count() const {
  return static_cast<std::size_t>(
      std::count_if(devices_.begin(), devices_.end(), [](const auto& device) {
        return std::none_of(device.second.begin(), device.second.end(),
                            [](const Binding& one) { return one.row.answers(); });
      }));
}

Changes Registrar::expire(Time now) {
  Changes changes;
  for (auto device = devices_.begin(); device != devices_.end();) {
    erase_expired(device->second, now, changes);
    device = device->second.empty() ? devices_.erase(device) : std::next(device);
  }
  return changes;
}

Changes Registrar::keep_only(const Devices& devices) {
  Changes changes;
  for (auto device = devices_.begin(); device != devices_.end();) {
    if (devices.contains(device->first)) {
      ++device;
      continue;
    }
    while (!device->second.empty()) erase(device->second, device->second.begin(), changes);
    device = devices_.erase(device);
  }
  return changes;
}

Changes Registrar::flow_ended(Flow flow) {
  Changes changes;
  const auto ended = flows_.extract(flow);
  if (ended.empty()) return changes;
  for (const auto& [device, count] : ended.mapped()) {
    const auto at = devices_.find(device);
    Contacts& contacts = at->second;
    for (std::size_t i = contacts.size(); i-- > 0;)
      if (contacts[i].flow == flow)
        erase(contacts, contacts.begin() + static_cast<std::ptrdiff_t>(i), changes);
    if (contacts.empty()) devices_.erase(at);
  }
  return changes;
}

bool Registrar::connected(std::string_view device, std::string_view address) const {
  const auto at = devices_.find(device);
  return at != devices_.end() && has_connection(at->second, address);
}

std::vector<Binding> Registrar::contacts(std::string_view device, Time now) const {
  std::vector<Binding> found;
  const auto at = devices_.find(device);
  if (at == devices_.end()) return found;
  for (const Binding& binding : at->second)
    if (binding.row.expires_at > now) found.push_back(binding);
  return found;
}

}  // namespace ringfence::services::callmanager
