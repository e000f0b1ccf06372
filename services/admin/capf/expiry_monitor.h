// The certificate monitor: LSCs and CAPF's own certificate that expire, told before they do.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/admin/capf_api.h"
#include "core/base/clock.h"
#include "core/certificates/certificate_store.h"
#include "core/config/config.h"
#include "core/phones/phone_store.h"

namespace ringfence::services::admin {

/// Expiring is one LSC that has expired or is about to.
struct Expiring {
  std::string phone;
  std::string serial;
  core::Time until;
};

/// ExpirySurvey is what one look at all certificates found.
struct ExpirySurvey {
  core::Time at;
  std::int64_t looked_at = 0;
  std::vector<Expiring> lscs;  ///< the soonest first
  std::string capf_subject;
  std::optional<core::Time> capf_until;  ///< when CAPF's own is expired or about to be

  std::int64_t expired() const;

  bool empty() const { return lscs.empty() && !capf_until; }

  /// urgent: something is expired, or expires within one day.
  bool urgent() const;
  /// digest is the same for the same notice: it does not depend on the time of the look.
  std::string digest() const;
};

/// notice_body is the text of the mail: totals, CAPF's own certificate, and the first 200 LSCs.
std::string notice_body(const ExpirySurvey& survey, const std::string& node, int notify_days);

/// ExpiryMonitor looks every 24 hours, and every hour while something is urgent; what it did is in
/// the setting "capf.expiry_monitor". The same notice is given once within that time, also across
/// restarts. A mail that could not be sent is tried again five minutes later; that is logged once.
/// Safe from several threads.
class ExpiryMonitor {
 public:
  /// Parts must outlive it.
  struct Parts {
    const core::Config& config;
    const core::Clock& clock;
    core::Database& admin;
    const core::CertificateStore& certificates;
    const core::PhoneStore& phones;
    std::function<core::Database*()> capf;  ///< capf.db, null while it is not there
  };

  explicit ExpiryMonitor(Parts parts) : parts_(std::move(parts)) {}

  /// run looks now and gives the notice that is due.
  core::admin::ExpiryFindings run();
  /// run_if_due is for a Ticker; what fails is logged.
  void run_if_due() noexcept;
  core::admin::ExpiryFindings last();

 private:
  /// Memory is what the setting keeps.
  struct Memory;
  Memory load();
  void save(const Memory& memory);
  ExpirySurvey look(int notify_days);
  void notify(const ExpirySurvey& survey, Memory& memory);
  core::admin::ExpiryFindings describe(const Memory& memory) const;

  const Parts parts_;
  std::mutex mutex_;  ///< one look at a time
};

}  // namespace ringfence::services::admin
