// Which trust list each phone was last proven to hold. admin.db, written by ringfence-admin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/phones/acceptance.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// HoldingStore keeps one Holding a phone. Safe from several threads. Errors: `io`.
class HoldingStore {
 public:
  explicit HoldingStore(Database& database) : database_(database) {}

  /// save inserts or updates by device; many at once cost one commit.
  void save(const std::vector<Holding>& holdings);
  std::vector<Holding> list() const;  ///< by device
  /// homes returns the address from which each phone showed CAPF who it is, by name, of those that
  /// are proven to hold a list. Whoever fetches or registers in a phone's name has shown nothing.
  std::unordered_map<std::string, std::string> homes() const;
  std::optional<Holding> find(std::string_view device) const;
  void remove(std::string_view device);

 private:
  Database& database_;
};

}  // namespace ringfence::core
