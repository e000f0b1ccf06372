// Nodes as rows.
#include "core/trust/node_store.h"

#include <algorithm>
#include <sstream>
#include <tuple>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

constexpr std::string_view kDescription = "Certificate of another node";

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// Row is a node as its columns have it.
struct Row {
  long long id = 0;
  std::string role;
  std::string name;
  std::string domain;
  std::string addresses;
  int sip = 0;
  int sips = 0;
  int tvs = 0;
  int capf = 0;
  std::string services;
};

Row row_of(const ClusterNode& node) {
  std::vector<std::string_view> services;
  for (const NodeService service : node.services) services.push_back(name(service));
  return {node.id,
          std::string(name(node.role)),
          node.name,
          node.domain,
          fmt::format("{}", fmt::join(node.addresses, " ")),
          node.ports.sip,
          node.ports.sips,
          node.ports.tvs,
          node.ports.capf,
          fmt::format("{}", fmt::join(services, " "))};
}

std::uint16_t port_of(int column) {
  if (column < 1 || column > 65535)
    throw Error(Code::malformed, fmt::format("a stored node has the port {}", column));
  return static_cast<std::uint16_t>(column);
}

ClusterNode node_of(const Row& row) {
  ClusterNode node;
  node.id = row.id;
  node.role = row.role == name(NodeRole::publisher) ? NodeRole::publisher : NodeRole::subscriber;
  node.name = row.name;
  node.domain = row.domain;
  node.addresses = words_of(row.addresses);
  node.ports = {port_of(row.sip), port_of(row.sips), port_of(row.tvs), port_of(row.capf)};
  for (const std::string& word : words_of(row.services)) {
    const auto service = node_service_named(word);
    if (!service)
      throw Error(Code::malformed, fmt::format("stored node {} runs '{}'", row.name, word));
    node.services.insert(*service);
  }
  return node;
}

std::vector<ClusterNode> nodes_in(soci::session& sql) {
  Row row;
  soci::statement select =
      (sql.prepare << "select id, role, name, domain, addresses, sip, sips, tvs, capf, services"
                      " from node order by id",
       soci::into(row.id), soci::into(row.role), soci::into(row.name), soci::into(row.domain),
       soci::into(row.addresses), soci::into(row.sip), soci::into(row.sips), soci::into(row.tvs),
       soci::into(row.capf), soci::into(row.services));
  select.execute();
  std::vector<ClusterNode> nodes;
  while (select.fetch()) nodes.push_back(node_of(row));
  return nodes;
}

void read_certificates(soci::session& sql, std::vector<ClusterNode>& nodes) {
  long long id = 0;
  std::string unit;
  std::string der;
  soci::statement select = (sql.prepare << "select node, unit, der from certificate",
                            soci::into(id), soci::into(unit), soci::into(der));
  select.execute();
  while (select.fetch()) {
    const auto known = unit_named(unit);
    if (!known)
      throw Error(Code::malformed, fmt::format("the stored certificate of {} is of no unit", unit));
    for (ClusterNode& node : nodes)
      if (node.id == id) node.certificates[*known] = shared_certificate(from_hex(der));
  }
}

void refuse_this(NodeId id) {
  if (id == kThisNode) throw Error(Code::refused, "this node's row stays");
}

void update(soci::session& sql, const Row& row) {
  sql << "update node set role = :role, name = :name, domain = :domain, addresses = :addresses,"
         " sip = :sip, sips = :sips, tvs = :tvs, capf = :capf, services = :services"
         " where id = :id",
      soci::use(row.role), soci::use(row.name), soci::use(row.domain), soci::use(row.addresses),
      soci::use(row.sip), soci::use(row.sips), soci::use(row.tvs), soci::use(row.capf),
      soci::use(row.services), soci::use(row.id);
}

}  // namespace

std::vector<ClusterNode> NodeStore::list() const {
  return database_.read([](soci::session& sql) { return nodes_in(sql); });
}

Cluster NodeStore::cluster(Release release) const {
  return database_.read([&](soci::session& sql) {
    Cluster cluster;
    cluster.nodes = nodes_in(sql);
    cluster.release = release;
    read_certificates(sql, cluster.nodes);
    return cluster;
  });
}

std::optional<Time> NodeStore::imported_at(NodeId id) const {
  const long long node = id;
  return database_.read([&](soci::session& sql) {
    std::optional<Time> at;
    sql << "select imported from node where id = :id", soci::into(at), soci::use(node);
    return at;
  });
}

void NodeStore::describe_this(const ClusterNode& node) {
  const Row wanted = row_of(node);
  const std::vector<ClusterNode> all = list();
  const auto is_this = [](const ClusterNode& one) { return one.id == kThisNode; };
  const auto there = std::find_if(all.begin(), all.end(), is_this);
  if (there != all.end()) {
    const Row row = row_of(*there);
    if (std::tie(row.role, row.name, row.domain, row.addresses, row.services) ==
            std::tie(wanted.role, wanted.name, wanted.domain, wanted.addresses, wanted.services) &&
        there->ports == node.ports)
      return;
  }
  database_.write([&](soci::session& sql) { update(sql, wanted); });
}

NodeId NodeStore::save(const ClusterNode& node, Time now) {
  refuse_this(node.id);
  Row row = row_of(node);
  return database_.write([&](soci::session& sql) -> NodeId {
    if (row.id == 0) {
      sql << "select max(id) + 1 from node", soci::into(row.id);
      sql << "insert into node (id, role, name, domain, addresses, sip, sips, tvs, capf, services)"
             " values (:id, '', '', '', '', 1, 1, 1, 1, '')",
          soci::use(row.id);
    }
    update(sql, row);
    sql << "update node set imported = :now where id = :id", soci::use(now), soci::use(row.id);
    sql << "delete from certificate where node = :id", soci::use(row.id);
    for (const auto& [unit, certificate] : node.certificates) {
      const std::string unit_name(core::name(unit));
      const std::string der = to_hex(to_der(*certificate));
      const std::string description(kDescription);
      sql << "insert into certificate"
             " (node, unit, der, key_label, key_version, created, description)"
             " values (:node, :unit, :der, '', 0, :created, :description)",
          soci::use(row.id), soci::use(unit_name), soci::use(der), soci::use(now),
          soci::use(description);
    }
    return row.id;
  });
}

void NodeStore::remove(NodeId id) {
  refuse_this(id);
  const long long node = id;
  database_.write([&](soci::session& sql) {
    sql << "delete from certificate where node = :id", soci::use(node);
    sql << "delete from trust_list_version where node = :id", soci::use(node);
    sql << "delete from node where id = :id", soci::use(node);
  });
}

}  // namespace ringfence::core
