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

/// make_tls_server returns a server context that presents `identities` (one RSA, one EC, or both)
/// and asks for no client certificate. TLS 1.2 and 1.3, OpenSSL's security level 1, no session
/// tickets, no renegotiation. Throws Error as Token::key does, and Error{internal} when a key does
/// not belong to its certificate. `token` must outlive the context.
std::shared_ptr<asio::ssl::context> make_tls_server(const Token& token,
                                                    const std::vector<TlsIdentity>& identities);

}  // namespace ringfence::core
