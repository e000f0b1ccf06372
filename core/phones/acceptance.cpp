#include "core/phones/acceptance.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/phones/home_address.h"

namespace ringfence::core {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr std::chrono::hours kTvsCache{24};  // cucm-behaviour 6.2

/// later says how long after another thing something was: "2 s after".
std::string later(TrustSign::Time first, TrustSign::Time second) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(second - first).count();
  if (seconds < 1) return "at once after";
  if (seconds < 120) return fmt::format("{} s after", seconds);
  return fmt::format("{} min after", seconds / 60);
}

/// Judge follows one phone through its signs.
class Judge {
 public:
  Judge(const PublishedLists& lists, const Holding& before) : lists_(lists) {
    belief_.proven = before;
    belief_.holds.insert(before.sha1.empty() ? Belief::kUnknown : before.sha1);
    belief_.why = before.evidence;
    if (!before.sha1.empty()) {
      belief_.last_fetched = before.sha1;
      belief_.fetched_at = before.at;
      belief_.decided = true;
    }
  }

  /// remember notes an answer of TVS from before.
  void remember(const TrustSign& sign) { vouched_[sign.subject] = sign.at; }

  void take(const TrustSign& sign) {
    switch (sign.kind) {
      case TrustSignKind::list_fetched: return fetched(sign);
      case TrustSignKind::signed_config: return asked_signed(sign);
      case TrustSignKind::plain_config: return asked_plain(sign);
      case TrustSignKind::tls_trusted: return trusted(sign);
      case TrustSignKind::tls_refused: return distrusted(sign);
      case TrustSignKind::tls_left: return left_tls(sign);
      case TrustSignKind::tvs_vouched: return asked_tvs(sign, true);
      case TrustSignKind::tvs_denied: return asked_tvs(sign, false);
      case TrustSignKind::itl_reported: return reported(sign);
      case TrustSignKind::itl_refused: return refused(sign);
      case TrustSignKind::registered:
      case TrustSignKind::identified: return;
    }
  }

  Belief& belief() { return belief_; }

 private:
  const PublishedList* pending() const {
    return belief_.decided ? nullptr : lists_.find(belief_.last_fetched);
  }

  bool holds(const std::string& what) const { return belief_.holds.contains(what); }

  /// settle makes what the phone may hold `holds`, and takes a proof down.
  void settle(std::set<std::string> holds, const TrustSign& sign, std::string why) {
    belief_.holds = std::move(holds);
    if (belief_.holds.empty()) belief_.holds.insert(Belief::kUnknown);
    belief_.why = std::move(why);
    const std::string& first = *belief_.holds.begin();
    if (belief_.holds.size() > 1 || lists_.find(first) == nullptr || first == belief_.proven.sha1)
      return;
    belief_.proven.sha1 = first;
    belief_.proven.evidence = belief_.why;
    belief_.proven.at = sign.at;
  }

  /// can_verify tells whether a phone that holds `held` believes who signed `list`.
  bool can_verify(const std::string& held, const PublishedList& list) const {
    if (held == list.sha1 || held == Belief::kNothing) return true;
    const PublishedList* known = lists_.find(held);
    return known != nullptr && known->signers.contains(list.signer);
  }

  void fetched(const TrustSign& sign) {
    belief_.last_fetched = sign.subject;
    belief_.fetched_at = sign.at;
    belief_.decided = false;
    if (belief_.holds == std::set{sign.subject}) belief_.decided = true;  // nothing new
  }

  /// asked_signed: the phone is done with its list, and holds one.
  void asked_signed(const TrustSign& sign) {
    const PublishedList* list = pending();
    belief_.decided = true;
    if (list == nullptr) {
      if (belief_.holds == std::set{Belief::kNothing})
        settle({Belief::kUnknown}, sign, "asked for a signed configuration, so it holds some list");
      return;
    }
    const auto answer = vouched_.find(list->signer);
    const bool in_time = answer != vouched_.end() && answer->second <= sign.at &&
                         answer->second >= belief_.fetched_at - kTvsCache;
    // What it remembered from before counts for a phone whose list is known, and no other.
    const bool asked_now = in_time && answer->second >= belief_.fetched_at;
    std::set<std::string> holds;
    for (const std::string& held : belief_.holds) {
      const bool takes =
          can_verify(held, *list) ||
          (held == Belief::kUnknown || held == Belief::kForeign ? asked_now : in_time);
      holds.insert(takes ? list->sha1 : held);
      if (!takes && held == Belief::kUnknown) holds.insert(list->sha1);
    }
    std::string why = went_on(*list, sign, holds.contains(list->sha1), in_time);
    settle(std::move(holds), sign, std::move(why));
  }

  std::string went_on(const PublishedList& list, const TrustSign& sign, bool takes,
                      bool vouched) const {
    const std::string after = later(belief_.fetched_at, sign.at);
    const std::string signer = lists_.named(list.signer);
    if (!takes)
      return fmt::format(
          "went on to its configuration {} it fetched the list, and did not ask TVS about the "
          "list's signer, {}, which its own list does not name",
          after, signer);
    const std::string asked = fmt::format(
        "asked for its configuration, signed by {}, {} it fetched "
        "the list",
        lists_.named(sign.subject), after);
    if (holds(Belief::kNothing) && belief_.holds.size() == 1)
      return asked + ", having held none before";
    const bool known = std::all_of(belief_.holds.begin(), belief_.holds.end(),
                                   [&](const std::string& held) { return can_verify(held, list); });
    if (known) return fmt::format("{}, whose signer, {}, its list before names", asked, signer);
    if (vouched)
      return fmt::format("heard from TVS that the list's signer, {}, is trusted, and {}", signer,
                         asked);
    return asked + ", but what it held before is not known, so this does not prove that it took it";
  }

  /// asked_plain: a phone that holds a list asks for signed files.
  void asked_plain(const TrustSign& sign) {
    if (!holds(Belief::kUnknown)) return;
    belief_.decided = true;
    settle({Belief::kNothing}, sign,
           "asked for a configuration without signature, as phones do "
           "that hold no list");
  }

  /// naming returns the lists that a phone may hold which trusts this server now.
  std::set<std::string> naming(const TrustSign& sign) const {
    std::set<std::string> holds;
    for (const PublishedList& list : lists_.versions) {
      if (list.published > sign.at || !list.servers.contains(sign.subject)) continue;
      // One that could verify what it fetched since does not hold the old one any more.
      const PublishedList* newer = lists_.find(belief_.last_fetched);
      const bool moved_on = belief_.decided && newer != nullptr && can_verify(list.sha1, *newer);
      if (!moved_on) {
        holds.insert(list.sha1);
      } else if (newer->servers.contains(sign.subject)) {
        holds.insert(newer->sha1);
      }
    }
    const bool older_too = !lists_.complete && !lists_.versions.empty() &&
                           lists_.versions.front().servers.contains(sign.subject);
    if (older_too) holds.insert(Belief::kUnknown);
    return holds;
  }

  void trusted(const TrustSign& sign) {
    std::set<std::string> left;
    for (const std::string& held : belief_.holds) {
      const PublishedList* list = lists_.find(held);
      if (list != nullptr && list->servers.contains(sign.subject)) left.insert(held);
    }
    const bool open = holds(Belief::kUnknown) || holds(Belief::kForeign) || left.empty();
    if (open) {
      const std::set<std::string> all = naming(sign);
      left.insert(all.begin(), all.end());
    }
    if (left.empty() || left == belief_.holds) return;  // a certificate that no list names
    const bool proof = left.size() == 1 && *left.begin() == belief_.last_fetched;
    if (proof) belief_.decided = true;
    settle(std::move(left), sign,
           fmt::format("trusted {} in TLS at {}{}", lists_.named(sign.subject), time_text(sign.at),
                       proof ? ", which of the lists that it can hold only this one names" : ""));
  }

  void distrusted(const TrustSign& sign) {
    if (sign.subject.empty()) return;
    std::set<std::string> left;
    for (const std::string& held : belief_.holds) {
      const PublishedList* list = lists_.find(held);
      if (list == nullptr || !list->servers.contains(sign.subject)) left.insert(held);
    }
    const PublishedList* list = pending();
    const bool of_pending = list != nullptr && !can_all_verify(*list);
    if (left == belief_.holds && !of_pending) return;
    if (of_pending) belief_.decided = true;
    settle(std::move(left), sign,
           fmt::format("refused TLS with {} at {}{}{}", lists_.named(sign.subject),
                       time_text(sign.at), sign.detail.empty() ? "" : ": ", sign.detail));
  }

  /// left_tls: whoever looks at a port does so, too. It says something on the way to a signer only.
  void left_tls(const TrustSign& sign) {
    const PublishedList* list = pending();
    if (list != nullptr && !can_all_verify(*list)) distrusted(sign);
  }

  bool can_all_verify(const PublishedList& list) const {
    return std::all_of(belief_.holds.begin(), belief_.holds.end(),
                       [&](const std::string& held) { return can_verify(held, list); });
  }

  /// asked_tvs: a phone asks only about signers that its list does not name.
  void asked_tvs(const TrustSign& sign, bool vouched) {
    const PublishedList* list = pending();
    const bool refused_list = !vouched && list != nullptr && list->signer == sign.subject;
    std::set<std::string> left;
    for (const std::string& held : belief_.holds) {
      const PublishedList* known = lists_.find(held);
      if (known == nullptr || !known->signers.contains(sign.subject)) left.insert(held);
    }
    if (vouched) vouched_[sign.subject] = sign.at;
    if (refused_list) {
      belief_.decided = true;
      settle(std::move(left), sign,
             fmt::format("heard from TVS that the list's signer, {}, is not trusted",
                         lists_.named(sign.subject)));
    } else if (left != belief_.holds) {
      settle(std::move(left), sign,
             fmt::format("asked TVS about {} at {}, which a phone does not that holds a list which "
                         "names it",
                         lists_.named(sign.subject), time_text(sign.at)));
    }
  }

  /// known_by returns the list with this checksum, in whichever digest, or null.
  const PublishedList* known_by(const std::string& checksum) const {
    const auto found = std::find_if(
        lists_.versions.rbegin(), lists_.versions.rend(), [&](const PublishedList& list) {
          return list.sha1 == checksum || list.checksums.contains(checksum);
        });
    return found == lists_.versions.rend() ? nullptr : &*found;
  }

  /// reported: an alarm is a SIP message like others, and lists' checksums are no secret. One that
  /// speaks of a list alone, of which no fetch is known, proves nothing.
  void reported(const TrustSign& sign) {
    const PublishedList* list = known_by(sign.subject);
    belief_.decided = true;
    if (list == nullptr)
      return settle({Belief::kForeign}, sign,
                    fmt::format("said in an alarm at {} that it holds a list which is not known "
                                "here (checksum {})",
                                time_text(sign.at), sign.subject));
    std::string why = fmt::format("said in an alarm at {} that it holds {}", time_text(sign.at),
                                  lists_.text(list->sha1));
    if (!belief_.last_fetched.empty()) return settle({list->sha1}, sign, std::move(why));
    settle({list->sha1, Belief::kUnknown}, sign,
           why + ", though it has not fetched one from this node, as far as is known");
  }

  void refused(const TrustSign& sign) {
    if (belief_.last_fetched.empty()) return;
    const PublishedList* held = known_by(sign.subject);
    if (held != nullptr && held->sha1 == belief_.last_fetched) return;  // of an earlier list
    belief_.decided = true;
    std::set<std::string> left = belief_.holds;
    left.erase(belief_.last_fetched);
    settle(std::move(left), sign,
           fmt::format("said in an alarm at {} that it did not take its trust list{}{}",
                       time_text(sign.at), sign.detail.empty() ? "" : ": ", sign.detail));
  }

  const PublishedLists& lists_;
  Belief belief_;
  std::map<std::string, TrustSign::Time> vouched_;
};

/// note_present_rival: who registers beside the phone contests its address as long as it does,
/// whichever of the two refreshed last.
void note_present_rival(Belief& belief, const std::vector<TrustSign>& signs,
                        const Present& present) {
  for (const TrustSign& sign : signs) {
    if (sign.kind != TrustSignKind::registered || sign.device.empty()) continue;
    if (sign.peer == belief.proven.peer) continue;
    const auto now = present.find(sign.peer);
    if (now == present.end()) continue;
    if (belief.contested_by.empty()) belief.contested_by = sign.peer;
    belief.contested_at = std::max({belief.contested_at, sign.at, now->second});
  }
}

}  // namespace

Belief believe(const PublishedLists& lists, const Holding& before, std::vector<TrustSign> signs,
               const Present& present, TrustSign::Time home_seen) {
  std::stable_sort(signs.begin(), signs.end(),
                   [](const TrustSign& a, const TrustSign& b) { return a.at < b.at; });
  HomeAddress home(before, present, home_seen);
  for (const TrustSign& sign : signs) home.take(sign);
  const Holding known = home.anew() ? Holding{before.device, "", "", "", {}} : before;
  Judge judge(lists, known);
  Belief& belief = judge.belief();
  belief.proven.peer = home.address();
  belief.proven.address_proof = home.proof();
  const auto now = present.find(home.address());
  belief.home_seen = now == present.end() ? home.seen() : std::max(home.seen(), now->second);
  TrustSign::Time registered_here;
  TrustSign::Time registered_elsewhere;
  std::string rival;
  for (const TrustSign& sign : signs) {
    const bool here = sign.peer == home.address();
    if (sign.kind == TrustSignKind::registered) {
      (here ? registered_here : registered_elsewhere) = sign.at;
      if (!here) rival = sign.peer;
    }
    if (here) {
      if (sign.at > known.at || known.sha1.empty())
        judge.take(sign);
      else if (sign.kind == TrustSignKind::tvs_vouched)
        judge.remember(sign);
    } else if (!sign.device.empty() && sign.at > known.at) {
      belief.elsewhere = sign.peer;
      belief.elsewhere_at = sign.at;
    }
  }
  if (home.proof() == AddressProof::identified) return std::move(belief);
  if (!belief.elsewhere.empty() && registered_elsewhere > registered_here) {
    belief.contested_by = rival;
    belief.contested_at = registered_elsewhere;
  }
  note_present_rival(belief, signs, present);
  return std::move(belief);
}

bool contest_over(const Belief& belief, const Present& present) {
  const auto home = present.find(belief.proven.peer);
  return home != present.end() && present.size() == 1 && home->second > belief.contested_at;
}

}  // namespace ringfence::core
