// The phone methods of the admin API, and the CAPF report.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "core/admin/api.h"
#include "services/admin/house.h"
#include "services/admin/trust_keeper.h"

namespace ringfence::services::admin {

/// Phones answers the phone.* and capf.* methods. Safe from several threads.
class Phones {
 public:
  Phones(House& house, TrustKeeper& keeper) : house_(house), keeper_(keeper) {}

  core::admin::PhoneImported import(const core::admin::PhoneImportRequest& request);
  core::admin::PhoneFacts add(const core::admin::PhoneFields& fields);
  core::admin::PhoneFacts update(const core::admin::PhoneFields& fields);
  core::admin::PhoneList list();
  core::admin::PhoneFacts show(const std::string& name);
  core::admin::Nothing remove(const std::string& name);
  core::admin::PhoneReset reset(const core::admin::PhoneResetRequest& request);
  core::admin::CapfReport report();

 private:
  /// refusals waits for the phones' answers to a reset and returns those that are no success.
  std::vector<core::admin::PhoneRefusal> refusals(std::int64_t id, std::size_t asked);
  core::Phone known(const std::string& name) const;
  std::vector<core::admin::PhoneFacts> describe(const std::vector<core::Phone>& phones);

  House& house_;
  TrustKeeper& keeper_;
  std::mutex change_mutex_;  ///< held from reading a record to saving it
};

}  // namespace ringfence::services::admin
