// Whether TLS clients show a certificate of their own, and who judges it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include <openssl/types.h>
#include <openssl/x509_vfy.h>

namespace ringfence::core {

/// PeerRefusal says why a peer's certificate is not believed.
struct PeerRefusal {
  int error = X509_V_ERR_APPLICATION_VERIFICATION;  ///< X509_V_ERR_…: chooses the peer's alert
  std::string why;                                  ///< for our log, never for the peer
};

/// PeerCheck judges certificates that peers show. Safe from several threads.
class PeerCheck {
 public:
  PeerCheck() = default;
  PeerCheck(const PeerCheck&) = delete;
  PeerCheck& operator=(const PeerCheck&) = delete;
  virtual ~PeerCheck() = default;

  /// refusal returns why `certificate` is not believed, nothing when it is. `below` is what else
  /// the peer sent, in its order, to be believed no more than the certificate.
  ///
  /// Called within the handshake, also on an io thread: it waits neither for a disk nor for the
  /// token. What it needs of them is part of the check, and a newer check makes a newer context.
  virtual std::optional<PeerRefusal> refusal(X509& certificate,
                                             std::span<X509* const> below) const = 0;
};

/// PeerPolicy is what a TLS server wants of its clients. That they have the key of the certificate
/// they show, TLS itself proves.
struct PeerPolicy {
  enum class Certificate {
    none,    ///< not asked for
    ask,     ///< who shows none is served, who shows one that `check` refuses is not
    demand,  ///< who shows none is not served either
  };

  Certificate certificate = Certificate::none;
  std::shared_ptr<const PeerCheck> check = nullptr;  ///< set unless `none`
};

}  // namespace ringfence::core
