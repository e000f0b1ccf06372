#include "services/admin/trust/cluster_keeper.h"

#include <algorithm>

#include <openssl/x509.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/certificates/certificate_store.h"
#include "core/trust/itl.h"
#include "core/trust/node_file.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
namespace json = boost::json;

namespace {

bool same_request(const core::RecordRequest& left, const core::RecordRequest& right) {
  return left.function == right.function && left.content == right.content &&
         left.dns_name == right.dns_name && left.ip_address == right.ip_address &&
         X509_cmp(left.certificate, right.certificate) == 0;
}

bool same_nodes(const core::Cluster& left, const core::Cluster& right) {
  return std::ranges::equal(left.nodes, right.nodes, {}, core::node_fingerprint,
                            core::node_fingerprint);
}

}  // namespace

bool ClusterKeeper::changes_itl(const core::Cluster& now, const core::Cluster& after) const {
  const auto before = core::itl_records(now, now.node(core::kThisNode));
  const auto then = core::itl_records(after, after.node(core::kThisNode));
  return !std::ranges::equal(before, then, same_request);
}

std::optional<ClusterKeeper::Done> ClusterKeeper::apply(const std::string& who,
                                                        const Judge& judge) {
  const std::lock_guard lock(parts_.mutex);
  const core::Cluster now = cluster_of(parts_.admin, parts_.config);
  const std::optional<Change> change = judge(now);
  if (!change) return std::nullopt;
  parts_.acts.write_owed();
  parts_.acts.record(who, change->event + "_INTENT", json::serialize(change->detail));
  std::string in_force = "the earlier nodes and ITL";
  try {
    Done done = make(*change, now, in_force);
    json::object detail = change->detail;
    if (done.itl_sha1) detail["itl_sha1"] = *done.itl_sha1;
    if (!done.warnings.empty()) detail["warnings"] = json::value_from(done.warnings);
    parts_.acts.record_done(who, change->event + "_DONE", json::serialize(detail), done.warnings);
    return done;
  } catch (const std::exception& error) {
    json::object detail = change->detail;
    detail["why"] = error.what();
    detail["in_force"] = in_force;
    parts_.acts.record_done(who, change->event + "_FAILED", json::serialize(detail));
    throw;
  }
}

ClusterKeeper::Done ClusterKeeper::make(const Change& change, const core::Cluster& now,
                                        std::string& in_force) {
  Done done;
  SignedList list;
  const bool new_list = changes_itl(now, change.after);
  if (new_list) {
    list = parts_.publisher.build({core::CertificateStore(parts_.admin).all_own(), change.after});
    parts_.publisher.prepare(list);
  }
  try {
    core::Database::Transaction transaction(parts_.admin);
    change.write();
    if (new_list) parts_.publisher.record(list, change.reason);
    transaction.commit();
  } catch (const std::exception&) {
    // A COMMIT that failed may have been kept: what is there then counts.
    bool kept = false;
    try {
      parts_.admin.settle();
      kept = same_nodes(cluster_of(parts_.admin, parts_.config), change.after);
    } catch (const std::exception&) {
      in_force += ", unless the next start finds that the new ones were kept";
      throw;
    }
    if (!kept) throw;
    core::log(core::Level::warning, "COMMIT_WAS_KEPT", {{"reason", change.reason}});
  }
  if (!new_list) {
    for (const Service& service : kServices) {
      const auto why = tell_reload(parts_.config, service);
      if (!why) continue;
      const std::string called(service.name);
      done.untold.push_back(called);
      done.warnings.push_back("The change is made, but " + called + " was not told of it: " + *why +
                              "; restart it with 'utils service restart " + called + "'.");
    }
    return done;
  }
  try {
    Published published = parts_.publisher.publish(list, change.reason);
    done.itl_sha1 = published.sha1;
    done.warnings = std::move(published.warnings);
    done.untold = std::move(published.untold);
  } catch (const std::exception& error) {
    in_force = "the new nodes and the earlier ITL";
    throw Error(Code::io, std::string("the nodes are changed, but the ITL that goes with them "
                                      "could not be published: ") +
                              error.what() +
                              "; mend that, then run 'utils service restart Cisco Tftp'");
  }
  return done;
}

}  // namespace ringfence::services::admin
