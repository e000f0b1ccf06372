// Where a phone stands with one trust list, and why, in words.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/clock.h"
#include "core/phones/acceptance.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kShownSerial = 8;

/// doubt says why what an address did may not be the phone's doing; "" when it is known to be.
std::string doubt(const Belief& belief) {
  if (!belief.contested_by.empty())
    return fmt::format(
        "another address registered as this phone since, {}, and neither has proven itself to CAPF",
        belief.contested_by);
  if (belief.proven.address_proof != AddressProof::none) return "";
  return belief.proven.peer +
         " has neither registered nor proven itself to CAPF: any host may do so";
}

}  // namespace

std::string time_text(TrustSign::Time at) {
  return to_iso(std::chrono::floor<std::chrono::seconds>(at));
}

const PublishedList* PublishedLists::find(std::string_view sha1) const {
  const auto found =
      std::find_if(versions.rbegin(), versions.rend(),
                   [&](const PublishedList& version) { return version.sha1 == sha1; });
  return found == versions.rend() ? nullptr : &*found;
}

std::string PublishedLists::named(const std::string& serial) const {
  const auto found = names.find(serial);
  if (found != names.end()) return found->second;
  return fmt::format("the certificate {}{}", serial.substr(0, kShownSerial),
                     serial.size() > kShownSerial ? "…" : "");
}

std::string PublishedLists::text(const std::string& sha1) const {
  const PublishedList* list = find(sha1);
  return list == nullptr ? fmt::format("the list {}…", sha1.substr(0, kShownSerial))
                         : fmt::format("the list of {}", time_text(list->published));
}

std::string_view word(Acceptance acceptance) noexcept {
  switch (acceptance) {
    case Acceptance::accepted: return "accepted";
    case Acceptance::fetched: return "fetched";
    case Acceptance::refused: return "refused";
    case Acceptance::unknown: return "unknown";
  }
  return "";
}

Judgement judge(const PublishedLists& lists, const Belief& belief, const std::string& sha1) {
  Judgement result;
  const bool sure = belief.holds.size() == 1 && lists.find(*belief.holds.begin()) != nullptr;
  if (sure) result.holds = *belief.holds.begin();
  const bool has_it = !sha1.empty() && (belief.last_fetched == sha1 || belief.proven.sha1 == sha1);
  const std::string at = time_text(belief.fetched_at);
  if (sure && result.holds == sha1) {
    const std::string why_not = doubt(belief);
    result.acceptance = why_not.empty() ? Acceptance::accepted : Acceptance::fetched;
    result.evidence = why_not.empty() ? belief.why : fmt::format("{}; but {}", belief.why, why_not);
  } else if (has_it && !belief.decided) {
    result.acceptance = Acceptance::fetched;
    result.awaited = true;
    result.fetched_at = belief.fetched_at;
    result.evidence = fmt::format(
        "fetched the list at {}; nothing that it did since shows whether it took it", at);
  } else if (belief.holds.contains(sha1)) {
    result.acceptance = Acceptance::fetched;
    result.evidence = belief.why;
  } else if (has_it) {
    result.acceptance = Acceptance::refused;
    result.evidence = belief.why;
  } else if (sure) {
    result.evidence =
        fmt::format("has not fetched the list in force; it holds {}", lists.text(result.holds));
  } else if (!belief.last_fetched.empty()) {
    result.evidence = fmt::format("has not fetched the list in force; it last fetched {}, at {}",
                                  lists.text(belief.last_fetched), at);
  } else {
    result.evidence = "no fetch of a trust list from this node is known";
  }
  if (!belief.elsewhere.empty()) {
    // What it proved before stays proven; what another address does proves nothing.
    const std::string moved =
        belief.proven.peer.empty()
            ? belief.elsewhere + " came in its name"
            : fmt::format("address changed from {} to {}", belief.proven.peer, belief.elsewhere);
    result.evidence += fmt::format(
        "; {} at {}, which counts only when the phone has proven itself to CAPF from there", moved,
        time_text(belief.elsewhere_at));
  }
  return result;
}

}  // namespace ringfence::core
