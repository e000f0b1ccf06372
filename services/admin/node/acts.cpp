#include "services/admin/node/acts.h"

#include "core/base/log.h"

namespace ringfence::services::admin {
namespace {

constexpr std::size_t kMostOwed = 100;  // audit records that wait for a disk

}  // namespace

void Acts::record(const std::string& who, const std::string& event, const std::string& detail) {
  log_.append(clock_.now(), who, event, detail);
}

std::string Acts::record_done(const std::string& who, const std::string& event,
                              const std::string& detail) noexcept {
  try {
    record(who, event, detail);
    return "";
  } catch (const std::exception& error) {
    core::log(core::Level::error, "AUDIT_NOT_WRITTEN",
              {{"event", event}, {"user", who}, {"detail", detail}, {"why", error.what()}});
    const std::lock_guard lock(mutex_);
    if (owed_.size() < kMostOwed) owed_.push_back({clock_.now(), who, event, detail});
    return "The audit log could not be written (" + std::string(error.what()) +
           "); the daemon's log has what it lacks.";
  }
}

void Acts::record_done(const std::string& who, const std::string& event, const std::string& detail,
                       std::vector<std::string>& warnings) {
  std::string complaint = record_done(who, event, detail);
  if (!complaint.empty()) warnings.push_back(std::move(complaint));
}

void Acts::write_owed() noexcept {
  const std::lock_guard lock(mutex_);
  std::size_t written = 0;
  try {
    for (; written < owed_.size(); ++written) {
      const Owed& one = owed_[written];
      log_.append(one.at, one.who, one.event, one.detail);
    }
  } catch (const std::exception&) {  // it was logged when it was due
  }
  owed_.erase(owed_.begin(), owed_.begin() + static_cast<std::ptrdiff_t>(written));
}

}  // namespace ringfence::services::admin
