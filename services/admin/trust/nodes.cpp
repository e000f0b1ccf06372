#include "services/admin/trust/nodes.h"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/trust/node_check.h"
#include "core/trust/node_file.h"
#include "services/admin/node/service_health.h"
#include "services/admin/trust/node_certificates.h"

namespace ringfence::services::admin {

using core::ClusterNode;
using core::Code;
using core::Error;
using core::NodeService;
using core::Unit;
using core::admin::NodeChanged;
using core::admin::NodeFacts;
using core::admin::NodeImportRequest;
using core::admin::NodePlan;
using core::admin::NodeRemoveRequest;
namespace json = boost::json;

namespace {

constexpr std::string_view kAdded = "added";
constexpr std::string_view kReplaced = "replaced";
constexpr std::string_view kKnown = "known";
constexpr std::string_view kRemoved = "removed";

ClusterNode node_in(const NodeImportRequest& request) {
  if (request.content.size() > (core::kMostNodeFileBytes + 2) / 3 * 4)
    throw Error(Code::malformed, "the node document is longer than 64 KiB; none is");
  core::Bytes text;
  try {
    text = core::from_base64(request.content);
  } catch (const Error&) {
    throw Error(Code::malformed, "the parameter 'content' is not base64 (RFC 4648)");
  }
  return core::parse_node_file(text);
}

std::string key_of(const X509& certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(&certificate);
  if (key == nullptr) return "unknown";
  return fmt::format("{} {}", EVP_PKEY_is_a(key, "EC") == 1 ? "EC" : "RSA", EVP_PKEY_get_bits(key));
}

core::admin::NodeCertificate describe(Unit unit, const X509& certificate) {
  return {std::string(name(unit)),
          core::subject_of(certificate),
          core::to_hex(core::serial_of(certificate), core::Case::upper),
          key_of(certificate),
          core::to_iso(core::not_before_of(certificate)),
          core::to_iso(core::not_after_of(certificate)),
          core::to_hex(core::digest(core::Digest::sha256, core::to_der(certificate)),
                       core::Case::upper, ":")};
}

/// with returns the cluster once `node` is imported.
core::Cluster with(const core::Cluster& now, const ClusterNode& node) {
  core::Cluster after = now;
  const auto there = std::ranges::find(after.nodes, node.id, &ClusterNode::id);
  if (there == after.nodes.end()) {
    after.nodes.push_back(node);
    after.nodes.back().id = now.nodes.back().id + 1;
  } else {
    *there = node;
  }
  return after;
}

core::Cluster without(const core::Cluster& now, core::NodeId id) {
  core::Cluster after = now;
  std::erase_if(after.nodes, [id](const ClusterNode& one) { return one.id == id; });
  return after;
}

/// Import is a document beside the cluster that it comes to.
struct Import {
  ClusterNode node;
  const ClusterNode* earlier = nullptr;  ///< in the cluster it was judged by
  std::string_view result;
  std::vector<std::string> warnings;
};

Import judged(ClusterNode node, const core::Cluster& now, core::Time at) {
  Import import;
  import.warnings = core::check_node(node, now, at);
  import.earlier = core::node_named(now, node.name);
  if (import.earlier != nullptr) node.id = import.earlier->id;
  import.result = import.earlier == nullptr ? kAdded
                  : core::encode_node_file(*import.earlier) == core::encode_node_file(node)
                      ? kKnown
                      : kReplaced;
  import.node = std::move(node);
  return import;
}

/// changes_of says what is new of a node that was there.
std::vector<std::string> changes_of(const ClusterNode& before, const ClusterNode& after) {
  std::vector<std::string> changes;
  for (const Unit unit : core::kUnits) {
    const X509* was = before.certificate(unit);
    const X509* is = after.certificate(unit);
    if (was == nullptr && is == nullptr) continue;
    if (was != nullptr && is != nullptr && core::to_der(*was) == core::to_der(*is)) continue;
    changes.push_back(fmt::format("The certificate of {} {}.", name(unit),
                                  was == nullptr  ? "is new"
                                  : is == nullptr ? "is gone"
                                                  : "is another one"));
  }
  if (before.addresses != after.addresses || !(before.ports == after.ports))
    changes.emplace_back("Its addresses or ports are others.");
  if (before.services != after.services) changes.emplace_back("It runs other services.");
  if (before.domain != after.domain || before.name != after.name)
    changes.emplace_back("Its name is spelled otherwise.");
  return changes;
}

const ClusterNode& other_or_refuse(const core::Cluster& now, const std::string& name) {
  const core::Cluster others = without(now, core::kThisNode);  // whatever this one is called now
  if (const ClusterNode* found = core::node_named(others, name)) return now.node(found->id);
  if (core::node_named(now, name) != nullptr)
    throw Error(Code::refused,
                fmt::format("{} is this node itself, which stays; other nodes are removed", name));
  std::vector<std::string_view> names;
  for (const ClusterNode& one : now.nodes)
    if (one.id != core::kThisNode) names.push_back(one.name);
  throw Error(Code::not_found,
              fmt::format("there is no imported node '{}'; {}", core::in_one_line(name, 60),
                          names.empty() ? "none is imported"
                                        : fmt::format("there are {}", fmt::join(names, ", "))));
}

json::object detail_of(const ClusterNode& node, std::string_view result) {
  return {{"node", node.name},
          {"result", result},
          {"address", node.address()},
          {"fingerprint", core::node_fingerprint(node)}};
}

std::vector<std::string> warnings_of_removal(const ClusterNode& node) {
  std::vector<std::string> warnings;
  if (node.runs(NodeService::tvs))
    warnings.push_back(fmt::format(
        "Phones no longer turn to the TVS of {}, and no longer believe it: phones that trust a "
        "certificate by that TVS lose it.",
        node.name));
  if (node.runs(NodeService::tftp) || node.runs(NodeService::call_manager))
    warnings.push_back(fmt::format(
        "The TVS of this node no longer vouches for the certificates of {}: phones that come from "
        "there refuse what {} signed, and phones that go there what this node did.",
        node.name, node.name));
  return warnings;
}

}  // namespace

NodeFacts Nodes::facts(const ClusterNode& node) const {
  NodeFacts facts;
  facts.name = node.name;
  facts.role = name(node.role);
  facts.this_node = node.id == core::kThisNode;
  facts.domain = node.domain;
  facts.addresses = node.addresses;
  facts.ports = {node.ports.sip, node.ports.sips, node.ports.tvs, node.ports.capf};
  for (const NodeService service : node.services) facts.runs.emplace_back(name(service));
  for (const Unit unit : core::kUnits)
    if (const X509* certificate = node.certificate(unit))
      facts.certificates.push_back(describe(unit, *certificate));
  facts.fingerprint = core::node_fingerprint(node);
  if (const auto at = core::NodeStore(parts_.admin).imported_at(node.id))
    facts.imported = core::to_iso(*at);
  return facts;
}

core::admin::NodeExport Nodes::export_this() const {
  const core::Cluster now = cluster();
  const ClusterNode& self = now.node(core::kThisNode);
  if (self.certificates.size() != core::kUnits.size())
    throw Error(Code::conflict,
                "this node has no certificates yet; 'show hsm' says what its token waits for");
  const std::string document = core::encode_node_file(self);
  try {
    core::parse_node_file(core::bytes_of(document));
  } catch (const Error& error) {
    throw Error(Code::refused,
                fmt::format("no other node would take this one's document: {}; mend that in "
                            "ringfence.toml",
                            error.what()));
  }
  return {facts(self), document};
}

core::admin::NodeList Nodes::list() const {
  core::admin::NodeList list;
  const core::Time now = parts_.clock.now();
  constexpr std::chrono::days kSoon(30);
  for (const ClusterNode& node : cluster().nodes) {
    list.nodes.push_back(facts(node));
    if (node.id == core::kThisNode) continue;
    for (const auto& [unit, certificate] : node.certificates)
      if (const core::Time end = core::not_after_of(*certificate); end - now < kSoon)
        list.warnings.push_back(fmt::format(
            "The certificate of {} of node {} {} at {}: regenerate it there, export that node "
            "again and import it here.",
            name(unit), node.name, end < now ? "ended" : "ends", core::to_iso(end)));
  }
  return list;
}

std::string Nodes::why_nobody() const {
  const RegistrarTruth registrar = parts_.neighbours.registrar();
  if (!registrar.serving) return registrar.why();
  const Service tftp = *service_named("Cisco Tftp");
  if (parts_.services.state(tftp).state != "STARTED")
    return "Cisco Tftp does not run, so that phones would start without their files";
  if (!responds(parts_.config, tftp))
    return "Cisco Tftp does not respond, so that phones would start without their files";
  return "";
}

void Nodes::note_phones(NodePlan& plan) const {
  plan.phones = static_cast<std::int64_t>(phones_.count());
  if (plan.result == kKnown) return;
  parts_.telling.refuse_while_one_runs();
  if (const std::string why = why_nobody(); !why.empty()) {
    plan.notes.push_back(why +
                         ": no phone is reset, and each fetches its new files when it next "
                         "starts, or by 'utils phone reset all'.");
    return;
  }
  plan.phones_reset = static_cast<std::int64_t>(parts_.telling.reachable());
  const std::int64_t others = plan.phones - plan.phones_reset;
  if (others > 0)
    plan.notes.push_back(
        fmt::format("{} not registered; {} not reset and {} new files when {}.",
                    others == 1 ? "1 known phone is" : fmt::format("{} known phones are", others),
                    others == 1 ? "it is" : "they are", others == 1 ? "fetches its" : "fetch their",
                    others == 1 ? "it next starts" : "they next start"));
  if (parts_.keeper.recovering() && plan.new_itl)
    plan.notes.emplace_back(
        "A recovery list is in force ('utils itl reset localkey'), so the same key signs this one "
        "too. 'utils service restart Cisco Tftp' returns to the normal signer.");
}

NodePlan Nodes::plan_import(const NodeImportRequest& request) const {
  const core::Cluster now = cluster();
  const Import import = judged(node_in(request), now, parts_.clock.now());
  NodePlan plan;
  plan.node = facts(import.node);
  plan.result = import.result;
  plan.warnings = import.warnings;
  plan.new_itl = parts_.keeper.changes_itl(now, with(now, import.node));
  if (import.earlier != nullptr) plan.changes = changes_of(*import.earlier, import.node);
  if (import.result != kKnown) {
    const std::string& name = import.node.name;
    if (import.node.runs(NodeService::tvs))
      plan.warnings.push_back(
          fmt::format("Phones will trust whatever the TVS of {0} vouches for. Compare the "
                      "fingerprint with what "
                      "'utils node list' shows on {0}.",
                      name));
    if (import.result == kAdded)
      plan.notes.push_back(fmt::format(
          "Import this node on {0} as well ('utils node export' here, 'utils node import' there): "
          "until then the TVS of {0} does not know what this node signs.",
          name));
  }
  note_phones(plan);
  return plan;
}

NodePlan Nodes::plan_removal(const NodeRemoveRequest& request) const {
  const core::Cluster now = cluster();
  const ClusterNode& node = other_or_refuse(now, request.name);
  NodePlan plan;
  plan.node = facts(node);
  plan.result = kRemoved;
  plan.new_itl = parts_.keeper.changes_itl(now, without(now, node.id));
  plan.warnings = warnings_of_removal(node);
  note_phones(plan);
  return plan;
}

NodeChanged Nodes::import(const NodeImportRequest& request, const std::string& who) {
  const ClusterNode given = node_in(request);
  NodeChanged changed;
  const auto done = parts_.keeper.apply(
      who, [&](const core::Cluster& now) -> std::optional<ClusterKeeper::Change> {
        Import import = judged(given, now, parts_.clock.now());
        changed.result = import.result;
        changed.warnings = std::move(import.warnings);
        if (import.result == kKnown) {
          changed.node = facts(import.node);
          return std::nullopt;
        }
        parts_.telling.refuse_while_one_runs();
        ClusterKeeper::Change change;
        change.after = with(now, import.node);
        change.write = [this, node = import.node, &changed] {
          ClusterNode saved = node;
          saved.id = core::NodeStore(parts_.admin).save(node, parts_.clock.now());
          changed.node = facts(saved);
        };
        change.event = "CLUSTER_NODE_IMPORT";
        change.reason = "import of node " + import.node.name;
        change.detail = detail_of(import.node, import.result);
        return change;
      });
  if (!done) {
    changed.phones = static_cast<std::int64_t>(phones_.count());
    return changed;
  }
  changed.itl_sha1 = done->itl_sha1;
  changed.untold_services = done->untold;
  changed.warnings.insert(changed.warnings.end(), done->warnings.begin(), done->warnings.end());
  reset(who, changed);
  return changed;
}

NodeChanged Nodes::remove(const NodeRemoveRequest& request, const std::string& who) {
  NodeChanged changed;
  changed.result = kRemoved;
  const auto done = parts_.keeper.apply(
      who, [&](const core::Cluster& now) -> std::optional<ClusterKeeper::Change> {
        const ClusterNode& node = other_or_refuse(now, request.name);
        parts_.telling.refuse_while_one_runs();
        changed.node = facts(node);
        ClusterKeeper::Change change;
        change.after = without(now, node.id);
        change.write = [this, id = node.id] { core::NodeStore(parts_.admin).remove(id); };
        change.event = "CLUSTER_NODE_REMOVE";
        change.reason = "removal of node " + node.name;
        change.detail = detail_of(node, kRemoved);
        return change;
      });
  changed.itl_sha1 = done->itl_sha1;
  changed.untold_services = done->untold;
  changed.warnings = done->warnings;
  reset(who, changed);
  return changed;
}

void Nodes::reset(const std::string& who, NodeChanged& changed) {
  changed.phones = static_cast<std::int64_t>(phones_.count());
  std::string why;
  try {
    why = why_nobody();
    if (why.empty()) {
      changed.job = parts_.telling.start(who);
      return;
    }
  } catch (const std::exception& error) {  // the change is made: it is said, and not taken back
    why = error.what();
  }
  if (changed.phones > 0)
    changed.warnings.push_back(
        fmt::format("No phone was reset: {}. Each fetches its new files when it next starts; "
                    "'utils phone reset "
                    "all' makes the registered ones.",
                    why));
}

}  // namespace ringfence::services::admin
