// The records and the signer of trust lists.
#include "core/trust/itl.h"

#include <arpa/inet.h>

#include <algorithm>

#include <openssl/x509.h>

namespace ringfence::core {
namespace {

/// Records collects those whose certificate is there.
class Records {
 public:
  void add(RecordRequest request) {
    if (request.certificate != nullptr) records_.push_back(std::move(request));
  }

  bool has(const X509* certificate, Role function) const {
    return std::ranges::any_of(records_, [&](const RecordRequest& one) {
      return one.function == function && X509_cmp(one.certificate, certificate) == 0;
    });
  }

  std::vector<RecordRequest> take() { return std::move(records_); }

 private:
  std::vector<RecordRequest> records_;
};

void add_tvs(const ClusterNode& node, Records& records) {
  const X509* certificate = node.certificate(Unit::tvs);
  if (certificate == nullptr || !node.runs(NodeService::tvs)) return;
  if (records.has(certificate, Role::tvs)) return;
  records.add({certificate, Role::tvs, Content::hash, "", {}});
}

std::optional<std::uint32_t> ipv4_of(const std::string& address) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1) return std::nullopt;
  return ntohl(parsed.s_addr);
}

}  // namespace

std::vector<RecordRequest> itl_records(const Cluster& cluster, const ClusterNode& node) {
  const ClusterNode& publisher = cluster.publisher();
  Records records;
  if (publisher.runs(NodeService::capf))
    records.add({publisher.certificate(Unit::capf), Role::capf, Content::hash, "", {}});
  add_tvs(publisher, records);
  records.add({publisher.certificate(Unit::itl_recovery), Role::sast, Content::full, "", {}});
  for (const ClusterNode& one : cluster.nodes)
    if (one.id != publisher.id) add_tvs(one, records);
  const X509* call_manager = node.certificate(Unit::call_manager);
  records.add({call_manager, Role::sast, Content::full, "", {}});
  records.add({call_manager, Role::tftp, Content::full, "", {}});
  records.add(
      {node.certificate(Unit::call_manager_ecdsa), Role::tftp, Content::full, node.name, {}});
  return records.take();
}

std::vector<RecordRequest> ctl_records(const Cluster& cluster) {
  Records records;
  if (cluster.mode != ClusterMode::mixed) return records.take();
  const auto add = [&](const ClusterNode& node, Unit unit, Role function) {
    records.add(
        {node.certificate(unit), function, Content::full, node.name, ipv4_of(node.address())});
  };
  const ClusterNode& publisher = cluster.publisher();
  add(publisher, Unit::call_manager, Role::sast);
  add(publisher, Unit::call_manager, Role::ccm_tftp);
  if (publisher.runs(NodeService::capf)) add(publisher, Unit::capf, Role::capf);
  add(publisher, Unit::itl_recovery, Role::sast);
  const auto serves_phones = [](const ClusterNode& node) {
    return node.runs(NodeService::call_manager) || node.runs(NodeService::tftp);
  };
  for (const ClusterNode& node : cluster.nodes)
    if (node.id != publisher.id && serves_phones(node))
      add(node, Unit::call_manager, Role::ccm_tftp);
  for (const ClusterNode& node : cluster.nodes)
    if (serves_phones(node)) add(node, Unit::call_manager_ecdsa, Role::ccm_tftp);
  return records.take();
}

std::vector<RecordRequest> list_records(ListKind kind, const Cluster& cluster,
                                        const ClusterNode& node) {
  return kind == ListKind::itl ? itl_records(cluster, node) : ctl_records(cluster);
}

Unit normal_signer_of(Release release) noexcept {
  return release == Release::r11_5 ? Unit::call_manager : Unit::itl_recovery;
}

Unit recovery_signer_of(Release release) noexcept {
  return release == Release::r11_5 ? Unit::itl_recovery : Unit::call_manager;
}

}  // namespace ringfence::core
