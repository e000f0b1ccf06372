// The authentication strings that were tried of each phone. capf.db.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/storage/database.h"
#include "core/storage/write_group.h"

namespace ringfence::core {

/// Reserve is the share that an address has of its own although nothing proves it.
enum class Reserve {
  none = 0,
  seen = 1,    ///< of those that fetched in the phone's name
  likely = 2,  ///< of those that registered in it
};

/// Attempts are the tries of one phone from one address, or from all strangers together.
struct Attempts {
  std::string phone;
  std::string address;  ///< empty: of all strangers
  int count = 0;
  Time last;          ///< of the last one that was judged
  bool told = false;  ///< that further ones have to wait
  Reserve reserved = Reserve::none;
};

/// AttemptStore keeps them over restarts and power cuts: what `save` was given is on disk when it
/// returns. Safe from several threads. Errors: `io`.
class AttemptStore {
 public:
  /// `reader` and `group` are of capf.db, and must outlive it.
  AttemptStore(Database& reader, Database& writer, WriteGroup& group)
      : reader_(reader), writer_(writer), group_(group) {}

  std::vector<Attempts> of(std::string_view phone) const;

  /// save writes these rows, one whose count is 0 is taken away, and forgets those of all phones
  /// whose last try was before `forget`.
  void save(const std::vector<Attempts>& rows, Time forget);

 private:
  Database& reader_;
  Database& writer_;
  WriteGroup& group_;
};

}  // namespace ringfence::core
