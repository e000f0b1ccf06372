#include "services/callmanager/engine.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"

namespace ringfence::services::callmanager {

namespace asio = core::asio;
using core::Level;
using core::log;

namespace {

constexpr std::size_t kMostUnanswered = 200;
constexpr std::size_t kMostHeld = 1000;
constexpr std::ptrdiff_t kMostHeldAnAddress = 50;
constexpr std::size_t kMostAnswer = 3;         ///< times as long as the request, over UDP
constexpr std::size_t kLinesOfTheKnown = 200;  ///< a peer in ten seconds
constexpr std::size_t kLinesOfTheRefused = 5;
constexpr int kServedAtOnce = 16;  ///< before the sockets are looked at again
constexpr std::string_view kAllow = "Allow: REGISTER, OPTIONS, REFER, PUBLISH\r\n";

template <typename Work>
void guarded(const Work& work) noexcept {
  try {
    work();
  } catch (const std::exception& error) {
    log(Level::error, "CALLBACK_FAILED", {{"error", error.what()}});
  }
}

const char* transport_of(const Way& way) {
  return way.flow == 0 ? "udp" : "tcp";
}

}  // namespace

Engine::Engine(const ServerOptions& options, Directory& directory, Ledger& ledger,
               core::TrustSignLog& signs, const core::Clock& clock)
    : directory_(directory),
      ledger_(ledger),
      signs_(signs),
      clock_(clock),
      registrar_(options.lifetimes),
      resets_(kMostUnanswered),
      sightings_(ledger.reports()),
      own_uri_(fmt::format("sip:{}:{}", options.advertise, options.port)),
      refusals_(kLinesOfTheRefused),
      registrations_(kLinesOfTheKnown),
      nonsense_(kLinesOfTheRefused),
      too_many_(1),
      second_(*io_),
      repeat_(*io_),
      wire_(*io_, options.listen, options.port, *this) {
  const core::Time now = clock_.now();
  const auto known = directory_.devices();
  ledger_.queue(registrar_.restore(ledger_.registrations(now), known ? *known : Devices(), now));
  directory_.on_change([this, io = std::weak_ptr(io_)] {
    const auto open = io.lock();
    if (!open) return;
    asio::post(*open, [this] {
      guarded([this] {
        if (const auto devices = directory_.devices())
          ledger_.queue(registrar_.keep_only(*devices));
      });
    });
  });
  tick();
}

Engine::~Engine() {
  directory_.on_change(nullptr);
}

void Engine::run(int stop_descriptor) {
  asio::posix::stream_descriptor stop(*io_, ::dup(stop_descriptor));
  stop.async_wait(asio::posix::stream_descriptor::wait_read,
                  [this](const boost::system::error_code&) { io_->stop(); });
  io_->run();
}

void Engine::post(std::function<void()> work) {
  asio::post(*io_, [work = std::move(work)] { guarded(work); });
}

void Engine::tick() {
  second_.expires_after(std::chrono::seconds(1));
  second_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    guarded([this] {
      expire();
      wire_.tick();
      const Inquiries::Due due = inquiries_.due(Quiet::now());
      for (const Inquiry* inquiry : due.again) wire_.send(inquiry->back, inquiry->text);
      for (const Inquiry& inquiry : due.silent) take_silence(inquiry);
    });
    tick();
  });
}

void Engine::expire() {
  Changes gone = registrar_.expire(clock_.now());
  for (const Change& change : gone)
    log(Level::info, "PHONE_EXPIRED",
        {{"device", change.key.device},
         {"contact", change.key.contact},
         {"peer", change.key.address}});
  ledger_.queue(std::move(gone));
}

Taken Engine::take(std::string_view text, const Way& way) {
  Taken taken = Taken::over;
  guarded([&] {
    if (!turns_.allows(way, Quiet::now())) return leave_out(way, "too many");
    taken = Taken::waiting;
    for (const Waiting& other : turns_.push({std::string(text), way}))
      leave_out(other.way, "more than can be answered");
    serve_soon();
  });
  return taken;
}

// One whose message is left out over TCP would wait for its answer in vain.
void Engine::leave_out(const Way& way, std::string_view why) {
  if (const auto kept_back = too_many_.pass(way.address(), Quiet::now()))
    log(Level::warning, "SIP_LEFT_OUT",
        {{"peer", way.text()}, {"reason", std::string(why)}, {"more", std::to_string(*kept_back)}});
  if (way.flow != 0) asio::post(*io_, [this, flow = way.flow] { wire_.hang_up(flow); });
}

void Engine::serve_soon() {
  if (serving_ || turns_.empty()) return;
  serving_ = true;
  asio::post(*io_, [this] { serve(); });
}

void Engine::serve() {
  serving_ = false;
  for (int i = 0; i < kServedAtOnce; ++i) {
    const auto next = turns_.pop();
    if (!next) return;
    judge(next->text, next->way);
    if (next->way.flow != 0) wire_.go_on(next->way.flow);
  }
  serve_soon();
}

void Engine::judge(std::string_view text, const Way& way) {
  guarded([&] {
    SipMessage message(text);
    switch (message.kind()) {
      case SipMessage::Kind::nonsense: return unreadable(way, "not SIP");
      case SipMessage::Kind::flawed:
        unreadable(way, "a header is wrong or missing");
        if (message.method() == "ACK") return;
        return reply(message, way, 400, "a header is wrong or missing");
      case SipMessage::Kind::response: return take_response(message, way);
      case SipMessage::Kind::request: return take_request(std::move(message), way);
    }
  });
}

void Engine::unreadable(const Way& way, std::string_view why) {
  if (const auto kept_back = nonsense_.pass(way.address(), Quiet::now()))
    log(Level::info, "SIP_MALFORMED",
        {{"peer", way.text()}, {"reason", std::string(why)}, {"more", std::to_string(*kept_back)}});
}

void Engine::take_request(SipMessage message, const Way& way) {
  const std::string method = message.method();
  if (method == "REGISTER") return take_register(std::move(message), way, Look::may_look);
  if (method == "OPTIONS") return reply(message, way, 200, "OK", kAllow);
  if (method == "REFER") return take_refer(message, way);
  if (method == "PUBLISH") {
    // Presence that nobody watches: taken, so that the phone is content.
    const std::string headers = fmt::format("SIP-ETag: {}\r\nExpires: 3600\r\n", random_word());
    return reply(message, way, 200, "OK", headers);
  }
  if (method == "SUBSCRIBE") return reply(message, way, 489, "Bad Event", kAllow);
  if (method == "ACK") return;  // is never answered
  if (method == "CANCEL" || method == "BYE")
    return reply(message, way, 481, "Call/Transaction Does Not Exist");
  reply(message, way, 405, "Method Not Allowed", kAllow);
}

void Engine::take_register(SipMessage message, const Way& way, Look look) {
  if (way.flow != 0 && !wire_.open(way.flow)) return;  // it ended while the REGISTER waited
  const core::Time now = clock_.now();
  const auto devices = directory_.devices();
  if (!devices) {
    if (look == Look::may_look) return hold(std::move(message), way);
    return refuse(message, way, 503, "the device list cannot be read", "Retry-After: 5\r\n");
  }
  const Register request = message.registration(transport_of(way), way.text());
  Verdict verdict = registrar_.receive(request, way.flow, *devices, now);
  if (verdict.status == 404 && look == Look::may_look) return hold(std::move(message), way);

  const bool left = std::any_of(verdict.changes.begin(), verdict.changes.end(),
                                [](const Change& change) { return !change.row; });
  ledger_.queue(std::move(verdict.changes));  // before the answer leaves
  if (verdict.status != 200)
    return refuse(message, way, verdict.status, verdict.reason,
                  verdict.status == 503 ? "Retry-After: 30\r\n" : "");
  registered_now(message, way, request, verdict, left);
  accept(message, way, request, verdict);
}

// The log's lines, and what is known beyond the registration.
void Engine::registered_now(const SipMessage& message, const Way& way, const Register& request,
                            const Verdict& verdict, bool left) {
  const auto note = [&](Level level, std::string_view event, std::string_view name,
                        std::string value) {
    if (const auto kept_back = registrations_.pass(way.address(), Quiet::now()))
      log(level, event,
          {{"device", verdict.device},
           {"peer", request.peer},
           {name, std::move(value)},
           {"more", std::to_string(*kept_back)}});
  };
  if (verdict.registered_anew)
    note(Level::notice, "PHONE_REGISTERED", "transport", request.transport);
  else if (left && verdict.bindings.empty())
    note(Level::notice, "PHONE_UNREGISTERED", "transport", request.transport);

  // Who only asks, or takes its own away, registers nothing.
  const bool here = std::any_of(
      verdict.bindings.begin(), verdict.bindings.end(),
      [&](const core::Registration& row) { return address_in(row.peer) == way.address(); });
  // A phone that refreshes is there: without a word of it, it would seem to have been silent.
  const bool refreshed = here && verdict.granted > std::chrono::seconds(0) &&
                         sightings_.still_there(verdict.device, way.address(), clock_.now());
  if (verdict.registered_anew || refreshed)
    signs_.add({verdict.device, core::TrustSignKind::registered, way.address(), "", "",
                core::sign_time()});
  if (here) {
    if (auto report = sightings_.registered(verdict.device, way.address(), clock_.now())) {
      if (!report->previous_address.empty())
        note(Level::warning, "PHONE_MOVED", "before", report->previous_address);
      ledger_.queue_report(std::move(*report));
    }
  }

  PhoneAlarm alarm = alarm_in_body(message.content_type(), message.body());
  // A refresh may repeat why the phone started; that was when it registered.
  if (verdict.registered_anew)
    for (const std::string& reason : message.reasons())
      alarm = merged(alarm_in_reason(reason), alarm);
  if (here) {
    if (auto before = sightings_.claimed(verdict.device, way.address(), heard(way), clock_.now())) {
      before->itl.clear();  // its trust signs are written
      before->trust_failure.clear();
      alarm = merged(std::move(alarm), *before);
    }
  }
  if (!alarm.empty()) note_alarm(verdict.device, alarm, message, way);
}

// A phone may register a moment after it was added: look at admin.db before saying no.
void Engine::hold(SipMessage message, const Way& way) {
  const auto its = std::count_if(held_.begin(), held_.end(), [&way](const Held& held) {
    return held.way.peer.address() == way.peer.address();
  });
  if (held_.size() >= kMostHeld || its >= kMostHeldAnAddress)
    return refuse(message, way, 503, "too many unknown devices", "Retry-After: 5\r\n");
  held_.push_back({std::move(message), way});
  if (std::exchange(looking_, true)) return;
  directory_.look([this, io = std::weak_ptr(io_)] {
    if (const auto open = io.lock())
      asio::post(*open, [this] { guarded([this] { release_held(); }); });
  });
}

void Engine::release_held() {
  looking_ = false;
  for (Held& held : std::exchange(held_, {}))
    guarded([&] { take_register(std::move(held.message), held.way, Look::has_looked); });
}

void Engine::accept(const SipMessage& message, const Way& way, const Register& request,
                    const Verdict& verdict) {
  const core::Time now = clock_.now();
  // The contacts that were asked about, then the others while the answer stays short.
  std::vector<core::Registration> bindings = verdict.bindings;
  const auto asked = [&](const core::Registration& row) {
    return address_in(row.peer) == way.address() &&
           std::any_of(request.contacts.begin(), request.contacts.end(),
                       [&row](const Contact& contact) { return contact.user == row.contact_user; });
  };
  const auto others = std::stable_partition(bindings.begin(), bindings.end(), asked);
  std::string headers =
      fmt::format("Date: {}\r\nExpires: {}\r\n", date_header(now), verdict.granted.count());
  for (auto row = bindings.begin(); row != bindings.end(); ++row) {
    const auto left = registrar_.granted_until(*row) - now;
    const std::string line = fmt::format("Contact: <{}>;expires={}\r\n", row->contact,
                                         std::max<std::int64_t>(left.count(), 1));
    if (row >= others && headers.size() + line.size() > message.size()) break;
    headers += line;
  }
  reply(message, way, 200, "OK", headers);
}

void Engine::refuse(const SipMessage& message, const Way& way, int status,
                    const std::string& reason, std::string_view headers) {
  if (const auto kept_back = refusals_.pass(way.address(), Quiet::now()))
    log(Level::info, "REGISTER_REFUSED",
        {{"peer", way.text()},
         {"status", std::to_string(status)},
         {"reason", reason},
         {"more", std::to_string(*kept_back)}});
  reply(message, way, status, reason, headers);
}

void Engine::reply(const SipMessage& message, const Way& way, int status, std::string_view reason,
                   std::string_view headers) {
  Way back = way;
  if (way.flow == 0) back.peer.port(answer_port(message.sent_by(), way.text()));
  std::string text = message.answer(status, reason, way.text(), headers);
  if (way.flow == 0 && text.size() > kMostAnswer * message.size())
    return unreadable(way, "too short to be a request");
  wire_.send(back, std::move(text));
}

void Engine::ended(Flow flow, const Way& way) {
  guarded([&] {
    Changes gone = registrar_.flow_ended(flow);
    std::set<std::string> devices;
    for (const Change& change : gone) devices.insert(change.key.device);
    for (const std::string& device : devices)
      log(Level::notice, "PHONE_UNREGISTERED",
          {{"device", device}, {"peer", way.text()}, {"reason", "its connection ended"}});
    ledger_.queue(std::move(gone));
    for (const Notify& notify : transactions_.lost(flow)) finish(notify, 408);
    pump();
  });
}

Count Engine::count() const {
  return {.devices = registrar_.device_count(),
          .contacts = registrar_.contact_count(),
          .silent = registrar_.silent_count(),
          .connections = wire_.connections(),
          .resets_waiting = resets_.waiting(),
          .resets_unanswered = resets_.unanswered()};
}

}  // namespace ringfence::services::callmanager
