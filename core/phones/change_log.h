// Of which devices a database says something new, in the order in which it was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/storage/database.h"

namespace ringfence::core {

/// ChangeLog is the table `device_change`: one row a device, which moves to the end whenever
/// something of it changes that a follower wants to know. The stores of each database note:
///
/// - callmanager.db: a registration that is new, moved, silent, heard again or gone (not one that
///   is only refreshed), a reset that was sent or answered;
/// - capf.db: an outcome;
/// - admin.db: a phone that was removed.
///
/// So a follower's step costs what changed since its last, and misses nothing, however often it
/// comes by. Safe from several threads. Errors: `io`.
class ChangeLog {
 public:
  explicit ChangeLog(Database& database) : database_(database) {}

  /// note says that something of the device changed. Only in the transaction that changes it.
  void note(const std::string& device);

  /// last is the mark of the newest change, 0 before the first: whoever follows from there on
  /// hears of what changes later.
  std::int64_t last() const;

  /// Page is a part of what changed, each device once.
  struct Page {
    std::vector<std::string> devices;
    std::int64_t last = 0;  ///< give it to the next call; the mark itself when there was nothing
  };

  /// after returns up to `count` devices that changed after the mark, those that did first at the
  /// front.
  Page after(std::int64_t mark, std::size_t count) const;

 private:
  Database& database_;
};

}  // namespace ringfence::core
