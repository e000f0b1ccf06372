// Versions of the trust lists that were published. admin.db, written by ringfence-admin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/node_id.h"
#include "core/storage/database.h"
#include "core/trust/list_kind.h"

namespace ringfence::core {

/// ListVersion is one published trust list.
struct ListVersion {
  std::int64_t id = 0;
  ListKind kind = ListKind::itl;
  std::string signer;  ///< unit's name
  std::string sha1;    ///< of the whole file, hex
  std::string reason;  ///< "first start", "regeneration of CAPF", "reset localkey" …
  Bytes file;
  Time published;
  NodeId node = kThisNode;  ///< whose list it is
};

/// ListStore keeps the last 20 versions of each kind and node. Safe from several threads. Errors:
/// `io`.
class ListStore {
 public:
  explicit ListStore(Database& database) : database_(database) {}

  std::int64_t add(const ListVersion& version);  ///< returns its id; `version.id` does not count
  std::optional<ListVersion> last(ListKind kind, NodeId node = kThisNode) const;
  /// find returns the newest version with this checksum: the very file that a phone fetched.
  std::optional<ListVersion> find(ListKind kind, const std::string& sha1,
                                  NodeId node = kThisNode) const;
  /// list returns all, newest first, without files.
  std::vector<ListVersion> list(ListKind kind, NodeId node = kThisNode) const;

 private:
  std::optional<ListVersion> newest(ListKind kind, NodeId node, const std::string* sha1) const;

  Database& database_;
};

}  // namespace ringfence::core
