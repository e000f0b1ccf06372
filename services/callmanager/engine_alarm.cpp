// The half of the engine that hears what phones say of themselves, and judges who said it.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/log.h"
#include "services/callmanager/engine.h"

namespace ringfence::services::callmanager {

using core::Level;
using core::log;

// Alarms and token registrations. 202 whoever sends it: a phone restarts over a refusal.
void Engine::take_refer(const SipMessage& message, const Way& way) {
  const std::string headers =
      fmt::format("Date: {}\r\nContact: <{}>\r\n", date_header(clock_.now()), own_uri_);
  reply(message, way, 202, "Accepted", headers);
  const PhoneAlarm alarm = alarm_in_body(message.content_type(), message.body());
  if (alarm.empty()) return;
  const auto devices = directory_.devices();
  if (!devices || !devices->contains(alarm.device)) return;
  note_alarm(alarm.device, alarm, message, way);
}

// Is it the address from which the phone has shown who it is? When it is registered, but not from
// there, or has shown nothing: the one that registered it first.
bool Engine::is_its_address(const std::string& device, const Way& way) const {
  const std::string address = way.address();
  const std::vector<Binding> contacts = registrar_.contacts(device, clock_.now());
  const auto devices = directory_.devices();
  std::string home;
  if (devices)
    if (const auto known = devices->find(device); known != devices->end())
      home = known->second.home;
  const bool at_home = std::any_of(contacts.begin(), contacts.end(), [&](const Binding& one) {
    return address_in(one.row.peer) == home;
  });
  if (!home.empty() && (at_home || contacts.empty())) return address == home;
  return sightings_.knows(device, address);
}

// What speaks for a phone from elsewhere proves nothing of it: it is kept with its address, and
// counts when the phone registers from there.
void Engine::note_unproven(const std::string& device, const PhoneAlarm& alarm, const Way& way) {
  auto report = sightings_.alarmed_from(way.address(), device, alarm, heard(way), clock_.now());
  if (report) ledger_.queue_report(std::move(*report));
  log_unproven(device, alarm, way);
}

void Engine::log_unproven(const std::string& device, const PhoneAlarm& alarm, const Way& way) {
  if (const auto kept_back = refusals_.pass(way.address(), Quiet::now()))
    log(Level::notice, "ALARM_UNPROVEN",
        {{"device", device},
         {"peer", way.text()},
         {"cause", std::to_string(alarm.cause)},
         {"last", alarm.last_reason},
         {"more", std::to_string(*kept_back)}});
}

void Engine::note_alarm(const std::string& device, const PhoneAlarm& alarm,
                        const SipMessage& message, const Way& way) {
  // A phone that has a connection speaks over it: a datagram may be anybody's.
  if (way.flow == 0 && registrar_.connected(device, way.address()))
    return log_unproven(device, alarm, way);
  if (way.flow == 0)
    inquire(device, alarm, message, way);
  else
    note_trust(device, alarm, way);
  if (!is_its_address(device, way)) return note_unproven(device, alarm, way);
  auto report = sightings_.alarmed(device, alarm, clock_.now());
  if (!report) return;
  if (const auto kept_back = registrations_.pass(way.address(), Quiet::now()))
    log(Level::info, "PHONE_ALARM",
        {{"device", device},
         {"peer", way.text()},
         {"cause", std::to_string(alarm.cause)},
         {"last", alarm.last_reason},
         {"load", alarm.active_load},
         {"more", std::to_string(*kept_back)}});
  ledger_.queue_report(std::move(*report));
}

// What a datagram says of trust lists counts unless the phone that it names denies it: whoever is
// where it says it came from is asked whether it was he who sent it.
void Engine::inquire(const std::string& device, const PhoneAlarm& alarm, const SipMessage& message,
                     const Way& way) {
  if (alarm.itl.empty() && alarm.trust_failure.empty()) return;
  Inquiry inquiry{device, alarm, way, way, {}};
  inquiry.back.peer.port(answer_port(message.sent_by(), way.text()));
  const std::string branch = "z9hG4bK" + random_word();
  inquiry.text = message.question(inquiry.back.text(), wire_.own_address(inquiry.back), branch);
  auto ask = [this, back = inquiry.back, text = inquiry.text] { wire_.send(back, text); };
  const bool amplifies = inquiry.text.size() > message.size();
  if (inquiry.text.empty() || amplifies ||
      !inquiries_.start(branch, std::move(inquiry), Quiet::now()))
    return log_unproven(device, alarm, way);
  post(std::move(ask));  // after the answer, which who asked waits for
}

// Nobody there denied it: many clients have no ear for OPTIONS.
void Engine::take_silence(const Inquiry& inquiry) {
  if (registrar_.connected(inquiry.device, inquiry.way.address()))
    log_unproven(inquiry.device, inquiry.alarm, inquiry.way);
  else
    note_trust(inquiry.device, inquiry.alarm, inquiry.way);
}

void Engine::take_answer(const Inquiry& inquiry, int status) {
  // 405 and 501 are of those who have no OPTIONS at all.
  const bool known = status < 300 || status == 405 || status == 501;
  if (known && !registrar_.connected(inquiry.device, inquiry.way.address()))
    return note_trust(inquiry.device, inquiry.alarm, inquiry.way);
  if (const auto kept_back = refusals_.pass(inquiry.way.address(), Quiet::now()))
    log(Level::notice, "ALARM_DENIED",
        {{"device", inquiry.device},
         {"peer", inquiry.way.text()},
         {"status", std::to_string(status)},
         {"more", std::to_string(*kept_back)}});
}

// Signs carry where they came from: whoever reads them judges that.
void Engine::note_trust(const std::string& device, const PhoneAlarm& alarm, const Way& way) {
  core::TrustSign sign;
  sign.device = device;
  sign.peer = way.address();
  sign.at = core::sign_time();
  sign.kind = core::TrustSignKind::itl_reported;
  for (const ReportedHash& hash : alarm.itl) {
    sign.subject = hash.hex;
    sign.detail = fmt::format("{} in {}", hash.digest, hash.parameter);
    signs_.add(sign);
  }
  if (alarm.trust_failure.empty()) return;
  sign.kind = core::TrustSignKind::itl_refused;
  sign.subject = alarm.itl.empty() ? "" : alarm.itl.front().hex;
  sign.detail = alarm.trust_failure.substr(0, core::TrustSign::kMaxDetail);
  signs_.add(sign);
}

}  // namespace ringfence::services::callmanager
