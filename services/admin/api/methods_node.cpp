// The methods of the cluster's nodes.
#include <memory>

#include "services/admin/api/methods_add.h"
#include "services/admin/trust/nodes.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_nodes(const Parts& parts) {
  const auto nodes =
      std::make_shared<Nodes>(Nodes::Parts{parts.house, parts.services, parts.jobs, parts.resets});
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
