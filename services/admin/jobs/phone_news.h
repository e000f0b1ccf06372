// Of which phones the daemons' databases say something new, and what they say of them.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "services/admin/jobs/phone_look.h"
#include "services/admin/jobs/waves.h"
#include "services/admin/node/house.h"

namespace ringfence::services::admin {

/// PhoneNews follows admin.db (who was removed), callmanager.db (registrations, resets), capf.db
/// (outcomes) and the trust ledger for one job. One thread. Errors: `io`.
class PhoneNews {
 public:
  /// Subject is what a job goes by.
  struct Subject {
    std::int64_t job = 0;              ///< whose resets count
    std::set<std::string> lists = {};  ///< SHA-1s that count beside the one in force

    enum class Outcomes { none, last } outcomes = Outcomes::none;          ///< of CAPF
    enum class Others { left_out, looked_at } others = Others::looked_at;  ///< not of the job
  };

  /// Follows from now on.
  PhoneNews(House& house, Subject subject);

  using Observe = std::function<void(const std::vector<PhoneLook>& looks)>;

  /// follow shows `observe` how those phones stand of which something changed since the last call,
  /// and those that are `due`, at most a thousand at a time. The first time, and when another list
  /// came into force, that is everybody whom `book` follows, and whoever is registered and not in
  /// it.
  void follow(const Waves& book, const std::vector<std::string>& due, const Observe& observe);

  /// look reads what is known of phones now.
  std::vector<PhoneLook> look(const std::vector<std::string>& phones);

 private:
  using Open = core::Database* (House::*)();

  /// Log is a database whose changes are followed; it may not be there yet.
  struct Log {
    Open open;
    std::int64_t mark = 0;
  };

  /// heard adds of whom something changed; true when it may be anybody.
  bool heard(std::set<std::string>& phones);
  static void read(core::Database& database, std::int64_t& mark, std::set<std::string>& phones);
  void add_everybody(const Waves& book, std::set<std::string>& phones);
  PhoneLook look_at(const std::string& phone, core::Time now);

  House& house_;
  const Subject subject_;
  std::vector<Log> logs_;
  std::uint64_t trust_mark_ = 0;
};

}  // namespace ringfence::services::admin
