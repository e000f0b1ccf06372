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
  std::vector<std::string> proven;  ///< it showed CAPF who it is from there
  /// Where it got the LSC that it holds or, without one, took the list that it believes: its home,
  /// also when it is off and others register.
  std::vector<std::string> home;
  /// Where it registers, and where it did last as long as nothing is proven of it.
  std::vector<std::string> registered;
  std::vector<std::string> fetching;  ///< the last few

  Standing standing_of(std::string_view address) const;
  /// known returns the addresses that count: the best of the four that has any.
  const std::vector<std::string>& known() const noexcept;
};

/// Place is where one session's peer stands. What it does by the phone's name alone is the phone's
/// doing when it `counts`: the address is the phone's by what is known, or nothing at all is.
struct Place {
  Standing standing = Standing::unknown;
  std::string elsewhere;  ///< the phone's known addresses without this one, when it does not count
  /// Nothing more is known than that several addresses register as the phone, this one too.
  bool contested = false;
  bool at_home = false;    ///< the address is the phone's, or the only one at which it registers
  bool shown = false;      ///< who came showed what the phone alone has
  bool name_only = false;  ///< who came showed an LSC, which was given for the phone's name alone

  Place() = default;

  explicit Place(Standing where) : standing(where) {}

  Place(const Whereabouts& whereabouts, std::string_view address);

  static Place of_proof() {
    Place place(Standing::proven);
    place.at_home = place.shown = true;
    return place;
  }

  /// proves tells that the address is the phone's.
  bool proves() const noexcept { return standing == Standing::proven; }

  bool counts() const noexcept { return shown || elsewhere.empty(); }
};

/// address_of takes the port off core::peer_text, as core::address_text has addresses.
std::string address_of(std::string_view peer);

/// add_address appends the address of "address" or "address:port", unless it is there already.
void add_address(std::vector<std::string>& addresses, std::string_view peer);

}  // namespace ringfence::services::capf
