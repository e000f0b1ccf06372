#include "services/admin/jobs/guards.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/net/rpc.h"
#include "core/trust/trust_list.h"
#include "services/admin/capf/diagnosis_facts.h"
#include "services/admin/jobs/phone_watch.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

using core::fetches_trust_lists;
using core::Unit;

namespace {

constexpr auto kServicesAnswerWithin = std::chrono::seconds(5);
/// What a phone showed is on disk so long after it registered at the latest.
constexpr auto kShownWithin = std::chrono::seconds(3);
constexpr auto kLookFor = std::chrono::seconds(5);
constexpr auto kLookAgainEvery = std::chrono::milliseconds(200);

/// ListContents tells what the versions of the ITL have; one that is no longer known has nothing.
class ListContents {
 public:
  explicit ListContents(const core::ListStore& lists) : lists_(lists) {}

  bool has(const std::string& sha1, const core::Bytes& der) {
    const auto [entry, fresh] = known_.try_emplace(sha1);
    if (fresh) {
      try {
        if (const auto version = lists_.find(core::ListKind::itl, sha1))
          entry->second = core::parse_trust_list(version->file);
      } catch (const core::Error&) {  // no list: it has nothing
      }
    }
    if (!entry->second) return false;
    return std::ranges::any_of(entry->second->records,
                               [&](const core::Record& record) { return record.matches(der); });
  }

 private:
  const core::ListStore& lists_;
  std::map<std::string, std::optional<core::TrustList>> known_;
};

ListHold hold_of(core::Acceptance acceptance) {
  switch (acceptance) {
    case core::Acceptance::accepted: return ListHold::current;
    case core::Acceptance::fetched: return ListHold::unproven;
    case core::Acceptance::refused: return ListHold::refused;
    case core::Acceptance::unknown: break;
  }
  return ListHold::older;
}

}  // namespace

std::string Guards::problem_of(std::string_view daemon) {
  for (const Service& service : kServices) {
    if (service.daemon != daemon) continue;
    if (services_.state(service).state != "STARTED")
      return fmt::format("{} does not run.", service.name);
    try {
      core::rpc_call(house_.config.control_socket(std::string(daemon)), "status", {},
                     kServicesAnswerWithin);
    } catch (const core::Error& error) {
      if (error.code() != core::Code::io)
        return fmt::format("{} does not answer as it should ({}).", service.name, error.what());
      return fmt::format("{} runs, but does not answer.", service.name);
    }
  }
  return "";
}

std::string Guards::tvs_problem() {
  return tls_problem("tvs", house_.config.ports().tvs, Unit::tvs);
}

std::string Guards::tls_problem(std::string_view daemon, std::uint16_t port, Unit unit) {
  std::string problem;
  for (const Service& service : kServices) {
    if (service.daemon != daemon) continue;
    if (services_.state(service).state != "STARTED")
      return fmt::format("{} does not run.", service.name);
    const std::string listen = house_.config.listen();
    const PortAnswer answer = try_port(listen == "0.0.0.0" ? "127.0.0.1" : listen, port);
    const auto own = house_.certificates.own(unit);
    if (!answer.shook_hands)
      problem =
          fmt::format("{} does not answer on {} ({}).", service.name, answer.address, answer.error);
    else if (own && answer.certificate != own->der)
      problem = fmt::format("{} shows another certificate on {} than that of {}.", service.name,
                            answer.address, name(unit));
  }
  return problem;
}

bool Guards::is_undecided(const core::Judgement& judgement, core::Time registered_at) const {
  return may_show_soon(judgement, core::sign_time()) ||
         (house_.clock.now() - registered_at < kShownWithin &&
          judgement.acceptance != core::Acceptance::accepted);
}

// Where thousands of phones are known, somebody is nearly always undecided: he alone is asked
// about again, and all once more at the end.
std::vector<PhoneHold> Guards::phones(Unit signer) {
  Held held = look(signer);
  if (held.undecided.empty()) return std::move(held.phones);
  const auto deadline = std::chrono::steady_clock::now() + kLookFor;
  while (!held.undecided.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kLookAgainEvery);
    std::erase_if(held.undecided, [this](const auto& one) {
      return !is_undecided(house_.trust().of(one.first).judgement, one.second);
    });
  }
  return look(signer).phones;
}

Guards::Held Guards::look(Unit signer) {
  std::map<std::string, std::string> seen;       // by device: the list it fetched last, or ""
  std::map<std::string, core::Time> registered;  // by device: when last
  const core::Time now = house_.clock.now();
  for (const core::Registration& one : house_.registrations()) {
    seen.emplace(one.device, "");
    core::Time& last = registered[one.device];
    last = std::max(last, one.registered_at);
  }
  for (const core::Fetch& one : house_.last_itls()) seen[one.device] = one.sha1;
  std::vector<std::string> names;
  for (const auto& [device, sha1] : seen)
    if (fetches_trust_lists(device) && house_.phones.has(device)) names.push_back(device);
  const std::map<std::string, PhoneTrust> trust = house_.trust().of(names, {});
  const auto tvs = house_.certificates.own(Unit::tvs);
  const auto by = house_.certificates.own(signer);
  ListContents contents(house_.lists);
  Held held;
  for (const std::string& device : names) {
    const PhoneTrust& stands = trust.at(device);
    const core::Judgement& judgement = stands.judgement;
    const std::string& fetched = seen.at(device);
    const bool nothing_known = judgement.acceptance == core::Acceptance::unknown &&
                               judgement.holds.empty() && fetched.empty();
    const auto came_at = registered.find(device);
    const core::Time last = came_at == registered.end() ? core::Time{} : came_at->second;
    const bool came = now - last < kShownWithin;
    if (is_undecided(judgement, last)) held.undecided.emplace(device, last);
    // As far as is known it never had a list, and takes its first one on faith.
    if (nothing_known && !came) continue;
    PhoneHold hold{device, nothing_known ? ListHold::unproven : hold_of(judgement.acceptance)};
    const std::string& surely = judgement.holds.empty() ? fetched : judgement.holds;
    hold.knows_tvs = tvs && contents.has(surely, tvs->der);
    hold.knows_signer = by && contents.has(surely, by->der);
    if (hold.hold == ListHold::unproven) hold.contested_by = stands.contested_by;
    hold.registered = came_at != registered.end();
    held.phones.push_back(std::move(hold));
  }
  return held;
}

Verdict Guards::of_change(Unit unit) {
  GuardFacts facts;
  facts.signer = keeper_.publisher().signer();
  facts.phones = phones(facts.signer);
  if (facts.phones.empty()) return judge_change(unit, facts);  // a fresh house: nobody to strand
  const bool may_ask =
      std::ranges::any_of(facts.phones, [](const PhoneHold& phone) { return !phone.knows_signer; });
  if (unit == facts.signer || may_ask) facts.tvs_problem = tvs_problem();
  facts.tftp_problem = problem_of("tftp");
  facts.registrar_problem = problem_of("callmanager");
  return judge_change(unit, facts);
}

Verdict Guards::of_recovery() {
  GuardFacts facts;
  facts.signer = core::recovery_signer_of(house_.config.release());
  facts.phones = phones(facts.signer);
  if (std::ranges::any_of(facts.phones, [](const PhoneHold& one) { return !one.knows_signer; }))
    facts.tvs_problem = tvs_problem();
  return judge_recovery(facts);
}

Verdict Guards::of_bulk(const std::vector<std::string>& phones) {
  if (phones.empty()) return judge_bulk({}, phones);
  return judge_bulk({tls_problem("capf", house_.config.ports().capf, Unit::capf),
                     problem_of("tftp"), problem_of("callmanager")},
                    phones);
}

Verdict Guards::of_tell(const std::string& kind, const std::vector<std::string>& phones,
                        bool enrol) {
  if (phones.empty()) return judge_tell(kind, {}, phones);
  return judge_tell(
      kind,
      {problem_of("tftp"),
       enrol ? tls_problem("capf", house_.config.ports().capf, Unit::capf) : std::string()},
      phones);
}

std::vector<std::string> Guards::left_out(const std::vector<core::JobItem>& items) {
  std::set<std::string> inside;
  for (const core::JobItem& item : items) inside.insert(item.phone);
  std::vector<std::string> names;
  for (PhoneHold& phone : phones(keeper_.publisher().signer()))
    if (!inside.contains(phone.name)) names.push_back(std::move(phone.name));
  return names;
}

}  // namespace ringfence::services::admin
