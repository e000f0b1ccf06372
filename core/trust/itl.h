// Which records an ITL has, and which key signs it.
#pragma once

#include <string>
#include <vector>

#include "core/config/release.h"
#include "core/trust/trust_list.h"

namespace ringfence::core {

/// NodeCertificates are the current certificates of this node; null where there is none (CAPF
/// while its service is not activated).
struct NodeCertificates {
  const X509* itl_recovery = nullptr;
  const X509* call_manager = nullptr;
  const X509* call_manager_ecdsa = nullptr;
  const X509* capf = nullptr;
  const X509* tvs = nullptr;
};

/// itl_records returns the records of this node's ITL, in the order of the 11.5 sample: CAPF and
/// TVS by hash; ITLRecovery and CallManager as SAST, CallManager and CallManager-ECDSA as TFTP, in
/// full; only the last carries a DNS name, `host`.
///
/// A pure function of the certificates: the ITL never lags behind them (cucm-behaviour 2.1).
std::vector<RecordRequest> itl_records(const NodeCertificates& certificates,
                                       const std::string& host);

/// ItlSigner is one of the two SAST keys of an ITL.
enum class ItlSigner { call_manager, itl_recovery };

/// normal_signer_of signs the ITL day by day; recovery_signer_of is the other SAST key, with which
/// `utils itl reset localkey` signs.
ItlSigner normal_signer_of(Release release) noexcept;
ItlSigner recovery_signer_of(Release release) noexcept;

}  // namespace ringfence::core
