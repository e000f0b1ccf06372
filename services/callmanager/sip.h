// Sofia-SIP's headers with our types for its magic pointers, and its messages read into ours.
#pragma once

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

/// read_register takes from a parsed REGISTER what a registrar cares for; `transport` and `peer`
/// are the caller's. Contacts after the ninth are left out (check_register refuses nine).
Register read_register(const sip_t& sip, std::string transport, std::string peer);

/// peer_of returns "address:port" of where `msg` came from, an IPv6 address in brackets.
std::string peer_of(msg_t* msg);

}  // namespace ringfence::services::callmanager
