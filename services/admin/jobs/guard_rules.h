// Whom a change would strand, by what is known: a pure function of facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/admin/guard_api.h"
#include "core/certificates/unit.h"
#include "core/phones/acceptance.h"
#include "services/admin/node/phone_words.h"

namespace ringfence::services::admin {

/// ListHold is where a phone stands with the ITL in force.
enum class ListHold {
  current,   ///< it is known to hold it
  unproven,  ///< it fetched it; nothing shows that it took it
  refused,   ///< it fetched it and kept its old one
  older,     ///< it holds an earlier one, or nobody knows which
};

/// PhoneHold is one phone that uses trust lists and was seen here.
struct PhoneHold {
  std::string name;
  ListHold hold = ListHold::current;
  bool knows_tvs = true;     ///< the list it surely holds has the certificate TVS shows now
  bool knows_signer = true;  ///< and that of who signs lists now
  bool registered = true;    ///< a reset reaches it
  /// For an unproven one: another address that registered as it, when neither showed who it is.
  std::string contested_by = {};
};

/// GuardFacts are what the rules look at. A service's problem is a sentence, "" when it answers.
struct GuardFacts {
  core::Unit signer = core::Unit::call_manager;  ///< whose key signs the next list
  std::string tvs_problem, tftp_problem, registrar_problem;
  std::vector<PhoneHold> phones;  ///< by name
};

/// Verdict is what speaks against a change.
struct Verdict {
  std::string act;  ///< "CallManager is not regenerated"
  std::vector<core::admin::Guard> guards;
  std::int64_t stranded = 0;             ///< phones that the guards name, each once
  std::vector<std::string> absent = {};  ///< phones of a change that no reset reaches

  /// refusal is the sentence that refuses the change; "" when nothing speaks against it, or when
  /// `force` covers `stranded`: it is that number, or up to 5 or a tenth above, since phones come
  /// and go while somebody types.
  std::string refusal(std::optional<std::int64_t> force) const;
};

/// may_show_soon tells whether what a phone made of the list that it fetched may be on its way
/// here. A phone goes on at once after a fetch; who did not for some seconds never may.
bool may_show_soon(const core::Judgement& judgement, core::TrustSign::Time now);

/// judge_change judges a new certificate for `unit` and the ITL that goes with it.
///
/// A phone takes a list whose signer its own list has, or that a TVS vouches for which its list
/// has (cucm-behaviour 3). So where who signs or who vouches changes (CallManager, TVS,
/// ITLRecovery) every phone must have the list in force first. Another certificate (CAPF,
/// CallManager-ECDSA) leaves both as they are, so that who can still verify the signer takes the
/// next list whatever it holds; who cannot stays with a list that names only the old certificate,
/// and reaches that server no more. Any change wants phones to be told and to find the file.
Verdict judge_change(core::Unit unit, const GuardFacts& facts);

/// judge_recovery judges a list signed by the recovery key: `facts.signer` is its unit.
Verdict judge_recovery(const GuardFacts& facts);

/// BulkProblems are of the services that a phone needs to be told, to read its configuration and to
/// enrol; as GuardFacts'.
struct BulkProblems {
  std::string capf, tftp, registrar;
};

/// judge_bulk judges a bulk operation on `phones`.
Verdict judge_bulk(const BulkProblems& problems, const std::vector<std::string>& phones);

/// TellProblems are of the services that phones need which are told to reset, restart or apply
/// their configuration; as GuardFacts'. `capf` only where what they read sends them there.
struct TellProblems {
  std::string tftp, capf;
};

/// judge_tell judges telling `phones` to do `kind`: "reset", "restart", "apply-config".
Verdict judge_tell(const std::string& kind, const TellProblems& problems,
                   const std::vector<std::string>& phones);

/// started_first is the cure for a service's problem, as Guards words it: one that runs and hangs
/// has to be restarted.
std::string started_first(const std::string& problem, const std::string& service);

}  // namespace ringfence::services::admin
