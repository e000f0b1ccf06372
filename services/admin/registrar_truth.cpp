#include "services/admin/registrar_truth.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "core/base/file.h"

namespace ringfence::services::admin {

std::string RegistrarTruth::why() const {
  if (serving) return {};
  return stopped ? "Cisco CallManager stopped at " + core::to_iso(*stopped)
                 : "Cisco CallManager is not running";
}

bool serves(const std::filesystem::path& socket) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const core::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // A full backlog is a daemon that is busy.
  return probe && (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address),
                             sizeof address) == 0 ||
                   errno == EAGAIN);
}

RegistrarTruth registrar_truth(const std::filesystem::path& socket,
                               const core::RegistrationStore* store) {
  RegistrarTruth truth;
  truth.serving = serves(socket);
  if (truth.serving || store == nullptr) return truth;
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
    result.words = fmt::format("unknown: {}, the phone was registered until then", registrar.why());
  } else if (!result.row->answers()) {
    result.words = "not answering since " + core::to_iso(*result.row->silent_since);
  } else {
    result.now = true;
    result.words = "registered";
  }
  return result;
}

std::optional<std::string> last_words(const core::PhoneReport& report) {
  if (!report.reported_at || (report.cause == 0 && report.last_reason.empty())) return std::nullopt;
  const std::string at = core::to_iso(*report.reported_at);
  if (report.last_reason.empty()) return fmt::format("alarm {} at {}", report.cause, at);
  if (report.cause == 0) return fmt::format("{} at {}", report.last_reason, at);
  return fmt::format("{} (alarm {}) at {}", report.last_reason, report.cause, at);
}

}  // namespace ringfence::services::admin
