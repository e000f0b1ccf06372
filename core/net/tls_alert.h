// Why a peer broke off TLS: whether it was our certificate that it did not believe.
#pragma once

#include <optional>
#include <string>

#include <boost/system/error_code.hpp>

namespace ringfence::core {

/// certificate_alert returns the name of the alert by which a peer refused our certificate
/// ("unknown CA"), and nothing when a handshake failed for another reason. `failed` is what
/// SigningPool::shake_hands threw. Source: RFC 8446 section 6.2.
std::optional<std::string> certificate_alert(const boost::system::error_code& failed);

}  // namespace ringfence::core
