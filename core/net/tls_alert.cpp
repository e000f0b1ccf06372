#include "core/net/tls_alert.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/net/asio.h"

namespace ringfence::core {

std::optional<std::string> certificate_alert(const boost::system::error_code& failed) {
  if (failed.category() != asio::error::get_ssl_category()) return std::nullopt;
  const auto packed = static_cast<unsigned long>(static_cast<unsigned>(failed.value()));
  if (ERR_GET_LIB(packed) != ERR_LIB_SSL) return std::nullopt;
  // The reason of a received alert is its number on the wire, raised by this much.
  switch (ERR_GET_REASON(packed) - SSL_AD_REASON_OFFSET) {
    case SSL_AD_BAD_CERTIFICATE: return "bad certificate";
    case SSL_AD_UNSUPPORTED_CERTIFICATE: return "unsupported certificate";
    case SSL_AD_CERTIFICATE_REVOKED: return "certificate revoked";
    case SSL_AD_CERTIFICATE_EXPIRED: return "certificate expired";
    case SSL_AD_CERTIFICATE_UNKNOWN: return "certificate unknown";
    case SSL_AD_UNKNOWN_CA: return "unknown CA";
    default: return std::nullopt;
  }
}

}  // namespace ringfence::core
