// Published lists as rows.
#include "core/trust/list_store.h"

#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

constexpr int kKept = 20;

}  // namespace

std::int64_t ListStore::add(const ListVersion& version) {
  const std::string content = to_hex(version.file);
  const std::string kind(name(version.kind));
  const long long node = version.node;
  return database_.write([&](soci::session& sql) -> std::int64_t {
    long long id = 0;
    sql << "select coalesce(max(id), 0) + 1 from trust_list_version", soci::into(id);
    sql << "insert into trust_list_version (id, kind, node, signer, sha1, reason, content,"
           " published)"
           " values (:id, :kind, :node, :signer, :sha1, :reason, :content, :published)",
        soci::use(id), soci::use(kind), soci::use(node), soci::use(version.signer),
        soci::use(version.sha1), soci::use(version.reason), soci::use(content),
        soci::use(version.published);
    sql << "delete from trust_list_version where kind = :kind and node = :node and id not in"
           " (select id from trust_list_version where kind = :same and node = :one"
           " order by id desc limit " +
               std::to_string(kKept) + ")",
        soci::use(kind), soci::use(node), soci::use(kind), soci::use(node);
    return id;
  });
}

std::optional<ListVersion> ListStore::last(ListKind kind, NodeId node) const {
  return newest(kind, node, nullptr);
}

std::optional<ListVersion> ListStore::find(ListKind kind, const std::string& sha1,
                                           NodeId node) const {
  return newest(kind, node, &sha1);
}

std::optional<ListVersion> ListStore::newest(ListKind of_kind, NodeId of,
                                             const std::string* sha1) const {
  const long long node = of;
  const std::string kind(name(of_kind));
  return database_.read([&](soci::session& sql) -> std::optional<ListVersion> {
    ListVersion version;
    long long id = 0;
    std::string content;
    soci::statement select(sql);
    select.exchange(soci::into(id));
    select.exchange(soci::into(version.signer));
    select.exchange(soci::into(version.sha1));
    select.exchange(soci::into(version.reason));
    select.exchange(soci::into(content));
    select.exchange(soci::into(version.published));
    select.exchange(soci::use(kind));
    select.exchange(soci::use(node));
    if (sha1 != nullptr) select.exchange(soci::use(*sha1));
    select.alloc();
    select.prepare(std::string("select id, signer, sha1, reason, content, published from"
                               " trust_list_version where kind = :kind and node = :node") +
                   (sha1 != nullptr ? " and sha1 = :sha1" : "") + " order by id desc limit 1");
    select.define_and_bind();
    if (!select.execute(true)) return std::nullopt;
    version.id = id;
    version.kind = of_kind;
    version.node = of;
    version.file = from_hex(content);
    return version;
  });
}

std::vector<ListVersion> ListStore::list(ListKind of_kind, NodeId of) const {
  const long long node = of;
  const std::string kind(name(of_kind));
  return database_.read([&](soci::session& sql) {
    ListVersion row;
    long long id = 0;
    soci::statement select =
        (sql.prepare << "select id, signer, sha1, reason, published from trust_list_version"
                        " where kind = :kind and node = :node order by id desc",
         soci::into(id), soci::into(row.signer), soci::into(row.sha1), soci::into(row.reason),
         soci::into(row.published), soci::use(kind), soci::use(node));
    select.execute();
    std::vector<ListVersion> versions;
    while (select.fetch()) {
      row.id = id;
      row.kind = of_kind;
      row.node = of;
      versions.push_back(row);
    }
    return versions;
  });
}

}  // namespace ringfence::core
