// One simulated phone: boot, enrolment, registration, obedience.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/handles.h"
#include "core/net/asio.h"
#include "core/trust/trust_list.h"
#include "tests/fleet/board.h"
#include "tests/fleet/capf_client.h"
#include "tests/fleet/fleet.h"
#include "tests/fleet/gate.h"
#include "tests/fleet/phone_config.h"
#include "tests/fleet/sip_client.h"
#include "tests/fleet/sip_link.h"
#include "tests/fleet/trust_state.h"

namespace ringfence::fleet {

/// PhoneMemory is what a phone keeps in its flash.
struct PhoneMemory {
  core::Bytes ctl;
  core::Bytes itl;
  std::string config;  ///< the XML in use
  core::Bytes lsc;
  core::EvpPkey key;
};

/// Surroundings are what the phones of a fleet share; they outlive the phones.
struct Surroundings {
  core::asio::io_context& io;
  const Options& options;
  Board& board;
  Gate& gate;
  CapfTools& capf;
  SipUdp& udp;
  std::function<std::string(const std::string&)> auth_string;  ///< by name; any thread
};

/// Phone lives on a strand of its own from `start` on.
class Phone {
 public:
  Phone(Surroundings& surroundings, std::size_t index);
  Phone(const Phone&) = delete;
  Phone& operator=(const Phone&) = delete;

  /// restore fills the flash before `start`. Throws core::Error{malformed}.
  void restore(PhoneMemory memory);

  /// receiver is how the shared UDP socket reaches this phone.
  const SipReceiver& receiver() const noexcept { return receiver_; }

  /// start switches the phone on; `ended` is called when its scenario is over or it was stopped.
  void start(std::function<void()> ended);
  void power_cycle();  ///< any thread
  void stop();         ///< any thread

  /// memory returns the flash, after the phone has ended.
  PhoneMemory memory() const;

 private:
  enum class Next { boot, stay };
  enum class Order { reset, restart, apply_config, power_cycle, link_lost };
  using Steady = std::chrono::steady_clock;

  // The story, from top to bottom.
  core::Task<void> live();
  core::Task<Next> boot();
  core::Task<void> update_lists();
  core::Task<void> update_config();
  core::Task<Next> enrol(Gate::Place& place);
  core::Task<void> enter_service();
  core::Task<void> stay();
  core::Task<Next> apply_config();
  core::Task<void> leave_service();

  // What the story is told with.
  core::Task<std::optional<core::Bytes>> fetch(std::string file);
  core::Task<void> offer(core::ListKind kind, core::Bytes file);
  core::Task<std::optional<core::Bytes>> ask_tvs(core::SignerName signer);
  core::Task<core::tcp::endpoint> endpoint_of(Service service);
  core::Task<void> rest_until(Steady::time_point when);
  void obey(Action action);
  void order(Order order);
  void use_config(std::string xml);
  void keep_lsc(core::Bytes lsc, core::EvpPkey key);
  void show_lsc();
  void complain(const std::string& problem);
  void enter(State state);

  template <typename Change>
  void report(const Change& change) {
    around_.board.update(index_, change);
  }

  Surroundings& around_;
  const std::size_t index_;
  const std::string name_;
  const Transport transport_;
  core::asio::strand<core::asio::io_context::executor_type> strand_;
  core::asio::cancellation_signal off_;
  bool stopping_ = false;

  TrustState trust_;
  std::string config_text_;
  PhoneConfig config_;
  core::Bytes lsc_;
  core::EvpPkey key_;

  /// Cached is what TVS said about a signer, as long as it may be remembered.
  struct Cached {
    core::SignerName signer;
    core::Bytes certificate;
    Steady::time_point until;
  };

  std::vector<Cached> tvs_cache_;

  bool http_is_down_ = false;  ///< in this boot
  SipReceiver receiver_;
  SipClient sip_;
  Steady::time_point refresh_at_;
  std::deque<Order> orders_;
  core::asio::steady_timer wake_;
};

}  // namespace ringfence::fleet
