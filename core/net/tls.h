// TLS servers whose key is in the token.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>

#include "core/base/bytes.h"
#include "core/crypto/peer_policy.h"
#include "core/crypto/token.h"
#include "core/net/asio.h"

namespace ringfence::core {

/// TlsIdentity is a certificate, the token key that belongs to it, and the CAs above it.
struct TlsIdentity {
  Bytes certificate;  ///< DER
  KeyRef key;
  std::vector<Bytes> chain = {};  ///< DER, nearest first, without the root: sent with it
};

/// TlsVersions are what a server speaks.
enum class TlsVersions {
  current,   ///< TLS 1.2 and 1.3, security level 1
  from_1_0,  ///< TLS 1.0 to 1.2, security level 0: MD5 and SHA-1 sign the handshake below 1.2
};

/// TlsServerSpec says who a server is and what it wants of its clients.
struct TlsServerSpec {
  std::vector<TlsIdentity> identities;  ///< one RSA, one EC, or both
  TlsVersions versions = TlsVersions::current;
  PeerPolicy peers = {};
};

/// make_tls_server returns a server context as `spec` says. Forward secrecy only, since a token key
/// signs and does not decrypt: ECDHE, below TLS 1.2 also DHE. No session tickets, no renegotiation.
///
/// A CA of a chain that OpenSSL's security level does not allow, for its key or its signature, is
/// left out with those above it, and a line TLS_CHAIN_CUT says so. A client's certificates may have
/// 32 KiB together, and be eight.
///
/// Throws Error as Token::key does, Error{malformed} for what is no certificate, and
/// Error{internal} when a key does not belong to its certificate. `token` must outlive the context.
std::shared_ptr<asio::ssl::context> make_tls_server(const Token& token, const TlsServerSpec& spec);

/// peer_refusal returns what the server's PeerCheck said against the peer of `tls`; null when it
/// said nothing.
const std::string* peer_refusal(const SSL& tls) noexcept;

}  // namespace ringfence::core
