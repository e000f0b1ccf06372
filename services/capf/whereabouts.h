// Where a phone is, by what is known, and what somebody who comes from an address is to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringfence::services::capf {

/// Standing is what an address is to a phone. Only what the phone showed CAPF proves an address; a
/// registration or a fetch in its name is something that every host can do, as is a visit by the
/// null string, which therefore makes no address anything.
enum class Standing {
  proven,    ///< the phone showed from here who it is
  likely,    ///< nothing is proven; it registers from here
  seen,      ///< nothing is proven; it fetches from here, and does not register from here
  unknown,   ///< nothing at all is known of the phone
  stranger,  ///< the phone is known elsewhere
};

/// Whereabouts are the addresses of one phone, without ports.
struct Whereabouts {
  std::vector<std::string> proven;
  std::vector<std::string> registered;
  std::vector<std::string> fetching;  ///< the last few

  Standing standing_of(std::string_view address) const;
  /// known returns the addresses that count: the best of the three that has any.
  const std::vector<std::string>& known() const noexcept;
};

/// Place is where one session's peer stands.
struct Place {
  Standing standing = Standing::unknown;
  std::string elsewhere;  ///< the phone's known addresses, when this is none of them
  /// Nothing is proven and several addresses register as the phone: nobody knows which it is.
  bool contested = false;
  bool registered = false;  ///< the phone registers from here, and from nowhere else
  bool name_only = false;   ///< who came showed an LSC, which was given for the phone's name alone

  Place() = default;

  explicit Place(Standing where) : standing(where) {}

  Place(const Whereabouts& whereabouts, std::string_view address);

  static Place of_proof() { return Place(Standing::proven); }

  /// proves tells that the address is the phone's.
  bool proves() const noexcept { return standing == Standing::proven; }
};

/// address_of takes the port off core::peer_text, as core::address_text has addresses.
std::string address_of(std::string_view peer);

/// add_address appends the address of "address" or "address:port", unless it is there already.
void add_address(std::vector<std::string>& addresses, std::string_view peer);

}  // namespace ringfence::services::capf
