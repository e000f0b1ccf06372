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

auto find_user(std::vector<Binding>& contacts, std::string_view user) {
  return std::find_if(contacts.begin(), contacts.end(),
                      [user](const Binding& binding) { return binding.row.contact_user == user; });
}

// Whether a later REGISTER of the same Call-ID has come before this one.
bool is_old(const Register& request, std::vector<Binding>& contacts) {
  return std::any_of(request.contacts.begin(), request.contacts.end(), [&](const Contact& contact) {
    const auto found = find_user(contacts, contact.user);
    return found != contacts.end() && found->row.call_id == request.call_id &&
           request.cseq < found->cseq;
  });
}

}  // namespace

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

Registrar::Contacts::iterator Registrar::least_wanted(Contacts& contacts) {
  std::map<std::string_view, std::size_t> shares;
  for (const Binding& one : contacts) ++shares[address_in(one.row.peer)];
  return std::min_element(contacts.begin(), contacts.end(),
                          [&shares](const Binding& left, const Binding& right) {
                            const std::size_t one = shares[address_in(left.row.peer)];
                            const std::size_t other = shares[address_in(right.row.peer)];
                            if (one != other) return one > other;
                            return left.row.refreshed_at < right.row.refreshed_at;
                          });
}

void Registrar::put(Contacts& contacts, Binding binding, Changes& changes) {
  const auto same = find_user(contacts, binding.row.contact_user);
  if (same != contacts.end()) {
    if (same->row.contact != binding.row.contact)
      changes.push_back({{same->row.device, same->row.contact}, std::nullopt});
    release(*same);
    hold(binding);
    changes.push_back({{binding.row.device, binding.row.contact}, binding.row});
    *same = std::move(binding);
    return;
  }
  const bool many = contact_count_ > 2 * devices_.size() + 1000;
  if (contacts.size() >= (many ? kFewContacts : kMostContacts))
    erase(contacts, least_wanted(contacts), changes);
  hold(binding);
  ++contact_count_;
  changes.push_back({{binding.row.device, binding.row.contact}, binding.row});
  contacts.push_back(std::move(binding));
}

void Registrar::erase(Contacts& contacts, Contacts::iterator position, Changes& changes) {
  changes.push_back({{position->row.device, position->row.contact}, std::nullopt});
  release(*position);
  --contact_count_;
  contacts.erase(position);
}

void Registrar::erase_expired(Contacts& contacts, Time now, Changes& changes) {
  for (std::size_t i = contacts.size(); i-- > 0;)
    if (contacts[i].row.expires_at <= now)
      erase(contacts, contacts.begin() + static_cast<std::ptrdiff_t>(i), changes);
}

Changes Registrar::restore(std::vector<core::Registration> rows, Time now) {
  Changes gone;
  Changes ignored;
  for (core::Registration& row : rows) {
    if (row.expires_at <= now) continue;
    if (row.transport != "udp") {
      gone.push_back({{row.device, row.contact}, std::nullopt});
      continue;
    }
    Contacts& contacts = devices_[row.device];
    put(contacts, Binding{std::move(row), 0, 0}, ignored);
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

  // 2. What has expired counts as unregistered.
  erase_expired(contacts, now, verdict.changes);

  // 3. All contacts or none: an old CSeq refuses the whole request.
  if (is_old(request, contacts)) {
    Changes changes = std::move(verdict.changes);
    verdict = refusal(400, "the CSeq is lower than that of an earlier REGISTER");
    verdict.changes = std::move(changes);
  } else {
    keep(request, flow, now, contacts, verdict);
  }
  if (contacts.empty()) devices_.erase(device);
  return verdict;
}

/// keep takes contacts away, or keeps them, as `request` asks.
void Registrar::keep(const Register& request, Flow flow, Time now, Contacts& contacts,
                     Verdict& verdict) {
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
    const auto found = find_user(contacts, contact.user);
    if (lifetime == seconds(0)) {
      if (found != contacts.end() && is_senders(*found)) erase(contacts, found, verdict.changes);
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
    put(contacts, std::move(binding), verdict.changes);
  }
  for (const Binding& binding : contacts) verdict.bindings.push_back(binding.row);
}

void Registrar::keep_alive(const Contact& contact, const Register& request, seconds lifetime,
                           Time now, Contacts& contacts, Changes& changes) {
  const auto found = find_user(contacts, contact.user);
  if (found == contacts.end() || address_in(found->row.peer) != address_in(request.peer)) return;
  found->row.refreshed_at = now;
  found->row.expires_at = now + lifetime + lifetimes_.grace;
  found->row.silent_since.reset();
  changes.push_back({{found->row.device, found->row.contact}, found->row});
}

Changes Registrar::heard(const ContactKey& key, bool answered, Time now) {
  const auto device = devices_.find(key.device);
  if (device == devices_.end()) return {};
  for (Binding& one : device->second) {
    if (one.row.contact != key.contact || one.row.answers() == answered) continue;
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

std::vector<Binding> Registrar::contacts(std::string_view device, Time now) const {
  std::vector<Binding> found;
  const auto at = devices_.find(device);
  if (at == devices_.end()) return found;
  for (const Binding& binding : at->second)
    if (binding.row.expires_at > now) found.push_back(binding);
  return found;
}

}  // namespace ringfence::services::callmanager
