#include "services/admin/jobs/guard_rules.h"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

namespace ringfence::services::admin {

using core::Unit;
using core::admin::Guard;

namespace {

constexpr std::size_t kNamesListed = 20;
constexpr std::size_t kGuardNamesTold = 3;
/// How long after its fetch a phone may still show what it made of the list.
constexpr std::chrono::seconds kShowsWithin(4);

/// told names the first phones of a guard, and how many more there are.
std::string told(const Guard& guard) {
  std::string text;
  const std::size_t shown = std::min(kGuardNamesTold, guard.names.size());
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + guard.names[i];
  const std::int64_t more = guard.phones - static_cast<std::int64_t>(shown);
  return more > 0 ? text + fmt::format(" and {} more", more) : text;
}

/// Bench collects guards and whom they name together.
class Bench {
 public:
  explicit Bench(std::string act) { verdict_.act = std::move(act); }

  void add(const std::string& code, const std::vector<std::string>& phones, const std::string& why,
           const std::string& cure) {
    if (phones.empty()) return;  // nobody to strand
    Guard guard{code, static_cast<std::int64_t>(phones.size()), {}, why, cure};
    for (const std::string& phone : phones) {
      if (guard.names.size() < kNamesListed) guard.names.push_back(phone);
      named_.insert(phone);
    }
    verdict_.guards.push_back(std::move(guard));
  }

  Verdict verdict() {
    verdict_.stranded = static_cast<std::int64_t>(named_.size());
    return std::move(verdict_);
  }

 private:
  Verdict verdict_;
  std::set<std::string> named_;
};

using Chooses = std::function<bool(const PhoneHold&)>;

std::vector<std::string> chosen(const GuardFacts& facts, const Chooses& chooses) {
  std::vector<std::string> names;
  for (const PhoneHold& phone : facts.phones)
    if (chooses(phone)) names.push_back(phone.name);
  return names;
}

Chooses holding(ListHold hold) {
  return [hold](const PhoneHold& phone) { return phone.hold == hold; };
}

/// come_back says how phones that hold so come by the list in force: no reset reaches one that is
/// not registered.
std::string come_back(const GuardFacts& facts, ListHold hold) {
  const auto count = [&](bool registered) {
    return chosen(facts,
                  [&](const PhoneHold& phone) {
                    return phone.hold == hold && phone.registered == registered;
                  })
        .size();
  };
  const std::size_t absent = count(false);
  const std::size_t present = count(true);
  const std::string reset = "reset them with 'utils phone reset all' and see 'show phone'.";
  if (absent == 0) return "R" + reset.substr(1);
  const std::string power_on =
      fmt::format("{} not registered, so that no reset reaches {}: power {} on first",
                  absent == 1 ? "1 of them is" : fmt::format("{} of them are", absent),
                  absent == 1 ? "it" : "them", absent == 1 ? "it" : "them");
  return present == 0 ? power_on + "." : power_on + "; the others: " + reset;
}

/// What a reset can show, and what it cannot (cucm-behaviour 3).
constexpr const char* kProofs =
    " A reset proves it only of phones that name their ITL in an alarm as they register. Of the "
    "others no reset can prove it: a session with CAPF or a question to TVS may, a change of the "
    "ITL's signer while Cisco Trust Verification Service runs will; until then only force goes on.";

const Chooses kChoosesAll = [](const PhoneHold&) { return true; };

void add_services(const GuardFacts& facts, Bench& bench) {
  if (!facts.registrar_problem.empty())
    bench.add("callmanager_down", chosen(facts, kChoosesAll),
              facts.registrar_problem + " No phone can be reset, so none would fetch the new list.",
              started_first(facts.registrar_problem, "Cisco CallManager"));
  if (!facts.tftp_problem.empty())
    bench.add("tftp_down", chosen(facts, kChoosesAll),
              facts.tftp_problem + " No phone can fetch the new list.",
              started_first(facts.tftp_problem, "Cisco Tftp"));
}

/// add_unproven names who has the list in force and did not show that it took it. Where only other
/// addresses that registered in the phones' names keep them from it, they are told: one host can do
/// so to a whole house.
void add_unproven(const GuardFacts& facts, const std::string& consequence, Bench& bench) {
  std::set<std::string> rivals;
  std::int64_t contested = 0;
  for (const PhoneHold& phone : facts.phones) {
    if (phone.hold != ListHold::unproven || phone.contested_by.empty()) continue;
    rivals.insert(phone.contested_by);
    ++contested;
  }
  std::string why = "They fetched the ITL in force, and nothing proves that they took it.";
  std::string cure = come_back(facts, ListHold::unproven) + kProofs;
  if (contested > 0) {
    const bool one = rivals.size() == 1;
    const std::string& first = *rivals.begin();
    why += fmt::format(
        " Meanwhile {} registered as {} of them, and nothing tells which address is the phone's.",
        one ? fmt::format("another address ({})", first)
            : fmt::format("other addresses ({}, one of them {})", rivals.size(), first),
        phones_text(contested));
    cure = fmt::format(
        "Shut {} off unless they are phones that moved, or let the phones prove themselves to CAPF "
        "('set phone capf NAME operation install auth_mode auth-string'). {}",
        one ? "that address" : "those addresses", cure);
  }
  bench.add("unproven_list", chosen(facts, holding(ListHold::unproven)), why + consequence, cure);
}

void add_lists(Unit unit, const GuardFacts& facts, Bench& bench) {
  bench.add(
      "older_list", chosen(facts, holding(ListHold::older)),
      "They hold an older ITL than the one in force, or nobody knows which. Whoever misses two "
      "changes may know neither the ITL's signer nor a TVS.",
      come_back(facts, ListHold::older) +
          " Remove those that are gone for good: utils phone remove NAME.");
  bench.add("refused_list", chosen(facts, holding(ListHold::refused)),
            "They refused the ITL in force and kept their old one.",
            "See that Cisco Trust Verification Service runs and reset them, or publish a list that "
            "they believe: utils itl reset localkey.");
  add_unproven(facts, "", bench);
  const bool signs = unit == facts.signer;
  if (signs || unit == Unit::tvs)
    bench.add("signer_and_tvs",
              chosen(facts,
                     [&](const PhoneHold& phone) {
                       return signs ? !phone.knows_tvs : !phone.knows_signer;
                     }),
              fmt::format("The certificate of {} was changed before, and nothing proves that they "
                          "have it. Without that of {} as well they know neither the ITL's signer "
                          "nor a TVS: they would refuse every new list but one that their recovery "
                          "key signs.",
                          name(signs ? Unit::tvs : facts.signer), name(unit)),
              "Let every one of them take the list of the first change before the second. If it "
              "has happened: 'utils itl reset localkey', then 'utils phone reset all'.");
}

/// add_followers names who cannot follow to a list that only another certificate makes new.
void add_followers(Unit unit, const GuardFacts& facts, Bench& bench) {
  const bool tvs = facts.tvs_problem.empty();
  const auto cannot = [&](const PhoneHold& phone) {
    return phone.hold != ListHold::unproven && phone.hold != ListHold::current &&
           !phone.knows_signer && !(tvs && phone.knows_tvs);
  };
  bench.add(
      "older_list", chosen(facts, cannot),
      fmt::format("The list that they hold does not have the certificate of {}, which signs "
                  "the ITL, and they cannot ask a TVS that it has: they would keep that list, "
                  "and not trust the new certificate of {}.",
                  name(facts.signer), name(unit)),
      tvs ? "Unlock them by hand, or publish a list that they believe: utils itl reset localkey."
          : started_first(facts.tvs_problem, "Cisco Trust Verification Service"));
  add_unproven(facts,
               fmt::format(" Those that did not would not trust the new certificate of {} either.",
                           name(unit)),
               bench);
}

/// covers tells whether `force` is for so many phones: for as many, or for a few more, because
/// phones that come and go while somebody types must not stop him.
bool covers(std::int64_t force, std::int64_t stranded) {
  return force >= stranded && force - stranded <= std::max<std::int64_t>(5, stranded / 10);
}

}  // namespace

std::string started_first(const std::string& problem, const std::string& service) {
  const bool stopped = problem.find("does not run") != problem.npos;
  return stopped ? fmt::format("Start it first: utils service start {}.", service)
                 : fmt::format("Restart it first: utils service restart {}.", service);
}

std::string Verdict::refusal(std::optional<std::int64_t> force) const {
  if (guards.empty())
    return force ? fmt::format(
                       "{}: force {} was given, but no phone would be stranded now; leave "
                       "force out",
                       act, *force)
                 : "";
  if (force && covers(*force, stranded)) return "";
  std::string text =
      fmt::format("{}, because by what is known it would strand {}", act, phones_text(stranded));
  if (force) text += fmt::format(", not {}", *force);
  for (const Guard& guard : guards)
    text += fmt::format("\n{} That is {}: {}. {}", guard.why, phones_text(guard.phones),
                        told(guard), guard.cure);
  return text + fmt::format("\nTo do it all the same, add: force {}", stranded);
}

bool may_show_soon(const core::Judgement& judgement, core::TrustSign::Time now) {
  return judgement.awaited && judgement.fetched_at <= now &&
         now - judgement.fetched_at < kShowsWithin;
}

Verdict judge_change(Unit unit, const GuardFacts& facts) {
  Bench bench(fmt::format("the certificate of {} stays", name(unit)));
  if (!facts.tvs_problem.empty() && unit == facts.signer)
    bench.add("tvs_down", chosen(facts, kChoosesAll),
              facts.tvs_problem +
                  " Phones cannot ask about the new signer, and would refuse the new list.",
              started_first(facts.tvs_problem, "Cisco Trust Verification Service"));
  add_services(facts, bench);
  if (unit == facts.signer || unit == Unit::tvs || unit == Unit::call_manager ||
      unit == Unit::itl_recovery)
    add_lists(unit, facts, bench);
  else
    add_followers(unit, facts, bench);
  Verdict verdict = bench.verdict();
  verdict.absent = chosen(facts, [](const PhoneHold& phone) { return !phone.registered; });
  return verdict;
}

Verdict judge_recovery(const GuardFacts& facts) {
  Bench bench("the recovery list is not published");
  bench.add("recovery_unknown",
            chosen(facts,
                   [&](const PhoneHold& phone) {
                     const bool may_ask = facts.tvs_problem.empty() && phone.knows_tvs;
                     return !phone.knows_signer && !may_ask;
                   }),
            fmt::format("The list that they hold does not have the certificate of {}, and they "
                        "cannot ask a TVS: they would refuse the recovery list.",
                        name(facts.signer)),
            "Start Cisco Trust Verification Service; a phone that knows neither has to be unlocked "
            "by hand.");
  return bench.verdict();
}

Verdict judge_bulk(const BulkProblems& problems, const std::vector<std::string>& phones) {
  Bench bench("no bulk job is started");
  if (!problems.capf.empty())
    bench.add("capf_down", phones,
              problems.capf + " Phones would be told to go where nobody answers.",
              started_first(problems.capf, "Cisco Certificate Authority Proxy Function"));
  if (!problems.registrar.empty())
    bench.add("callmanager_down", phones,
              problems.registrar + " No phone can be told of its new settings.",
              started_first(problems.registrar, "Cisco CallManager"));
  if (!problems.tftp.empty())
    bench.add("tftp_down", phones,
              problems.tftp + " No phone can read its configuration, which sends it to CAPF.",
              started_first(problems.tftp, "Cisco Tftp"));
  return bench.verdict();
}

Verdict judge_tell(const std::string& kind, const TellProblems& problems,
                   const std::vector<std::string>& phones) {
  Bench bench("no phone is told");
  const bool boots = kind != "apply-config";
  if (!problems.tftp.empty())
    bench.add("tftp_down", phones,
              problems.tftp +
                  (boots ? " A phone that starts finds no files, and is out of service until it "
                           "answers."
                         : " A phone finds no configuration to apply, and keeps the old one."),
              started_first(problems.tftp, "Cisco Tftp"));
  if (!problems.capf.empty())
    bench.add("capf_down", phones, problems.capf + " A phone would be sent where nobody answers.",
              started_first(problems.capf, "Cisco Certificate Authority Proxy Function"));
  return bench.verdict();
}

}  // namespace ringfence::services::admin
