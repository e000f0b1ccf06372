// Asking the Trust Verification Service who a signer is.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/net/asio.h"
#include "core/trust/trust_list.h"

namespace ringfence::fleet {

/// Vouched is a certificate that TVS vouches for as a signer of files.
struct Vouched {
  core::Bytes certificate;  ///< DER
  std::chrono::seconds lifetime{};
};

/// parse_query_response reads a whole answer to the QUERY with number `session`.
///
/// Nothing when TVS does not trust the signer, or not as one of files (roles SAST, CCM+TFTP, TFTP).
/// Throws core::Error{malformed}. Hand-written here: a second opinion of the server's codec.
std::optional<Vouched> parse_query_response(std::uint32_t session, core::BytesView header,
                                            core::BytesView payload);

/// query_tvs asks for `signer` at `server`, whose certificate `trusts_server` (DER) must accept.
///
/// Throws core::Error: `io`, `malformed`, `refused` when the server's certificate is not trusted.
core::Task<std::optional<Vouched>> query_tvs(
    core::asio::ssl::context& context, core::tcp::endpoint server, std::string device,
    core::SignerName signer, const std::function<bool(core::BytesView)>& trusts_server);

}  // namespace ringfence::fleet
