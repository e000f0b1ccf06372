// The half of the engine that resets phones.
#include <set>

#include <fmt/format.h>

#include "core/base/log.h"
#include "services/callmanager/engine.h"

namespace ringfence::services::callmanager {

using core::Level;
using core::log;

namespace {

constexpr std::chrono::milliseconds kRepeatTick{100};

}  // namespace

Asked Engine::reset(std::int64_t id, ResetKind kind, const std::vector<std::string>& devices) {
  const core::Time now = clock_.now();
  Asked asked;
  for (const std::string& device : std::set<std::string>(devices.begin(), devices.end())) {
    if (registrar_.contacts(device, now).empty()) {
      asked.unknown.push_back(device);
    } else {
      ++asked.count;
      resets_.add({{id, device}, kind});
    }
  }
  log(Level::notice, "RESET_ASKED",
      {{"id", std::to_string(id)},
       {"kind", std::string(word(kind))},
       {"devices", std::to_string(asked.count)},
       {"unknown", std::to_string(asked.unknown.size())}});
  pump();
  return asked;
}

void Engine::pump() {
  while (const auto order = resets_.next()) send(*order);
}

void Engine::send(const Order& order) {
  const core::Time now = clock_.now();
  ledger_.queue_sent({.id = order.key.id,
                      .device = order.key.device,
                      .kind = std::string(word(order.kind)),
                      .sent_at = now,
                      .answered_at = std::nullopt,
                      .status = 0});
  const std::vector<Binding> contacts = registrar_.contacts(order.key.device, now);
  resets_.sent(order.key, contacts.size());
  if (contacts.empty()) return decide(order.key, 408);  // gone while it waited
  std::string stamp;
  if (const auto devices = directory_.devices())
    if (const auto found = devices->find(order.key.device); found != devices->end())
      stamp = found->second.stamp;
  for (const Binding& binding : contacts) send(order, binding, stamp);
}

void Engine::send(const Order& order, const Binding& binding, const std::string& stamp) {
  const core::Registration& row = binding.row;
  const std::string target = row.target.empty() ? row.peer : row.target;
  Notify notify;
  notify.key = order.key;
  notify.contact = key_of(row);
  std::optional<Way> way = wire_.way_to(target);
  if (way && row.transport != "udp") way->flow = binding.flow;
  if (!way || (row.transport != "udp" && !wire_.open(binding.flow))) return finish(notify, 408);
  notify.way = *way;

  NotifyText text;
  text.uri = notify_uri(row.contact_user, target, row.transport);
  text.transport = row.transport;
  text.own_uri = own_uri_;
  text.sent_by = wire_.own_address(notify.way);
  text.branch = "z9hG4bK" + random_word();
  text.tag = random_word();
  text.call_id = random_word();
  text.body = service_control_body(order.kind, row.call_id, stamp);
  notify.text = notify_text(text);
  wire_.send(notify.way, notify.text);
  transactions_.start(text.branch, std::move(notify), std::chrono::steady_clock::now());
  watch_transactions();
}

// While there are transactions, and no longer: an idle registrar sleeps.
void Engine::watch_transactions() {
  if (watching_ || transactions_.empty()) return;
  watching_ = true;
  repeat_.expires_after(kRepeatTick);
  repeat_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    watching_ = false;
    try {
      const Transactions::Due due = transactions_.due(std::chrono::steady_clock::now());
      for (const Notify* notify : due.again) {
        // Who is there answers within half a second: from now on it is not said to be.
        ledger_.queue(registrar_.heard(notify->contact, false, clock_.now()));
        wire_.send(notify->way, notify->text);
      }
      for (const Notify& notify : due.over) finish(notify, 408);
      pump();
    } catch (const std::exception& failure) {
      log(Level::error, "CALLBACK_FAILED", {{"error", failure.what()}});
    }
    watch_transactions();
  });
}

void Engine::take_response(const SipMessage& message, const Way& way) {
  if (message.status() < 200) return;
  if (way.flow == 0)
    if (const auto inquiry = inquiries_.answered(message.branch(), way.address()))
      return take_answer(*inquiry, message.status());
  const auto notify = transactions_.answered(message.branch(), way.address());
  if (!notify) return;
  ledger_.queue(registrar_.heard(notify->contact, true, clock_.now()));
  finish(*notify, message.status());
  pump();
}

void Engine::finish(const Notify& notify, int status) {
  // No phone says 408 to a request of ours: it is what we say when it said nothing.
  if (status == 408) ledger_.queue(registrar_.heard(notify.contact, false, clock_.now()));
  const auto outcome = resets_.answered(notify.key, status);
  if (outcome) log_outcome(notify.key, *outcome);
  // Other hosts may register as the device: whose answer counts is for the admin to judge.
  if (status < 300)
    ledger_.queue_answered(notify.key.id, notify.key.device, status, clock_.now(),
                           notify.contact.address);
  else if (outcome)
    ledger_.queue_answered(notify.key.id, notify.key.device, *outcome, clock_.now());
}

void Engine::decide(const ResetKey& key, int status) {
  log_outcome(key, status);
  ledger_.queue_answered(key.id, key.device, status, clock_.now());
}

void Engine::log_outcome(const ResetKey& key, int status) {
  log(status < 300 ? Level::info : Level::warning, "RESET_ANSWERED",
      {{"id", std::to_string(key.id)}, {"device", key.device}, {"status", std::to_string(status)}});
}

}  // namespace ringfence::services::callmanager
