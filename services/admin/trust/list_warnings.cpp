#include "services/admin/trust/list_warnings.h"

namespace ringfence::services::admin {

std::vector<std::string> list_warnings(TrustKeeper& keeper) {
  std::vector<std::string> warnings;
  if (!keeper.served_itl_sha1().empty()) {
    const core::admin::TrustListShow show = keeper.show(core::ListKind::itl);
    if (show.state != "verified")
      warnings.push_back("The ITL file on disk is not good (" +
                         (show.error.empty() ? show.state : show.error) +
                         "). Mend that with 'utils service restart Cisco Tftp'; 'show itl' says "
                         "what phones get.");
  }
  if (keeper.publisher().recovering())
    warnings.push_back(
        "A recovery list is in force: " + std::string(name(keeper.publisher().signer())) +
        " signs the ITL. When every phone has fetched it ('utils phone reset all'), "
        "'utils service restart Cisco Tftp' returns to the normal signer.");
  return warnings;
}

}  // namespace ringfence::services::admin
