// Which records an ITL and a CTL have, and which key signs them.
#pragma once

#include <vector>

#include "core/config/release.h"
#include "core/trust/cluster.h"
#include "core/trust/trust_list.h"

namespace ringfence::core {

/// itl_records returns the records of the ITL that `node` serves, in the order of the 11.5 sample
/// (cucm-behaviour 2.1): the publisher's CAPF and TVS by hash and its ITLRecovery as SAST; the TVS
/// of every other node by hash; then the node's own CallManager as SAST and as TFTP and
/// CallManager-ECDSA as TFTP, in full. Only the last carries a DNS name. What a node does not have
/// or run has no record, and a TVS certificate that nodes share has one.
///
/// A pure function: the ITL never lags behind the certificates. The records point into `cluster`.
std::vector<RecordRequest> itl_records(const Cluster& cluster, const ClusterNode& node);

/// ctl_records returns the records of the one CTL that all nodes serve, all in full and with their
/// node's name and address: the publisher's CallManager as SAST and as CCM+TFTP, CAPF, ITLRecovery
/// as SAST, then CallManager of each further node as CCM+TFTP, and last CallManager-ECDSA of each
/// (INF: no list with that was published). Never TVS (cucm-behaviour 2.1). None when the cluster
/// is not in mixed mode: then it has no CTL. Pure, as itl_records.
std::vector<RecordRequest> ctl_records(const Cluster& cluster);

/// list_records returns those of the list of `kind` that `node` serves.
std::vector<RecordRequest> list_records(ListKind kind, const Cluster& cluster,
                                        const ClusterNode& node);

/// normal_signer_of, one of the two SAST keys, signs the lists day by day; recovery_signer_of is
/// the other SAST key, with which `utils itl reset localkey` signs.
Unit normal_signer_of(Release release) noexcept;
Unit recovery_signer_of(Release release) noexcept;

}  // namespace ringfence::core
