#include "services/admin/wiring.h"

#include "services/admin/trust/ensured_text.h"

namespace ringfence::services::admin {
namespace {

/// note_of is what `show status` says from then on: nothing of a first list.
std::string note_of(const std::optional<Ensured>& ensured) {
  return ensured && !ensured->first ? ensured_text(*ensured) : "";
}

Opening::Work work_of(TrustKeeper& keeper, Jobs& jobs) {
  return {[&keeper] { keeper.ensure_certificates(); },
          [&keeper] { return note_of(keeper.ensure_itl("start of Ringfence")); },
          [&keeper] { return note_of(keeper.refresh_itl("start of Cisco Tftp")); },
          [&jobs] { jobs.resume(); }};
}

std::function<core::Database*()> capf_of(House& house) {
  return [&house] { return house.neighbours.capf(); };
}

}  // namespace

TrustWiring::TrustWiring(House& house)
    : keys(house.config, house.database, house.token, house.clock),
      itl(house.config, house.database, house.token, house.clock),
      keeper({house.config, house.database, keys, itl, house.acts, house.clock, house.trust_mutex}),
      cluster({house.config, house.database, itl, house.acts, house.trust_mutex}) {}

Wiring::Wiring(House& house, ServiceControl& services)
    : trust(house),
      jobs(house.jobs),
      regeneration(house, trust.keeper, services, jobs),
      resets({house, trust.keeper, services, jobs}),
      bulk(house, jobs, trust.keeper, services),
      phones({house.config, house.clock, house.database, house.phones, house.phone_mutex,
              house.neighbours, house.trust(), [&house] { return house.next_reset_number(); }}),
      opening({house.database, house.token, services, house.clock, work_of(trust.keeper, jobs)}),
      monitor({house.config, house.clock, house.database, house.certificates, house.phones,
               capf_of(house)}),
      event_audit({house.database, capf_of(house),
                   [&house](const std::string& who, const std::string& event,
                            const std::string& detail) { house.acts.record(who, event, detail); }}),
      methods({house, trust.keeper, regeneration, phones, services, opening, jobs, bulk, resets,
               monitor, trust.cluster}) {
  jobs.add(regeneration);
  jobs.add(resets);
  jobs.add(bulk);
}

}  // namespace ringfence::services::admin
