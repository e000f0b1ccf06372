// Which phones a bulk job is for: a pure function of what is asked and what is known.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/admin/bulk_api.h"
#include "core/base/clock.h"
#include "core/phones/capf_policy.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone.h"
#include "core/phones/security_profile_store.h"
#include "services/admin/jobs/bulk_terms.h"

namespace ringfence::services::admin {

/// LscFacts are what matters here of the LSC that a phone holds by our records.
struct LscFacts {
  std::string issuer;
  core::Time not_after;
};

/// BulkFacts are what is known of the phones beside their records.
struct BulkFacts {
  std::unordered_map<std::string, LscFacts> lscs;           ///< by phone
  std::set<std::string> stale;                              ///< phones with a stale LSC
  std::unordered_map<std::string, core::Outcome> outcomes;  ///< of each phone's last request
  std::map<std::string, std::int64_t> busy;                 ///< by phone: an unfinished bulk job
  std::map<std::string, core::SecurityProfile> profiles;    ///< by name
  std::set<std::string> registered;
  std::string no_registrar = {};  ///< why nobody knows who is registered, a sentence; "" else
  core::CapfPolicy policy;
};

/// LscState is the filter `lsc`.
enum class LscState { none, installed, expired, stale };

/// BulkFilter says which phones match: all that is given must.
struct BulkFilter {
  std::optional<std::string> name, model, device_pool, description, security_profile, issuer;
  std::optional<LscState> lsc;
  std::optional<core::Time> expires_before;

  bool matches(const core::Phone& phone, const BulkFacts& facts, core::Time now) const;
};

/// matches_text compares as BulkRequest says: `*` and `?` are wild, case does not count; without
/// them `text` must be `pattern`, or only contain it.
enum class Extent { whole, part };
bool matches_text(std::string_view pattern, std::string_view text, Extent extent);

/// bulk_filter reads a request. Throws Error{malformed}: no filter and not `all`, both, a word or a
/// number that cannot be.
BulkFilter bulk_filter(const core::admin::BulkRequest& request, core::Time now);

/// settings_of returns what CAPF would be asked for a phone: the terms over its profile's key
/// settings over its own. Without the authentication string.
core::CapfSettings settings_of(const core::Phone& phone, const BulkTerms& terms,
                               const core::SecurityProfile* profile);

/// Exclusion is why a phone that matches is left out.
struct Exclusion {
  std::string reason;  ///< as BulkExcluded
  std::string why;
};

/// settings_exclusion returns what in the settings of the phone, of its profile and of this node
/// speaks against it; the rest of exclusion_of depends on what the neighbours know.
std::optional<Exclusion> settings_exclusion(const core::Phone& phone, const BulkTerms& terms,
                                            const core::SecurityProfile* profile,
                                            const core::CapfPolicy& policy);

/// exclusion_of returns the first thing that speaks against the job's operation on this phone.
std::optional<Exclusion> exclusion_of(const core::Phone& phone, const BulkTerms& terms,
                                      const BulkFacts& facts, core::Time now);

/// plan_bulk decides for each phone that matches. A phone that is not registered is in: it learns
/// of it when it starts.
core::admin::BulkPreview plan_bulk(const BulkFilter& filter, const BulkTerms& terms,
                                   const std::vector<core::Phone>& phones, const BulkFacts& facts,
                                   core::Time now);

}  // namespace ringfence::services::admin
