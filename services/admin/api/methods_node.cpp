// The methods of the cluster's nodes.
#include <memory>

#include "services/admin/api/methods_add.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/jobs/phone_resets.h"
#include "services/admin/jobs/phone_waves.h"
#include "services/admin/trust/nodes.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_nodes() {
  House& house = parts_.house;
  const Nodes::Telling telling{[this] { parts_.jobs.refuse_while_phones_are_reset(); },
                               [&house] { return PhoneWaves::items_of_registered(house).size(); },
                               [this](const std::string& who) {
                                 return parts_.jobs.report(parts_.resets.start("reset", who));
                               }};
  const auto nodes = std::make_shared<Nodes>(Nodes::Parts{house.config, house.database,
                                                          parts_.cluster, house.neighbours,
                                                          parts_.services, house.clock, telling});
  on(method::node_list, [nodes](const Nothing&, Who) { return nodes->list(); });
  on(method::node_export, [nodes](const Nothing&, Who) { return nodes->export_this(); });
  on(method::node_import_plan, [this, nodes](const NodeImportRequest& request, Who) {
    require_token();
    return nodes->plan_import(request);
  });
  on(method::node_import, [this, nodes](const NodeImportRequest& request, Who who) {
    require_token();
    return nodes->import(request, who.user);
  });
  on(method::node_remove_plan, [this, nodes](const NodeRemoveRequest& request, Who) {
    require_token();
    return nodes->plan_removal(request);
  });
  on(method::node_remove, [this, nodes](const NodeRemoveRequest& request, Who who) {
    require_token();
    return nodes->remove(request, who.user);
  });
}

}  // namespace ringfence::services::admin
