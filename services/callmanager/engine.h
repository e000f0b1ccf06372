// What happens on the SIP thread: requests in, answers and NOTIFY out.
#pragma once

#include <future>
#include <memory>
#include <vector>

#include "core/net/asio.h"
#include "services/callmanager/inquiries.h"
#include "services/callmanager/quiet.h"
#include "services/callmanager/registrar.h"
#include "services/callmanager/reset_queue.h"
#include "services/callmanager/server.h"
#include "services/callmanager/sightings.h"
#include "services/callmanager/sip.h"
#include "services/callmanager/transactions.h"
#include "services/callmanager/turns.h"
#include "services/callmanager/wire.h"

namespace ringfence::services::callmanager {

/// Held is a REGISTER that waits for a look at admin.db.
struct Held {
  SipMessage message;
  Way way;
};

/// Engine answers every request from what it says and what is registered, and keeps nothing of it:
/// a request that comes again is judged again, and gets the same answer. All but `post` happens on
/// one thread.
///
/// Before anything is done for a message its address needs an allowance for it and waits for its
/// turn: see Turns. Datagrams above the allowance are dropped without an answer; over TCP such a
/// connection ends.
class Engine final : private WireUser {
 public:
  Engine(const ServerOptions& options, Directory& directory, Ledger& ledger,
         core::TrustSignLog& signs, const core::Clock& clock);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void run(int stop_descriptor);

  void post(std::function<void()> work);

  Asked reset(std::int64_t id, ResetKind kind, const std::vector<std::string>& devices);
  Count count() const;

 private:
  Taken take(std::string_view text, const Way& way) override;
  void ended(Flow flow, const Way& way) override;

  bool registered(Flow flow) const override { return registrar_.uses(flow); }

  void unreadable(const Way& way, std::string_view why) override;

  void leave_out(const Way& way, std::string_view why);
  void serve_soon();
  void serve();
  void judge(std::string_view text, const Way& way);
  void take_request(SipMessage message, const Way& way);
  void take_refer(const SipMessage& message, const Way& way);

  enum class Look { may_look, has_looked };  ///< at admin.db, for a device that is not known
  void take_register(SipMessage message, const Way& way, Look look);
  void hold(SipMessage message, const Way& way);
  void release_held();
  void registered_now(const SipMessage& message, const Way& way, const Register& request,
                      const Verdict& verdict, bool left);
  bool is_its_address(const std::string& device, const Way& way) const;
  void note_unproven(const std::string& device, const PhoneAlarm& alarm, const Way& way);
  void note_alarm(const std::string& device, const PhoneAlarm& alarm, const SipMessage& message,
                  const Way& way);
  void inquire(const std::string& device, const PhoneAlarm& alarm, const SipMessage& message,
               const Way& way);

  static Heard heard(const Way& way) {
    return way.flow == 0 ? Heard::by_datagram : Heard::over_connection;
  }

  void take_answer(const Inquiry& inquiry, int status);
  void take_silence(const Inquiry& inquiry);
  void log_unproven(const std::string& device, const PhoneAlarm& alarm, const Way& way);
  void note_trust(const std::string& device, const PhoneAlarm& alarm, const Way& way);

  void accept(const SipMessage& message, const Way& way, const Register& request,
              const Verdict& verdict);
  void refuse(const SipMessage& message, const Way& way, int status, const std::string& reason,
              std::string_view headers = {});
  /// reply sends an answer to where `message` came from; over UDP none that is longer than
  /// kMostAnswer times the request.
  void reply(const SipMessage& message, const Way& way, int status, std::string_view reason,
             std::string_view headers = {});

  void take_response(const SipMessage& message, const Way& way);
  void pump();
  void send(const Order& order);
  void send(const Order& order, const Binding& binding, const std::string& stamp);
  void finish(const Notify& notify, int status);
  void decide(const ResetKey& key, int status);
  static void log_outcome(const ResetKey& key, int status);

  void tick();
  void watch_transactions();
  void expire();

  Directory& directory_;
  Ledger& ledger_;
  core::TrustSignLog& signs_;
  const core::Clock& clock_;
  Registrar registrar_;
  ResetQueue resets_;
  Transactions transactions_;
  Inquiries inquiries_;
  Sightings sightings_;
  std::string own_uri_;
  Quiet refusals_;
  Quiet registrations_;
  Quiet nonsense_;
  Quiet too_many_;
  Turns turns_;
  bool serving_ = false;
  std::vector<Held> held_;
  bool looking_ = false;

  /// Shared with callbacks of the directory, which may come when this has ended.
  std::shared_ptr<core::asio::io_context> io_ = std::make_shared<core::asio::io_context>(1);
  core::asio::steady_timer second_;
  core::asio::steady_timer repeat_;
  bool watching_ = false;  ///< the transactions
  Wire wire_;
};

}  // namespace ringfence::services::callmanager
