// The records and the signer of an ITL.
#include "core/trust/itl.h"

namespace ringfence::core {

std::vector<RecordRequest> itl_records(const NodeCertificates& certificates,
                                       const std::string& host) {
  const std::vector<RecordRequest> wanted = {
      {certificates.capf, Function::capf, Content::hash, "", {}},
      {certificates.tvs, Function::tvs, Content::hash, "", {}},
      {certificates.itl_recovery, Function::sast, Content::full, "", {}},
      {certificates.call_manager, Function::sast, Content::full, "", {}},
      {certificates.call_manager, Function::tftp, Content::full, "", {}},
      {certificates.call_manager_ecdsa, Function::tftp, Content::full, host, {}},
  };
  std::vector<RecordRequest> records;
  for (const RecordRequest& request : wanted)
    if (request.certificate != nullptr) records.push_back(request);
  return records;
}

ItlSigner normal_signer_of(Release release) noexcept {
  return release == Release::r11_5 ? ItlSigner::call_manager : ItlSigner::itl_recovery;
}

ItlSigner recovery_signer_of(Release release) noexcept {
  return release == Release::r11_5 ? ItlSigner::itl_recovery : ItlSigner::call_manager;
}

}  // namespace ringfence::core
