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
#include "services/callmanager/strangers.h"

namespace ringfence::services::callmanager {

/// Notify is one NOTIFY that has no answer yet.
struct Notify {
  Engine* engine = nullptr;
  ResetKey key;
  Outgoing transaction;
  int early_status = 0;  ///< an outcome that came before the transaction had been returned to us
  std::list<Notify>::iterator self;
};

/// Connection is a TCP connection that phones are registered over. While we hold it, Sofia does
/// not close it as idle.
struct Connection {
  Engine* engine = nullptr;
  Transport transport;
  std::string peer;
  Flow flow = 0;
  int pending = 0;  ///< Sofia's number for our wish to hear of its end
};

/// Held is a REGISTER that waits for a look at admin.db.
struct Held {
  Incoming transaction;
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
  void take_request(Incoming transaction, const sip_t& sip);

  enum class Look { may_look, has_looked };  ///< at admin.db, for a device that is not known
  void take_register(Incoming transaction, Register request, Look look);
  void hold(Incoming transaction, Register request);
  void release_held();
  void answer(nta_incoming_t* transaction, const Verdict& verdict, core::Time now);
  void refuse(nta_incoming_t* transaction, int status, const std::string& reason);

  /// watch returns the number of the connection a request came over, watched from now on unless it
  /// has ended already.
  Flow watch(nta_incoming_t* transaction, const std::string& peer);
  /// end unregisters what came over a connection that ended, and forgets it.
  void end(Flow flow, const std::string& peer);
  void forget(Flow flow);
  void sweep_connections();
  void end_strangers();

  tport_t* connection_of(const Binding& binding) const;  ///< null for UDP

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
  std::string listen_;

  // Sofia's things in the order they must be born; transactions go before the agent does.
  Root root_;
  Agent agent_;
  Leg leg_;
  Timer timer_;
  std::list<Notify> notifies_;
  std::map<Flow, std::unique_ptr<Connection>> connections_;
  std::unordered_map<const tport_t*, Flow> flows_;  ///< of the same connections
  Flow last_flow_ = 0;
  Strangers strangers_;
  int ticks_ = 0;
  std::vector<Held> held_;
  bool looking_ = false;
};

}  // namespace ringfence::services::callmanager
