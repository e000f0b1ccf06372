// What happens on Sofia's thread: requests in, answers and NOTIFY out.
#pragma once

#include <future>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>

#include "services/callmanager/mailbox.h"
#include "services/callmanager/registrar.h"
#include "services/callmanager/reset_queue.h"
#include "services/callmanager/server.h"
#include "services/callmanager/sip.h"

namespace ringfence::services::callmanager {

/// Notify is one NOTIFY that has no answer yet.
struct Notify {
  Engine* engine = nullptr;
  ResetKey key;
  nta_outgoing_t* transaction = nullptr;
  int early_status = 0;  ///< an outcome that came before the transaction had been returned to us
  std::list<Notify>::iterator self;
};

/// Connection is a TCP connection that phones are registered over. While we hold it, Sofia does
/// not close it as idle.
struct Connection {
  Engine* engine = nullptr;
  tport_t* transport = nullptr;
  Flow flow = 0;
  int pending = 0;  ///< Sofia's number for our wish to hear of its end
};

/// Held is a REGISTER that waits for a look at admin.db.
struct Held {
  nta_incoming_t* transaction = nullptr;
  Register request;
};

/// Engine owns everything of Sofia's. All but `post` happens on one thread; no exception leaves a
/// callback, since Sofia is C.
class Engine {
 public:
  Engine(const ServerOptions& options, Directory& directory, Ledger& ledger,
         const core::Clock& clock);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void run(int stop_descriptor);

  void post(std::function<void()> work) { mailbox_->post(std::move(work)); }

  Asked reset(std::int64_t id, ResetKind kind, const std::vector<std::string>& devices);
  Count count() const;

 private:
  static int on_mail(void*, su_wait_t*, void* self);
  static int on_stop(void*, su_wait_t*, void* self);
  static void on_tick(void*, su_timer_t*, void* self);
  static int on_request(Engine* self, nta_leg_t*, nta_incoming_t* transaction, const sip_t* sip);
  static int on_answer(Notify* notify, nta_outgoing_t* transaction, const sip_t* sip);
  static void on_connection_end(tp_stack_t*, Connection* connection, tport_t*, msg_t*, int error);

  void listen(const ServerOptions& options, const char* transport);
  int take_request(nta_incoming_t* transaction, const sip_t& sip);
  void take_register(nta_incoming_t* transaction, Register request, bool looked);
  void hold(nta_incoming_t* transaction, Register request);
  void release_held();
  void answer(nta_incoming_t* transaction, const Verdict& verdict, core::Time now);
  void refuse(nta_incoming_t* transaction, int status, const std::string& reason);

  /// watch returns the number of the connection a request came over, watched from now on.
  Flow watch(nta_incoming_t* transaction);
  void forget(Connection& connection);
  void forget_unused();

  void pump();
  void send(const Order& order);
  void send(const Order& order, const Binding& binding, const std::string& stamp);
  void finish(Notify& notify, int status);
  void decide(const ResetKey& key, int status);

  Directory& directory_;
  Ledger& ledger_;
  const core::Clock& clock_;
  /// Shared with callbacks of the directory, which may come when this has ended.
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  Registrar registrar_;
  ResetQueue resets_;
  std::string own_uri_;

  std::list<Notify> notifies_;
  std::map<tport_t*, std::unique_ptr<Connection>> connections_;
  Flow last_flow_ = 0;
  std::vector<Held> held_;
  bool looking_ = false;

  su_root_t* root_ = nullptr;
  su_timer_t* timer_ = nullptr;
  nta_agent_t* agent_ = nullptr;
  nta_leg_t* leg_ = nullptr;
};

}  // namespace ringfence::services::callmanager
