// Which models register over TCP.
#pragma once

#include <string_view>

#include "core/config/sip_settings.h"

namespace ringfence::core {

/// sip_transport_of returns TCP for models whose SIP firmware can, and UDP for those that cannot
/// and those that nobody here knows: every SIP phone speaks UDP.
///
/// `model` as people write it: "CP-8861-K9", "Cisco 7975", "7975G", "CSF". TCP: 69xx, 78xx, 79xx
/// but 7905, 7912, 7920, 7940 and 7960 (whose firmware ended before SIP over TCP), 88xx, 89xx,
/// 98xx, 99xx, DX, and Jabber (CSF, BOT, TCT, TAB). UDP: 39xx, ATA and everything else.
SipTransport sip_transport_of(std::string_view model) noexcept;

}  // namespace ringfence::core
