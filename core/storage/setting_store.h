// Named values that outlive a restart. admin.db, written by ringfence-admin.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/storage/database.h"

namespace ringfence::core {

/// SettingStore keeps one text a name. Safe from several threads. Errors: `io`.
class SettingStore {
 public:
  explicit SettingStore(Database& database) : database_(database) {}

  std::optional<std::string> find(std::string_view name) const;
  void save(std::string_view name, const std::string& value);

 private:
  Database& database_;
};

}  // namespace ringfence::core
