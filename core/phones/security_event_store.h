// What CAPF saw of attacks: kept until the audit log has it, and never displaced. capf.db.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/enrolment_store.h"
#include "core/storage/database.h"
#include "core/storage/write_group.h"

namespace ringfence::core {

/// SecurityEventStore appends events, in order. Of one kind about one phone it takes kMostOfAPhone
/// in kWindow, in all kMostInAll; what comes above is counted, on disk as well, and becomes one
/// event "and N more" once the window is over, with the first kAddresses addresses that they came
/// from. Safe from several threads.
/// Errors: `io`.
class SecurityEventStore {
 public:
  static constexpr int kMostOfAPhone = 10;
  static constexpr int kMostInAll = 120;
  static constexpr std::size_t kAddresses = 8;
  static constexpr std::chrono::seconds kWindow{60};

  /// Reads only: `database` is capf.db.
  explicit SecurityEventStore(Database& database) : database_(database) {}

  /// Writes through `group`, which is of `database`; both must outlive it.
  SecurityEventStore(Database& database, WriteGroup& group) : database_(database), group_(&group) {}

  /// add returns when the event, or its count, is on disk.
  void add(const CapfEvent& event);

  /// flush writes down what was counted and whose window is over at `now`.
  void flush(Time now);

  /// prune takes away at most `most` of those before `before` whose id is at most `audited`: the
  /// audit log has them. Returns how many.
  std::size_t prune(Time before, std::int64_t audited, std::size_t most);

  /// kAudited is the setting of admin.db that says up to which id the audit log has them.
  static constexpr std::string_view kAudited = "capf.audited_security_event";

  /// after returns those with a greater id, oldest first, at most `count`.
  std::vector<CapfEvent> after(std::int64_t id, std::size_t count) const;

 private:
  template <typename Work>
  auto write(const Work& work) {
    return group_ == nullptr ? database_.write(work) : group_->write(work);
  }

  bool has_room(const CapfEvent& event);

  Database& database_;
  WriteGroup* group_ = nullptr;
};

}  // namespace ringfence::core
