// Telling phones that are named to reset, restart or apply their configuration.
#include <poll.h>

#include <chrono>
#include <set>

#include "core/base/error.h"
#include "services/admin/capf/phones.h"
#include "services/admin/node/reset_request.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Phone;

namespace {

constexpr std::chrono::seconds kAnswersWithin{12};  // the registrar gives up after ten
constexpr int kLookEveryMilliseconds = 50;

}  // namespace

Phones::Addressees Phones::addressees(const std::vector<std::string>& phones) {
  std::set<std::string> registered;
  for (const core::Registration& one : parts_.neighbours.registrations())
    registered.insert(one.device);
  Addressees found;
  const core::Time now = parts_.clock.now();
  for (const std::string& asked : phones) {
    const Phone phone = settled(known(asked));
    if (!registered.contains(phone.name)) continue;
    found.names.push_back(phone.name);
    const core::CapfSettings& capf = phone.capf;
    const bool late = capf.completes_by && *capf.completes_by <= now;
    if (capf.operation != core::Operation::none && !late) found.operations = true;
  }
  return found;
}

core::admin::PhoneReset Phones::reset(const core::admin::PhoneResetRequest& request) {
  if (request.kind != "reset" && request.kind != "restart" && request.kind != "apply-config")
    throw Error(Code::malformed, "kind must be reset, restart or apply-config");
  if (request.phones.empty())
    throw Error(Code::malformed, "name the phones; phone.reset_all tells all of them");
  std::set<std::string> registered;
  for (const core::Registration& one : parts_.neighbours.registrations())
    registered.insert(one.device);
  core::admin::PhoneReset result;
  std::vector<std::string> devices;
  for (const std::string& asked : request.phones) {
    const std::string device = known(asked).name;
    (registered.contains(device) ? devices : result.not_registered).push_back(device);
  }
  if (devices.empty()) return result;
  const std::int64_t id = parts_.next_reset_number();
  const auto unknown = request_reset(parts_.config, id, request.kind, devices);
  result.asked = static_cast<std::int64_t>(devices.size() - unknown.size());
  result.not_registered.insert(result.not_registered.end(), unknown.begin(), unknown.end());
  result.refused = refusals(id, devices.size() - unknown.size());
  return result;
}

std::vector<core::admin::PhoneRefusal> Phones::refusals(std::int64_t id, std::size_t asked) {
  const auto deadline = std::chrono::steady_clock::now() + kAnswersWithin;
  std::vector<core::ResetRow> rows;
  do {
    rows = parts_.neighbours.resets(id);
    std::erase_if(rows, [](const core::ResetRow& row) { return !row.answered_at; });
    if (rows.size() >= asked) break;
    ::poll(nullptr, 0, kLookEveryMilliseconds);  // another process's database tells of no event
  } while (std::chrono::steady_clock::now() < deadline);
  std::vector<core::admin::PhoneRefusal> refused;
  for (const core::ResetRow& row : rows)
    if (row.status >= 300) refused.push_back({row.device, row.status});
  return refused;
}

}  // namespace ringfence::services::admin
