#include "services/admin/node/registrar_truth.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/net/rpc.h"
#include "services/admin/node/control_socket.h"

namespace ringfence::services::admin {

namespace {

constexpr auto kRegistrarWithin = std::chrono::seconds(3);

bool answers(const std::filesystem::path& socket) noexcept {
  try {
    core::rpc_call(socket, "status", {}, kRegistrarWithin);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/// alarm_words says "Reset-Restart (alarm 23) at …", or nothing when no alarm ever came.
std::string alarm_words(int cause, const std::string& reason,
                        const std::optional<core::Time>& when) {
  if (!when || (cause == 0 && reason.empty())) return {};
  const std::string at = core::to_iso(*when);
  if (reason.empty()) return fmt::format("alarm {} at {}", cause, at);
  if (cause == 0) return fmt::format("{} at {}", reason, at);
  return fmt::format("{} (alarm {}) at {}", reason, cause, at);
}

}  // namespace

std::string RegistrarTruth::why() const {
  if (serving) return {};
  if (hangs) return "Cisco CallManager is not responding";
  return stopped ? "Cisco CallManager stopped at " + core::to_iso(*stopped)
                 : "Cisco CallManager is not running";
}

RegistrarTruth registrar_truth(const std::filesystem::path& socket,
                               const core::RegistrationStore* store) {
  RegistrarTruth truth;
  if (serves(socket)) {
    truth.serving = answers(socket);
    truth.hangs = !truth.serving;
    return truth;
  }
  if (store == nullptr) return truth;
  if (const auto run = store->registrar()) truth.stopped = run->stopped;
  return truth;
}

Registered registered(const std::vector<core::Registration>& contacts,
                      const RegistrarTruth& registrar, core::Time now) {
  Registered result;
  const core::Time until = registrar.serving ? now : registrar.stopped.value_or(now);
  for (const core::Registration& one : contacts) {
    if (one.expires_at <= until) continue;
    if (!result.row || (!result.row->answers() && one.answers())) result.row = one;
  }
  if (!result.row) {
    result.words = registrar.serving ? "not registered" : "unknown: " + registrar.why();
  } else if (!registrar.serving) {
    result.words = fmt::format("unknown: {}, the phone was registered {}", registrar.why(),
                               registrar.hangs ? "before" : "until then");
  } else if (!result.row->answers()) {
    result.words = "not answering since " + core::to_iso(*result.row->silent_since);
  } else {
    result.now = true;
    result.words = "registered";
  }
  return result;
}

std::optional<std::string> last_words(const core::PhoneReport& report) {
  const std::string own = alarm_words(report.cause, report.last_reason, report.reported_at);
  std::string other = alarm_words(report.other.cause, report.other.reason, report.other.at);
  if (!other.empty())
    other = fmt::format("unproven: {}, said by {}, which is not this phone's address", other,
                        report.other.address);
  if (own.empty() && other.empty()) return std::nullopt;
  return own + (own.empty() || other.empty() ? "" : "; ") + other;
}

}  // namespace ringfence::services::admin
