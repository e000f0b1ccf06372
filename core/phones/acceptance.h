// Which trust list a phone believes, judged from what it did. Pure.
//
// Fetching proves nothing: a phone that refuses a list keeps its old one, stays registered and goes
// on asking for signed files (cucm-behaviour 3.2). So what is known of a phone is a set of lists,
// one of which it holds, and each sign makes that set smaller, or moves it on.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/phones/trust_sign.h"

namespace ringfence::core {

/// PublishedList is one version of the ITL, as far as phones decide by it. Certificates are named
/// by their serial numbers in upper-case hex.
struct PublishedList {
  std::string sha1;                 ///< of the file, lower-case hex
  std::set<std::string> checksums;  ///< in other digests that a phone may report
  std::string signer;               ///< who signed the file
  std::set<std::string> signers;    ///< whose files a phone that holds it believes
  std::set<std::string> servers;    ///< TVS and CAPF: whom such a phone trusts in TLS
  TrustSign::Time published;
};

/// PublishedLists are the versions that are still known, oldest first.
struct PublishedLists {
  std::vector<PublishedList> versions;
  bool complete = true;                      ///< nothing was published before the first of them
  std::map<std::string, std::string> names;  ///< of certificates: "CallManager 1A2B3C4D…"

  const PublishedList* find(std::string_view sha1) const;
  /// named returns what to call a certificate in a sentence.
  std::string named(const std::string& serial) const;
  /// text returns what to call a list in a sentence.
  std::string text(const std::string& sha1) const;
};

/// AddressProof is what shows that an address is a phone's. What comes in a phone's name proves
/// nothing by itself: names are no secrets, and CAPF by the null string asks for nothing else.
enum class AddressProof {
  none,        ///< it acted in the phone's name
  registered,  ///< it registered in its name as well, where NOTIFYs went from then on
  identified,  ///< it showed CAPF the phone's LSC, its MIC or its authentication string
};

std::string_view word(AddressProof proof) noexcept;  ///< "" for none

/// Holding is what a phone was last proven to hold; it outlives the signs.
struct Holding {
  std::string device;
  std::string sha1;      ///< "" as long as nothing is proven
  std::string peer;      ///< the phone's address: what comes from elsewhere proves nothing
  std::string evidence;  ///< one sentence
  TrustSign::Time at;
  AddressProof address_proof = AddressProof::none;  ///< of `peer`

  bool operator==(const Holding&) const = default;
};

/// Present are the addresses that are registered as a phone now, and when each did so last, anew or
/// to refresh.
using Present = std::map<std::string, TrustSign::Time>;

/// Belief is what signs tell of one phone, whichever list is in force.
struct Belief {
  Holding proven;               ///< as before, or what the signs have proven
  std::set<std::string> holds;  ///< SHA-1s: one of them, or of kUnknown, kNothing, kForeign
  std::string last_fetched;     ///< SHA-1
  TrustSign::Time fetched_at;
  bool decided = false;   ///< the phone went on after that fetch, one way or the other
  std::string why;        ///< what the last thing that counted was, as a sentence
  std::string elsewhere;  ///< another address that acts as this phone, newest; or ""
  TrustSign::Time elsewhere_at;
  /// The address that has registered as this phone since `proven.peer` did, or is registered beside
  /// it, when neither has shown who it is; or "".
  std::string contested_by;
  TrustSign::Time contested_at = {};
  TrustSign::Time home_seen = {};  ///< when `proven.peer` was last seen; for the next time

  static inline const std::string kUnknown = "unknown";  ///< any list of ours or of others
  static inline const std::string kNothing = "nothing";
  static inline const std::string kForeign = "foreign";  ///< one that is not known here
};

/// believe judges a phone's signs, those of its own name and those of its address alone, in any
/// order. What moves its address to one with a better proof starts anew: what was known by acts of
/// an address without any may be a stranger's. `before` is what was proven earlier; signs before
/// that are not looked at again, but for answers of TVS, which phones remember for a day. `present`
/// and `home_seen`, the last belief's, tell an address that is silent from one that refreshes.
Belief believe(const PublishedLists& lists, const Holding& before, std::vector<TrustSign> signs,
               const Present& present = {}, TrustSign::Time home_seen = {});

/// contest_over tells that whoever contested the phone's address has gone while it goes on: it
/// alone is registered, and was so after the other's registration.
bool contest_over(const Belief& belief, const Present& present);

/// Acceptance is where a phone stands with one list.
enum class Acceptance {
  accepted,  ///< proven, by an address that is known to be the phone's
  fetched,   ///< it has the file; nothing shows whether it believes it
  refused,   ///< shown by what it did, or did not, after it had the file
  unknown,   ///< it has not fetched it, as far as is known
};

std::string_view word(Acceptance acceptance) noexcept;

std::string time_text(TrustSign::Time at);  ///< in ISO form, whole seconds

/// Judgement is an acceptance with its reason.
struct Judgement {
  Acceptance acceptance = Acceptance::unknown;
  std::string evidence;  ///< one sentence, without full stop
  std::string holds;     ///< SHA-1 of the list that it is proven to hold, or ""
  bool awaited = false;  ///< it has fetched the list, and nothing that came next was seen yet
  TrustSign::Time fetched_at = {};  ///< of what is awaited
};

/// judge says where a phone stands with the list `sha1`.
Judgement judge(const PublishedLists& lists, const Belief& belief, const std::string& sha1);

}  // namespace ringfence::core
