#include "services/admin/capf/expiry_monitor.h"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/phones/capf_inventory.h"
#include "core/phones/capf_policy.h"
#include "core/storage/setting_store.h"
#include "services/admin/capf/mail.h"

namespace ringfence::services::admin {

using core::Level;
using core::log;
using core::Time;
namespace json = boost::json;

namespace {

constexpr std::string_view kExpirySetting = "capf.expiry_monitor";
constexpr std::size_t kPage = 2000;
constexpr std::size_t kMostLines = 200;
constexpr std::chrono::hours kUsually(24);
constexpr std::chrono::hours kWhenUrgent(1);
constexpr std::chrono::hours kUrgentBefore(24);
constexpr std::chrono::minutes kMonitorAfterFailure(5);
constexpr std::chrono::seconds kMailPatience(15);

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string capf_sentence(const ExpirySurvey& survey) {
  if (!survey.capf_until) return "";
  return fmt::format("{} {} at {}", survey.capf_subject,
                     *survey.capf_until < survey.at ? "expired" : "expires",
                     core::to_iso(*survey.capf_until));
}

std::string subject_of(const ExpirySurvey& survey, const std::string& node) {
  const auto expired = static_cast<std::size_t>(survey.expired());
  std::string text = fmt::format("Ringfence {}: ", node);
  if (survey.capf_until) text += "CAPF certificate and ";
  return text + fmt::format("{} expired, {} about to expire", counted(expired, "LSC"),
                            survey.lscs.size() - expired);
}

}  // namespace

std::int64_t ExpirySurvey::expired() const {
  return std::ranges::count_if(lscs, [this](const Expiring& one) { return one.until < at; });
}

bool ExpirySurvey::urgent() const {
  const Time limit = at + kUrgentBefore;
  return (capf_until && *capf_until <= limit) || (!lscs.empty() && lscs.front().until <= limit);
}

std::string ExpirySurvey::digest() const {
  std::string text = capf_until ? capf_subject + core::to_iso(*capf_until) : "";
  // What has expired since the last notice is news.
  for (const Expiring& one : lscs)
    text += fmt::format("{} {} {}\n", one.phone, one.serial, one.until < at ? "expired" : "ends");
  return core::to_hex(core::digest(core::Digest::sha256, core::bytes_of(text)));
}

std::string notice_body(const ExpirySurvey& survey, const std::string& node, int notify_days) {
  const auto expired = static_cast<std::size_t>(survey.expired());
  std::string text = fmt::format(
      "Ringfence on {} looked at {} at {}.\n\n{} expired, {} within {} days.\n", node,
      counted(static_cast<std::size_t>(survey.looked_at), "LSC"), core::to_iso(survey.at),
      counted(expired, "LSC"), survey.lscs.size() - expired, notify_days);
  if (survey.capf_until)
    text += fmt::format(
        "\nCAPF's own certificate: {}. Renew it with 'set cert regen CAPF', then install LSCs "
        "again.\n",
        capf_sentence(survey));
  if (survey.lscs.empty()) return text;
  text += "\nPhone            LSC ends              Serial\n";
  for (std::size_t i = 0; i < std::min(survey.lscs.size(), kMostLines); ++i) {
    const Expiring& one = survey.lscs[i];
    text += fmt::format("{:<15}  {}  {}\n", one.phone, core::to_iso(one.until), one.serial);
  }
  if (survey.lscs.size() > kMostLines)
    text += fmt::format("and {} more\n", survey.lscs.size() - kMostLines);
  return text + fmt::format(
                    "\nAll of them: show capf report expires_within {}\n"
                    "New LSCs:    set phone capf <name> operation install, or utils capf bulk\n",
                    notify_days);
}

struct ExpiryMonitor::Memory {
  std::optional<Time> last_run;
  std::optional<Time> last_mail;
  std::optional<Time> noticed;  ///< when the notice `digest` was given
  std::string digest;
  std::string notice;
  std::string capf;
  std::int64_t looked_at = 0;
  std::int64_t expired = 0;
  std::int64_t expiring = 0;
  bool urgent = false;
  bool failing = false;  ///< the last mail could not be sent

  std::chrono::seconds frequency() const {
    return urgent ? std::chrono::seconds(kWhenUrgent) : std::chrono::seconds(kUsually);
  }

  Time next(Time now) const {
    if (!last_run || *last_run > now) return now;  // never, or the clock was set back
    return *last_run + (failing ? std::chrono::seconds(kMonitorAfterFailure) : frequency());
  }
};

ExpiryMonitor::Memory ExpiryMonitor::load() {
  Memory memory;
  const auto text = core::SettingStore(parts_.admin).find(kExpirySetting);
  if (!text) return memory;
  boost::system::error_code error;
  const json::value value = json::parse(*text, error);
  const json::object* kept = error ? nullptr : value.if_object();
  if (kept == nullptr) return memory;  // as if it had never run
  const auto number = [&](std::string_view name) {
    const json::value* found = kept->if_contains(name);
    return found != nullptr && found->is_int64() ? found->as_int64() : 0;
  };
  const auto time = [&](std::string_view name) -> std::optional<Time> {
    const std::int64_t seconds = number(name);
    if (seconds == 0) return std::nullopt;
    return core::from_seconds(seconds);
  };
  const auto words = [&](std::string_view name) -> std::string {
    const json::value* found = kept->if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
  };
  memory.last_run = time("last_run");
  memory.last_mail = time("last_mail");
  memory.noticed = time("noticed");
  memory.digest = words("digest");
  memory.notice = words("notice");
  memory.capf = words("capf");
  memory.looked_at = number("looked_at");
  memory.expired = number("expired");
  memory.expiring = number("expiring");
  memory.urgent = number("urgent") != 0;
  memory.failing = number("failing") != 0;
  return memory;
}

void ExpiryMonitor::save(const Memory& memory) {
  const auto seconds = [](const std::optional<Time>& time) {
    return time ? core::to_seconds(*time) : 0;
  };
  const json::object kept = {{"last_run", seconds(memory.last_run)},
                             {"last_mail", seconds(memory.last_mail)},
                             {"noticed", seconds(memory.noticed)},
                             {"digest", memory.digest},
                             {"notice", memory.notice},
                             {"capf", memory.capf},
                             {"looked_at", memory.looked_at},
                             {"expired", memory.expired},
                             {"expiring", memory.expiring},
                             {"urgent", memory.urgent ? 1 : 0},
                             {"failing", memory.failing ? 1 : 0}};
  core::SettingStore(parts_.admin).save(kExpirySetting, json::serialize(kept));
}

ExpirySurvey ExpiryMonitor::look(int notify_days) {
  ExpirySurvey survey;
  survey.at = parts_.clock.now();
  const Time limit = survey.at + std::chrono::days(notify_days);
  if (const auto own = parts_.certificates.own(core::Unit::capf)) {
    const core::X509Cert certificate = core::parse_certificate(own->der);
    survey.capf_subject = core::subject_of(*certificate);
    const Time until = core::not_after_of(*certificate);
    if (notify_days > 0 && until <= limit) survey.capf_until = until;
  }
  core::Database* capf = parts_.capf();
  std::string after;
  while (capf != nullptr) {
    const std::vector<core::Phone> phones = parts_.phones.page(after, kPage);
    if (phones.empty()) break;
    const auto states = core::CapfInventory(*capf).between(after, phones.back().name);
    for (const core::Phone& phone : phones) {
      const auto state = states.find(phone.name);
      if (state == states.end() || !state->second.held) continue;
      ++survey.looked_at;
      const core::IssuedCertificate& lsc = *state->second.held;
      if (notify_days > 0 && lsc.not_after <= limit)
        survey.lscs.push_back(
            {phone.name, core::to_hex(lsc.serial, core::Case::upper), lsc.not_after});
    }
    after = phones.back().name;
  }
  std::ranges::stable_sort(survey.lscs, {}, &Expiring::until);
  return survey;
}

void ExpiryMonitor::notify(const ExpirySurvey& survey, Memory& memory) {
  if (survey.empty()) {
    memory.notice = "nothing to tell";
    memory.failing = false;
    return;
  }
  const std::string digest = survey.digest();
  const bool same = memory.noticed && digest == memory.digest && *memory.noticed <= survey.at;
  if (same && survey.at - *memory.noticed < memory.frequency()) {
    memory.notice = "this notice was given at " + core::to_iso(*memory.noticed) + " already";
    return;
  }
  const core::CapfPolicy policy = core::CapfPolicyStore(parts_.admin).load();
  const std::string& node = parts_.config.node().host;
  if (!memory.failing)
    log(Level::warning, "CERTIFICATES_EXPIRE",
        {{"expired", std::to_string(memory.expired)},
         {"within_days", std::to_string(policy.notify_days)},
         {"expiring", std::to_string(memory.expiring)},
         {"capf", memory.capf}});
  if (policy.notify_to.empty()) {
    memory.notice = "logged; nobody is to be told by mail: 'set capf policy notify_to'";
  } else {
    const std::string domain = parts_.config.domain();
    const Mail mail{"ringfence@" + (domain.empty() ? node : node + "." + domain), policy.notify_to,
                    subject_of(survey, node), notice_body(survey, node, policy.notify_days)};
    try {
      send_mail(parts_.config.mail_command(), mail_text(mail, survey.at), kMailPatience);
    } catch (const core::Error& error) {
      if (!memory.failing) log(Level::error, "NOTICE_NOT_SENT", {{"why", error.what()}});
      memory.failing = true;
      memory.notice = std::string("the mail could not be sent: ") + error.what();
      return;
    }
    memory.last_mail = survey.at;
    memory.notice = "mail sent to " + fmt::format("{}", fmt::join(policy.notify_to, ", "));
    log(Level::notice, "NOTICE_SENT",
        {{"to", fmt::format("{}", fmt::join(policy.notify_to, ";"))}});
  }
  memory.failing = false;
  memory.digest = digest;
  memory.noticed = survey.at;
}

core::admin::ExpiryFindings ExpiryMonitor::run() {
  const std::lock_guard lock(mutex_);
  Memory memory = load();
  const ExpirySurvey survey = look(core::CapfPolicyStore(parts_.admin).load().notify_days);
  memory.last_run = survey.at;
  memory.looked_at = survey.looked_at;
  memory.expired = survey.expired();
  memory.expiring = static_cast<std::int64_t>(survey.lscs.size()) - memory.expired;
  memory.capf = capf_sentence(survey);
  memory.urgent = survey.urgent();
  notify(survey, memory);
  save(memory);
  return describe(memory);
}

void ExpiryMonitor::run_if_due() noexcept {
  try {
    Memory memory;
    {
      const std::lock_guard lock(mutex_);
      memory = load();
    }
    const Time now = parts_.clock.now();
    if (memory.next(now) <= now) run();
  } catch (const std::exception& error) {
    log(Level::error, "EXPIRY_NOT_MONITORED", {{"why", error.what()}});
  }
}

core::admin::ExpiryFindings ExpiryMonitor::last() {
  const std::lock_guard lock(mutex_);
  return describe(load());
}

core::admin::ExpiryFindings ExpiryMonitor::describe(const Memory& memory) const {
  core::admin::ExpiryFindings findings;
  if (memory.last_run) findings.last_run = core::to_iso(*memory.last_run);
  if (memory.last_mail) findings.last_mail = core::to_iso(*memory.last_mail);
  findings.looked_at = memory.looked_at;
  findings.expired = memory.expired;
  findings.expiring = memory.expiring;
  findings.capf = memory.capf;
  findings.notice = memory.notice;
  findings.next_run = core::to_iso(memory.next(parts_.clock.now()));
  return findings;
}

}  // namespace ringfence::services::admin
