// Sofia-SIP's headers with our types for its magic pointers, and its messages read into ours.
#pragma once

#include <memory>
#include <string>

namespace ringfence::services::callmanager {

class Engine;
struct Notify;
struct Connection;

}  // namespace ringfence::services::callmanager

#define NTA_LEG_MAGIC_T ringfence::services::callmanager::Engine
#define NTA_OUTGOING_MAGIC_T ringfence::services::callmanager::Notify
#define TP_CLIENT_T ringfence::services::callmanager::Connection
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>

#include "services/callmanager/protocol.h"

namespace ringfence::services::callmanager {

/// EndedBy gives an object of Sofia's back when its owner ends.
template <auto End>
struct EndedBy {
  template <typename T>
  void operator()(T* object) const noexcept {
    End(object);
  }
};

using Root = std::unique_ptr<su_root_t, EndedBy<su_root_destroy>>;
using Timer = std::unique_ptr<su_timer_t, EndedBy<su_timer_destroy>>;
using Agent = std::unique_ptr<nta_agent_t, EndedBy<nta_agent_destroy>>;
using Leg = std::unique_ptr<nta_leg_t, EndedBy<nta_leg_destroy>>;
using Transport = std::unique_ptr<tport_t, EndedBy<tport_unref>>;
using Incoming = std::unique_ptr<nta_incoming_t, EndedBy<nta_incoming_destroy>>;
using Outgoing = std::unique_ptr<nta_outgoing_t, EndedBy<nta_outgoing_destroy>>;
using Message = std::unique_ptr<msg_t, EndedBy<msg_destroy>>;

/// Home is where Sofia allocates what it prints for us.
class Home {
 public:
  Home() { su_home_init(home_); }

  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  ~Home() { su_home_deinit(home_); }

  su_home_t* get() noexcept { return home_; }

 private:
  su_home_t home_[1] = {SU_HOME_INIT(home_)};
};

/// read_register takes from a parsed REGISTER what a registrar cares for; `transport` and `peer`
/// are the caller's. Contacts after the ninth are left out (check_register refuses nine).
Register read_register(const sip_t& sip, std::string transport, std::string peer);

/// peer_of returns "address:port" of where `msg` came from, an IPv6 address in brackets.
std::string peer_of(msg_t* msg);

}  // namespace ringfence::services::callmanager
