// The phone methods of the admin API.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/admin/api.h"
#include "core/config/config.h"
#include "core/phones/capf_policy.h"
#include "core/phones/phone_report_store.h"
#include "core/phones/phone_store.h"
#include "services/admin/node/neighbours.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

/// Phones answers the phone.* methods. Safe from several threads.
class Phones {
 public:
  /// Parts must outlive it.
  struct Parts {
    const core::Config& config;
    const core::Clock& clock;
    core::Database& admin;
    core::PhoneStore& phones;
    std::mutex& phone_mutex;  ///< held from reading a phone's record to saving it changed
    Neighbours& neighbours;
    TrustLedger& trust;
    std::function<std::int64_t()> next_reset_number;
  };

  explicit Phones(Parts parts) : parts_(std::move(parts)) {}

  core::admin::PhoneImported import(const core::admin::PhoneImportRequest& request);
  core::admin::PhoneFacts add(const core::admin::PhoneFields& fields);
  core::admin::PhoneFacts update(const core::admin::PhoneFields& fields);
  core::admin::PhoneList list(const core::admin::PhoneListRequest& request);
  core::admin::PhoneFacts show(const std::string& name);
  core::admin::Nothing remove(const std::string& name);
  core::admin::PhoneReset reset(const core::admin::PhoneResetRequest& request);

  /// Addressees are those of some phones that can be told something now.
  struct Addressees {
    std::vector<std::string> names;
    bool operations = false;  ///< one of them has an operation that waits for it
  };

  /// addressees throws Error{not_found} for a phone that is not known.
  Addressees addressees(const std::vector<std::string>& phones);

 private:
  /// refusals waits for the phones' answers to a reset and returns those that are no success.
  std::vector<core::admin::PhoneRefusal> refusals(std::int64_t id, std::size_t asked);
  core::Phone known(const std::string& name) const;
  /// check_sizes refuses keys that are smaller than the policy allows.
  void check_sizes(const core::Phone& phone, const core::CapfPolicy& policy) const;
  /// settled is the phone without an operation that has succeeded: editing its record must not ask
  /// for it anew.
  core::Phone settled(core::Phone phone);

  /// Known is what the neighbours know of some phones, by name.
  struct Known;
  Known known_between(const std::string& after, const std::string& last);
  Known known_of(const std::string& name);
  /// say adds what the phone said of itself.
  static void say(const core::PhoneReport& report, core::admin::PhoneFacts& row);
  core::admin::PhoneFacts describe(const core::Phone& phone, const Known& known,
                                   core::Time now) const;
  static void describe(const PhoneTrust& trust, core::admin::PhoneFacts& row);

  const Parts parts_;
};

}  // namespace ringfence::services::admin
