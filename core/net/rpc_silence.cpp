#include "core/net/rpc_silence.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace ringfence::core {
namespace {

constexpr std::string_view kAdmin = "admin";

struct Known {
  std::string_view daemon;
  std::string_view name;
};

constexpr std::array kServices = {
    Known{"callmanager", "Cisco CallManager"},
    Known{"tftp", "Cisco Tftp"},
    Known{"capf", "Cisco Certificate Authority Proxy Function"},
    Known{"tvs", "Cisco Trust Verification Service"},
};

bool is_service(const std::string& daemon) {
  for (const Known& one : kServices)
    if (one.daemon == daemon) return true;
  return false;
}

/// cure says what mends a service that administrators start and stop.
std::string cure(const std::filesystem::path& socket, std::string_view verb) {
  if (!is_service(socket.stem().string())) return {};
  return fmt::format("; mend that with 'utils service {} {}'", verb, service_text(socket));
}

}  // namespace

std::string service_text(const std::filesystem::path& socket) {
  const std::string daemon = socket.stem().string();
  for (const Known& one : kServices)
    if (one.daemon == daemon) return std::string(one.name);
  return "ringfence-" + daemon;
}

std::string not_running_text(const std::filesystem::path& socket) {
  if (socket.stem() == kAdmin)
    return "Ringfence is not running, or is just being started; try again in a few seconds, and if "
           "it stays so, start it with 'appliance/run --detach'";
  return service_text(socket) + " is not running" + cure(socket, "start");
}

std::string no_answer_text(const std::filesystem::path& socket, std::chrono::seconds waited) {
  if (socket.stem() == kAdmin)
    return fmt::format(
        "Ringfence runs, but ringfence-admin gave no answer within {} s: it hangs, or has too much "
        "to do; if it stays so, stop and start it: 'appliance/run --stop', then 'appliance/run "
        "--detach'",
        waited.count());
  return fmt::format("{} runs, but gave no answer within {} s{}", service_text(socket),
                     waited.count(), cure(socket, "restart"));
}

}  // namespace ringfence::core
