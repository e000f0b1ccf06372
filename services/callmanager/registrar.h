// Who is registered where, and what a REGISTER changes in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/registration_store.h"
#include "services/callmanager/flow.h"
#include "services/callmanager/protocol.h"

namespace ringfence::services::callmanager {

/// Device is what is known of a phone that may register.
struct Device {
  std::string stamp;   ///< of its configuration
  std::string home{};  ///< the address from which it has shown CAPF who it is last, or empty
};

/// Devices are the phones that may register, by name.
using Devices = std::unordered_map<std::string, Device>;

/// Binding is one registered contact.
struct Binding {
  core::Registration row;
  std::uint32_t cseq = 0;  ///< of the last REGISTER; 0 when read back from the store
  Flow flow = 0;           ///< the connection it came over
};

/// ContactKey names a row of the store.
struct ContactKey {
  std::string device;
  std::string contact;
  std::string address;  ///< that it was registered from, without port

  auto operator<=>(const ContactKey&) const = default;
};

ContactKey key_of(const core::Registration& row);

/// Change is what the store has to learn of one contact, and Changes in which order.
struct Change {
  ContactKey key;
  std::optional<core::Registration> row;  ///< nothing when the contact is gone
};

using Changes = std::vector<Change>;

/// Verdict is the answer to a REGISTER.
struct Verdict {
  int status = 0;                            ///< 200, 400, 404 or 503
  std::string reason;                        ///< what was wrong; empty with 200
  std::string device;                        ///< empty unless 200
  bool registered_anew = false;              ///< a new Call-ID, or the earlier contact had ended
  std::chrono::seconds granted{0};           ///< of the first contact; 0 when it was taken away
  std::vector<core::Registration> bindings;  ///< of the device, after this
  Changes changes;
};

/// Lifetimes say how long registrations live.
struct Lifetimes {
  std::chrono::seconds longest{120};  ///< granted at most, and when nothing is asked for
  std::chrono::seconds grace{5};      ///< believed after that, for a refresh that is under way
};

/// Registrar keeps the contacts of every device in memory. It has no sockets, no clock and no
/// threads: one thread at a time.
///
/// A device has one contact a user part (a line of the phone) and address, so a phone that comes
/// back from another port replaces what it left behind. An address has at most 16 contacts of a
/// device and displaces its own; all addresses but the home together have 48. Then a further one
/// takes the place of a contact that leaves NOTIFYs unanswered, else of the oldest of the address
/// with the most, as long as that has more than the newcomer then; nobody displaces the only
/// contact of another address that answers, and the home displaces nobody. So a newcomer finds no
/// place only among 48 addresses with one contact each. While there are more than two contacts a
/// device and a thousand in all, the bounds are 2 and 8, and each address counts for at most 2.
///
/// The sender of a datagram can be forged, who connects cannot: while an address has registered a
/// device over TCP, no datagram from it changes anything of the device, and no contact over UDP
/// ever takes the place of one over TCP.
class Registrar {
 public:
  static constexpr std::chrono::seconds kShortest{60};

  /// Places are how many contacts a device may have.
  struct Places {
    std::size_t of_an_address;
    std::size_t in_all;
  };

  static constexpr Places kMany{16, 48};
  static constexpr Places kFew{2, 8};

  explicit Registrar(Lifetimes lifetimes = {}) : lifetimes_(lifetimes) {}

  /// restore takes what an earlier run stored and has not expired at `now`; returns the removal of
  /// what finds no place and of what came over TCP, since no connection outlives the process.
  Changes restore(std::vector<core::Registration> rows, const Devices& devices, core::Time now);

  /// receive judges `request` that came over `flow`, and keeps what it says.
  ///
  /// 400: check_register refuses it, or its CSeq is lower than an earlier one of the same Call-ID.
  /// 404: none of the names it may stand for is in `devices`. 503: there is no place, or it came
  /// over UDP from an address that has registered the device over TCP. A contact
  /// lives 60 seconds to `longest`, and the grace; 0 takes it away. A REGISTER without contacts
  /// only asks. A contact with cisco-keep-alive refreshes what that address has registered, and
  /// changes nothing else. Source: RFC 3261 section 10.3.
  Verdict receive(const Register& request, Flow flow, const Devices& devices, core::Time now);

  /// heard says that the phone behind a contact answered a NOTIFY, or (`answered` false) that it
  /// did not: then it is silent since `now` until it is heard again or registers.
  Changes heard(const ContactKey& key, bool answered, core::Time now);

  /// granted_until is when the lifetime that a contact was granted ends, without the grace.
  core::Time granted_until(const core::Registration& row) const {
    return row.expires_at - lifetimes_.grace;
  }

  /// expire drops contacts whose time has come.
  Changes expire(core::Time now);

  /// keep_only drops the contacts of devices that are not in `devices`.
  Changes keep_only(const Devices& devices);

  /// flow_ended drops the contacts of a connection; not those that have registered again over
  /// another since. Source: cucm-behaviour 7.1.
  Changes flow_ended(Flow flow);

  /// uses says whether a contact is registered over `flow`.
  bool uses(Flow flow) const { return flows_.contains(flow); }

  /// connected tells whether `address` has registered `device` over TCP.
  bool connected(std::string_view device, std::string_view address) const;

  /// contacts returns those of `device` that are registered at `now`.
  std::vector<Binding> contacts(std::string_view device, core::Time now) const;

  std::size_t device_count() const noexcept { return devices_.size(); }

  /// silent_count is how many devices have no contact that answers.
  std::size_t silent_count() const;

  std::size_t contact_count() const noexcept { return contact_count_; }

 private:
  using Contacts = std::vector<Binding>;  ///< never empty
  using DeviceMap = std::map<std::string, Contacts, std::less<>>;

  void keep(const Register& request, Flow flow, core::Time now, std::string_view home,
            Contacts& contacts, Verdict& verdict);
  void keep_alive(const Contact& contact, const Register& request, std::chrono::seconds lifetime,
                  core::Time now, Contacts& contacts, Changes& changes);
  Places places() const noexcept;
  std::optional<Contacts::iterator> room_for(Contacts& contacts, std::string_view address,
                                             std::string_view home, Flow flow) const;
  void put(Contacts& contacts, Binding binding, std::string_view home, Changes& changes);
  void erase(Contacts& contacts, Contacts::iterator position, Changes& changes);
  void erase_expired(Contacts& contacts, core::Time now, Changes& changes);
  void hold(const Binding& binding);
  void release(const Binding& binding);

  Lifetimes lifetimes_;
  DeviceMap devices_;
  std::unordered_map<Flow, std::map<std::string, std::size_t>> flows_;  ///< contacts a device
  std::size_t contact_count_ = 0;
};

}  // namespace ringfence::services::callmanager
