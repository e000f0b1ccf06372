#include "services/admin/capf/event_audit.h"

#include <cctype>
#include <string>

#include <boost/json.hpp>

#include "core/base/log.h"
#include "core/phones/security_event_store.h"
#include "core/storage/setting_store.h"

namespace ringfence::services::admin {
namespace {

constexpr std::string_view kSetting = core::SecurityEventStore::kAudited;
constexpr std::size_t kBatch = 500;

/// audited_as makes "CAPF_AUTH_STRING_REFUSED" of "auth_string_refused".
std::string audited_as(std::string_view kind) {
  std::string name = "CAPF_";
  for (const char c : kind) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

void EventAudit::copy() noexcept {
  const std::lock_guard lock(mutex_);
  try {
    copy_all();
    failing_ = false;
  } catch (const std::exception& error) {
    if (!failing_)
      core::log(core::Level::error, "CAPF_EVENTS_NOT_AUDITED", {{"why", error.what()}});
    failing_ = true;
  }
}

void EventAudit::copy_all() {
  core::Database* capf = parts_.capf();
  if (capf == nullptr) return;
  changes_.on_change(*capf, [&] {
    while (copy_some(*capf)) continue;
  });
}

bool EventAudit::copy_some(core::Database& capf) {
  core::Database::Transaction transaction(parts_.admin);
  core::SettingStore settings(parts_.admin);
  const std::int64_t done = std::stoll(settings.find(kSetting).value_or("0"));
  const auto events = core::SecurityEventStore(capf).after(done, kBatch);
  if (events.empty()) return false;
  for (const core::CapfEvent& event : events) {
    parts_.record("ringfence-capf", audited_as(event.kind),
                  boost::json::serialize(boost::json::object{{"phone", event.phone},
                                                             {"from", event.peer},
                                                             {"at", core::to_iso(event.at)},
                                                             {"what", event.detail}}));
  }
  settings.save(kSetting, std::to_string(events.back().id));
  transaction.commit();
  return true;
}

}  // namespace ringfence::services::admin
