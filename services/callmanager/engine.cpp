#include "services/callmanager/engine.h"

#include <cstdarg>
#include <cstdio>
#include <set>
#include <unordered_set>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"

namespace ringfence::services::callmanager {

using core::Code;
using core::Error;
using core::Level;
using core::log;

namespace {

constexpr std::size_t kMostUnanswered = 200;
constexpr std::size_t kMostHeld = 1000;
constexpr unsigned kAnswerMilliseconds = 10'000;
constexpr unsigned kIdleMilliseconds = 60'000;
constexpr unsigned kHalfMessageMilliseconds = 20'000;
constexpr unsigned kLongestMessage = 16 * 1024;
constexpr su_duration_t kTickMilliseconds = 1'000;
constexpr std::string_view kEveryAddress = "0.0.0.0";
constexpr int kSweepTicks = 5;
constexpr const char* kAllow = "REGISTER, OPTIONS";

void log_sofia(void*, const char* format, va_list arguments) {
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string text(line.data());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  log(Level::debug, "SIP_STACK", {{"text", text}});
}

const url_string_t* as_url(const std::string& text) {
  return reinterpret_cast<const url_string_t*>(text.c_str());
}

const auto* const kNoTransport = reinterpret_cast<const url_string_t*>(-1);  // Sofia's NONE

bool watch_descriptor(su_root_t* root, int descriptor, su_wakeup_f callback, void* argument) {
  su_wait_t wait[1] = {SU_WAIT_INIT};
  return su_wait_create(wait, descriptor, SU_WAIT_IN) == 0 &&
         su_root_register(root, wait, callback, argument, su_pri_normal) > 0;
}

// No exception may pass through Sofia, which is C.
template <typename Work>
void guarded(const Work& work) noexcept {
  try {
    work();
  } catch (const std::exception& error) {
    log(Level::error, "CALLBACK_FAILED", {{"error", error.what()}});
  }
}

/// SofiaLibrary initialises the library once a process and ends it with the process.
struct SofiaLibrary {
  SofiaLibrary() {
    su_init();
    su_log_redirect(nullptr, log_sofia, nullptr);
  }

  ~SofiaLibrary() { su_deinit(); }
};

}  // namespace

Engine::Engine(const ServerOptions& options, Directory& directory, Ledger& ledger,
               const core::Clock& clock)
    : directory_(directory),
      ledger_(ledger),
      clock_(clock),
      resets_(kMostUnanswered),
      own_uri_(fmt::format("sip:{}:{}", options.advertise, options.port)),
      listen_(options.listen),
      strangers_(options.port) {
  static const SofiaLibrary library;
  root_.reset(su_root_create(nullptr));
  if (!root_) throw Error(Code::internal, "su_root_create failed");
  su_root_threading(root_.get(), 0);
  agent_.reset(nta_agent_create(
      root_.get(), kNoTransport, nullptr, nullptr, NTATAG_UA(1),
      NTATAG_SIP_T1X64(kAnswerMilliseconds), NTATAG_MAXSIZE(kLongestMessage),
      // A NOTIFY must go where the phone registered from, however long its Call-ID is.
      NTATAG_UDP_MTU(65'535), NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0), TAG_END()));
  if (!agent_) throw Error(Code::internal, "nta_agent_create failed");
  listen(options, "udp");
  listen(options, "tcp");
  leg_.reset(nta_leg_tcreate(agent_.get(), on_request, this, NTATAG_NO_DIALOG(1), TAG_END()));
  if (!leg_) throw Error(Code::internal, "nta_leg_tcreate failed");
  timer_.reset(su_timer_create(su_root_task(root_.get()), kTickMilliseconds));
  if (!timer_ || su_timer_set_for_ever(timer_.get(), on_tick, this) != 0 ||
      !watch_descriptor(root_.get(), mailbox_->descriptor(), on_mail, this))
    throw Error(Code::internal, "sofia's loop refused a timer or a descriptor");

  const core::Time now = clock_.now();
  ledger_.queue(registrar_.restore(ledger_.registrations(now), now));
  directory_.on_change([this, mailbox = std::weak_ptr(mailbox_)] {
    const auto open = mailbox.lock();
    if (!open) return;
    open->post([this] {
      if (const auto devices = directory_.devices()) ledger_.queue(registrar_.keep_only(*devices));
    });
  });
}

Engine::~Engine() {
  directory_.on_change(nullptr);
  held_.clear();
  notifies_.clear();
  while (!connections_.empty()) forget(connections_.begin()->first);
}

void Engine::listen(const ServerOptions& options, const char* transport) {
  // Sofia sends from its first socket unless a socket is asked for by name: each gets its address.
  std::vector<std::string> addresses{listen_};
  if (listen_ == kEveryAddress) addresses = own_addresses();
  for (const std::string& address : addresses) {
    const std::string url = fmt::format("sip:{}:{};transport={}", address, options.port, transport);
    const int rc = nta_agent_add_tport(
        agent_.get(), as_url(url), TPTAG_IDENT(address.c_str()), TPTAG_SERVER(1),
        TPTAG_IDLE(kIdleMilliseconds), TPTAG_TIMEOUT(kHalfMessageMilliseconds), TPTAG_SDWN_ERROR(1),
        TPTAG_PONG2PING(1), TPTAG_UDP_RMEM(4U << 20U), TPTAG_QUEUESIZE(256), TAG_END());
    if (rc < 0)
      throw Error(Code::conflict, fmt::format("cannot listen for SIP on {} {}:{}, is it in use?",
                                              transport, address, options.port));
  }
}

void Engine::run(int stop_descriptor) {
  if (!watch_descriptor(root_.get(), stop_descriptor, on_stop, this))
    throw Error(Code::internal, "sofia's loop refused the stop descriptor");
  su_root_run(root_.get());
}

int Engine::on_mail(void*, su_wait_t*, void* self) {
  guarded([&] {
    for (const auto& work : static_cast<Engine*>(self)->mailbox_->take()) guarded(work);
  });
  return 0;
}

int Engine::on_stop(void*, su_wait_t*, void* self) {
  su_root_break(static_cast<Engine*>(self)->root_.get());
  return 0;
}

void Engine::on_tick(void*, su_timer_t*, void* self) {
  guarded([&engine = *static_cast<Engine*>(self)] {
    Changes gone = engine.registrar_.expire(engine.clock_.now());
    for (const Change& change : gone)
      log(Level::info, "PHONE_EXPIRED",
          {{"device", change.key.device}, {"contact", change.key.contact}});
    engine.ledger_.queue(std::move(gone));
    engine.sweep_connections();
    if (++engine.ticks_ % kSweepTicks == 0) engine.end_strangers();
  });
}

// Returning 0 tells Sofia that the transaction is ours.
int Engine::on_request(Engine* self, nta_leg_t*, nta_incoming_t* transaction, const sip_t* sip) {
  guarded([&] { self->take_request(Incoming(transaction), *sip); });
  return 0;
}

void Engine::take_request(Incoming transaction, const sip_t& sip) {
  const sip_method_t method = sip.sip_request->rq_method;
  if (method == sip_method_register) {
    const Message message(nta_incoming_getrequest(transaction.get()));
    const Transport transport(
        nta_incoming_transport(agent_.get(), transaction.get(), message.get()));
    Register request =
        read_register(sip, tport_is_tcp(transport.get()) ? "tcp" : "udp", peer_of(message.get()));
    take_register(std::move(transaction), std::move(request), Look::may_look);
  } else if (method == sip_method_options) {
    nta_incoming_treply(transaction.get(), SIP_200_OK, SIPTAG_ALLOW_STR(kAllow), TAG_END());
  } else {
    nta_incoming_treply(transaction.get(), SIP_405_METHOD_NOT_ALLOWED, SIPTAG_ALLOW_STR(kAllow),
                        TAG_END());
  }
}

void Engine::take_register(Incoming transaction, Register request, Look look) {
  const core::Time now = clock_.now();
  const auto devices = directory_.devices();
  if (!devices) {
    if (look == Look::may_look) return hold(std::move(transaction), std::move(request));
    return refuse(transaction.get(), 503, "the device list cannot be read");
  }
  const Flow flow = request.transport == "udp" ? 0 : watch(transaction.get(), request.peer);
  Verdict verdict = registrar_.receive(request, flow, *devices, now);
  if (verdict.status == 404 && look == Look::may_look)
    return hold(std::move(transaction), std::move(request));

  const bool left = std::any_of(verdict.changes.begin(), verdict.changes.end(),
                                [](const Change& change) { return !change.row; });
  ledger_.queue(std::move(verdict.changes));  // before the answer leaves
  if (verdict.status != 200) {
    log(Level::info, "REGISTER_REFUSED",
        {{"peer", request.peer},
         {"to", request.to_user},
         {"status", std::to_string(verdict.status)},
         {"reason", verdict.reason}});
    return refuse(transaction.get(), verdict.status, verdict.reason);
  }
  if (verdict.registered_anew) {
    log(Level::notice, "PHONE_REGISTERED",
        {{"device", verdict.device}, {"peer", request.peer}, {"transport", request.transport}});
  } else if (left && verdict.bindings.empty()) {
    log(Level::notice, "PHONE_UNREGISTERED", {{"device", verdict.device}, {"peer", request.peer}});
  }
  answer(transaction.get(), verdict, now);
  // The connection may have ended while the REGISTER waited.
  if (flow != 0 && !connections_.contains(flow)) end(flow, request.peer);
}

// A phone may register a moment after it was added: look at admin.db before saying no.
void Engine::hold(Incoming transaction, Register request) {
  if (held_.size() >= kMostHeld) return refuse(transaction.get(), 503, "too many unknown devices");
  held_.push_back({std::move(transaction), std::move(request)});
  if (std::exchange(looking_, true)) return;
  directory_.look([this, mailbox = std::weak_ptr(mailbox_)] {
    if (const auto open = mailbox.lock()) open->post([this] { release_held(); });
  });
}

void Engine::release_held() {
  looking_ = false;
  for (Held& held : std::exchange(held_, {})) {
    guarded([&] {
      take_register(std::move(held.transaction), std::move(held.request), Look::has_looked);
    });
  }
}

void Engine::answer(nta_incoming_t* transaction, const Verdict& verdict, core::Time now) {
  std::string contacts;
  for (const core::Registration& row : verdict.bindings)
    contacts += fmt::format("{}<{}>;expires={}", contacts.empty() ? "" : ", ", row.contact,
                            (row.expires_at - now).count());
  const std::string expires = std::to_string(verdict.granted.count());
  nta_incoming_treply(transaction, SIP_200_OK,
                      TAG_IF(!contacts.empty(), SIPTAG_CONTACT_STR(contacts.c_str())),
                      SIPTAG_EXPIRES_STR(expires.c_str()), TAG_END());
}

void Engine::refuse(nta_incoming_t* transaction, int status, const std::string& reason) {
  nta_incoming_treply(transaction, status, reason.c_str(),
                      TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("5")), TAG_END());
}

Flow Engine::watch(nta_incoming_t* transaction, const std::string& peer) {
  Transport transport(nta_incoming_transport(agent_.get(), transaction, nullptr));
  if (const auto known = flows_.find(transport.get()); known != flows_.end()) return known->second;
  const Flow flow = ++last_flow_;
  if (!tport_is_secondary(transport.get()) || tport_is_closed(transport.get()) ||
      tport_is_shutdown(transport.get()))
    return flow;
  auto connection = std::make_unique<Connection>();
  connection->pending = tport_pend(transport.get(), nullptr, on_connection_end, connection.get());
  if (connection->pending <= 0) return flow;
  flows_.emplace(transport.get(), flow);
  connection->engine = this;
  connection->flow = flow;
  connection->peer = peer;
  connection->transport = std::move(transport);
  connections_.emplace(flow, std::move(connection));
  return flow;
}

void Engine::on_connection_end(tp_stack_t*, Connection* connection, tport_t*, msg_t*, int) {
  guarded([connection] { connection->engine->end(connection->flow, connection->peer); });
}

void Engine::end(Flow flow, const std::string& peer) {
  Changes gone = registrar_.flow_ended(flow);
  std::set<std::string> devices;
  for (const Change& change : gone) devices.insert(change.key.device);
  for (const std::string& device : devices)
    log(Level::notice, "PHONE_UNREGISTERED",
        {{"device", device}, {"peer", peer}, {"reason", "its connection ended"}});
  ledger_.queue(std::move(gone));
  forget(flow);  // last: `peer` may be the connection's own
}

void Engine::forget(Flow flow) {
  const auto ended = connections_.extract(flow);
  if (ended.empty()) return;
  Connection& connection = *ended.mapped();
  tport_release(connection.transport.get(), connection.pending, nullptr, nullptr, &connection, 0);
  flows_.erase(connection.transport.get());
}

// Sofia tells of an end when it closes, and closes late while it has something left to send.
void Engine::sweep_connections() {
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto& [flow, connection] = *at++;
    tport_t* const transport = connection->transport.get();
    if (tport_is_closed(transport) || tport_is_shutdown(transport))
      end(flow, connection->peer);
    else if (!registrar_.uses(flow))
      forget(flow);
  }
}

void Engine::end_strangers() {
  std::unordered_set<std::string> registered;
  for (const auto& [flow, connection] : connections_) registered.insert(connection->peer);
  const std::size_t ended =
      strangers_.sweep([&](const std::string& peer) { return registered.contains(peer); },
                       std::chrono::steady_clock::now());
  if (ended > 0) log(Level::info, "CONNECTIONS_ENDED", {{"silent", std::to_string(ended)}});
}

tport_t* Engine::connection_of(const Binding& binding) const {
  const auto connection = connections_.find(binding.flow);
  return connection == connections_.end() ? nullptr : connection->second->transport.get();
}

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

Count Engine::count() const {
  return {registrar_.device_count(), registrar_.contact_count(), resets_.waiting(),
          resets_.unanswered()};
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
      stamp = found->second;
  for (const Binding& binding : contacts) send(order, binding, stamp);
}

void Engine::send(const Order& order, const Binding& binding, const std::string& stamp) {
  const core::Registration& row = binding.row;
  const std::string uri = notify_uri(row.contact_user, row.peer, row.transport);
  const std::string route = fmt::format("sip:{};transport={}", row.peer, row.transport);
  Home home;
  // A From with a user part is answered 400 by a 7975 (cucm-behaviour 7.1).
  const std::string from =
      fmt::format("<{}>;tag={}", own_uri_, nta_agent_newtag(home.get(), "%s", agent_.get()));
  const std::string to = fmt::format("<{}>", uri);
  const std::string contact = fmt::format("<{}>", own_uri_);
  const std::string body = service_control_body(order.kind, row.call_id, stamp);
  tport_t* const transport = connection_of(binding);
  const std::string own_address = listen_ == kEveryAddress ? source_address(row.peer) : listen_;

  Notify& notify = notifies_.emplace_back();
  notify.engine = this;
  notify.key = order.key;
  notify.self = std::prev(notifies_.end());
  notify.transaction.reset(nta_outgoing_tcreate(
      leg_.get(), on_answer, &notify, as_url(route), SIP_METHOD_NOTIFY, as_url(uri),
      TAG_IF(transport != nullptr, NTATAG_TPORT(transport)), TPTAG_IDENT(own_address.c_str()),
      SIPTAG_FROM_STR(from.c_str()), SIPTAG_TO_STR(to.c_str()), SIPTAG_CONTACT_STR(contact.c_str()),
      SIPTAG_MAX_FORWARDS_STR("70"), SIPTAG_EVENT_STR("service-control"),
      SIPTAG_SUBSCRIPTION_STATE_STR("active"), SIPTAG_CONTENT_TYPE_STR("text/plain"),
      SIPTAG_PAYLOAD_STR(body.c_str()), TAG_END()));
  if (!notify.transaction) notify.early_status = 408;
  if (notify.early_status != 0) finish(notify, notify.early_status);
}

int Engine::on_answer(Notify* notify, nta_outgoing_t* transaction, const sip_t* sip) {
  guarded([&] {
    int status = nta_outgoing_status(transaction);
    if (status < 200) return;
    // What Sofia says itself (no answer, no connection) is no answer of the phone.
    if (sip == nullptr || nta_sip_is_internal(sip)) status = 408;
    if (!notify->transaction) {
      notify->early_status = status;
      return;
    }
    Engine& engine = *notify->engine;
    engine.finish(*notify, status);
    engine.pump();
  });
  return 0;
}

void Engine::finish(Notify& notify, int status) {
  const ResetKey key = std::move(notify.key);
  notifies_.erase(notify.self);
  if (const auto outcome = resets_.answered(key, status)) decide(key, *outcome);
}

void Engine::decide(const ResetKey& key, int status) {
  log(status < 300 ? Level::info : Level::warning, "RESET_ANSWERED",
      {{"id", std::to_string(key.id)}, {"device", key.device}, {"status", std::to_string(status)}});
  ledger_.queue_answered(key.id, key.device, status, clock_.now());
}

}  // namespace ringfence::services::callmanager
