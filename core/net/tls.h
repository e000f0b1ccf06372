// TLS servers whose key is in the token.
#pragma once

#include <memory>
#include <vector>

#include "core/crypto/handles.h"
#include "core/crypto/token.h"
#include "core/net/asio.h"

namespace ringfence::core {

/// TlsIdentity is a certificate and the token key that belongs to it.
struct TlsIdentity {
  X509Cert certificate;
  KeyRef key;
};

/// TlsVersions are what a server speaks.
enum class TlsVersions {
  current,   ///< TLS 1.2 and 1.3, security level 1
  from_1_0,  ///< TLS 1.0 to 1.2, security level 0: MD5 and SHA-1 sign the handshake below 1.2
};

/// make_tls_server returns a server context that presents `identities` (one RSA, one EC, or both)
/// and asks for no client certificate. Forward secrecy only, since a token key signs and does not
/// decrypt: ECDHE, below TLS 1.2 also DHE. No session tickets, no renegotiation. Throws Error as
/// Token::key does, and Error{internal} when a key does not belong to its certificate. `token` must
/// outlive the context.
std::shared_ptr<asio::ssl::context> make_tls_server(const Token& token,
                                                    const std::vector<TlsIdentity>& identities,
                                                    TlsVersions versions = TlsVersions::current);

}  // namespace ringfence::core
