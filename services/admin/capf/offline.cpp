#include "services/admin/capf/offline.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "services/admin/capf/journal.h"
#include "services/admin/capf/lsc_imports.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::PendingCsr;
using namespace core::admin;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

constexpr auto kIssueFor = 5s;
constexpr std::string_view kAll = "all";

using SteadyTime = std::chrono::steady_clock::time_point;

}  // namespace

OfflineCa::OfflineCa(Parts parts) : parts_(std::move(parts)) {}

std::vector<PendingCsr> OfflineCa::csrs() const {
  core::Database* capf = parts_.capf();
  return capf == nullptr ? std::vector<PendingCsr>{} : core::EnrolmentStore(*capf).csrs();
}

CsrCount OfflineCa::count() {
  CsrCount count;
  for (const PendingCsr& csr : csrs()) {
    ++count.total;
    ++(csr.serial ? count.imported : count.waiting);
  }
  return count;
}

PhoneCsrList OfflineCa::list() {
  PhoneCsrList list;
  for (const PendingCsr& csr : csrs())
    list.csrs.push_back({csr.phone, core::to_iso(csr.created), csr.key, csr.model,
                         csr.peer.substr(0, csr.peer.rfind(':')),
                         csr.serial ? "imported" : "waiting"});
  return list;
}

LscIssuePart OfflineCa::issue(const LscIssueRequest& request, const std::string& who) {
  std::vector<PendingCsr> waiting = csrs();
  std::erase_if(waiting, [&](const PendingCsr& csr) {
    if (request.device != kAll) return csr.phone != request.device;
    return csr.serial.has_value() || csr.phone <= request.after;
  });
  if (request.device != kAll && waiting.empty())
    throw Error(Code::not_found, fmt::format("there is no CSR of '{}'; 'utils capf csr list' shows "
                                             "those that wait",
                                             request.device));
  LscIssuePart part;
  std::vector<LscImport> issued;
  // Finding those that wait reads them all, so a part is as long as a person likes to wait.
  const SteadyTime until = std::chrono::steady_clock::now() + kIssueFor;
  std::size_t done = 0;
  while (done < waiting.size() && std::chrono::steady_clock::now() < until) {
    json::array phones;
    for (; phones.size() < kJournalBatch && done < waiting.size(); ++done)
      phones.emplace_back(waiting[done].phone);
    const json::object answer =
        ask_journal(parts_.config, "offline.issue", {{"phones", std::move(phones)}});
    for (const json::value& one : answer.at("results").as_array()) {
      const std::string device(one.at("device").as_string());
      const std::string reason(one.at("reason").as_string());
      if (reason.empty()) {
        part.issued.push_back(device);
        issued.push_back({"", device});
      } else {
        part.refused.push_back({"", device, reason});
      }
    }
  }
  part.left = static_cast<std::int64_t>(waiting.size() - done);
  part.finished = part.left == 0;
  if (done > 0) part.last = waiting[done - 1].phone;
  parts_.record(who, "LSC_ISSUE_DONE", devices_text(issued, part.refused.size()));
  return part;
}

CsrsDeleted OfflineCa::remove(const PhoneSelection& selection) {
  std::vector<std::string> devices;
  for (const PendingCsr& csr : csrs())
    if (selection.device == kAll || csr.phone == selection.device) devices.push_back(csr.phone);
  if (devices.empty() && selection.device != kAll)
    throw Error(Code::not_found, fmt::format("there is no CSR of '{}'", selection.device));
  CsrsDeleted deleted;
  for (std::size_t at = 0; at < devices.size(); at += kJournalBatch) {
    json::array phones;
    for (std::size_t i = at; i < std::min(at + kJournalBatch, devices.size()); ++i)
      phones.emplace_back(devices[i]);
    deleted.deleted += ask_journal(parts_.config, "offline.remove", {{"phones", std::move(phones)}})
                           .at("removed")
                           .as_int64();
  }
  return deleted;
}

StaleLscList OfflineCa::stale() {
  StaleLscList list;
  core::Database* capf = parts_.capf();
  if (capf == nullptr) return list;
  for (const core::IssuedCertificate& one : core::EnrolmentStore(*capf).stale(parts_.clock.now())) {
    StaleLsc row;
    row.device = one.phone;
    row.serial = core::to_hex(one.serial, core::Case::upper);
    row.issuer = one.issuer;
    row.issued = core::to_iso(one.issued_at);
    if (one.delivered_at) row.delivered = core::to_iso(*one.delivered_at);
    row.expires = core::to_iso(one.not_after);
    list.certificates.push_back(std::move(row));
  }
  return list;
}

StaleCleared OfflineCa::clear_stale(const PhoneSelection& selection) {
  json::object params{{"phone", nullptr}};
  if (selection.device != kAll) params["phone"] = selection.device;
  const std::int64_t cleared =
      ask_journal(parts_.config, "stale.clear", params).at("cleared").as_int64();
  if (cleared == 0 && selection.device != kAll)
    throw Error(Code::not_found, fmt::format("there is no stale LSC of '{}'", selection.device));
  return {cleared};
}

}  // namespace ringfence::services::admin
