// A phone's side of CAPF: show who it is, make a key, judge and keep the certificate.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/crypto/handles.h"
#include "core/net/asio.h"
#include "tests/fleet/key_pool.h"
#include "tests/fleet/mic.h"

namespace ringfence::fleet {

/// CapfVisit is what a phone brings to CAPF.
struct CapfVisit {
  core::tcp::endpoint server;
  std::string device;
  int auth_mode = 0;        ///< capfAuthMode of its configuration
  std::string auth_string;  ///< what the user typed, or empty
  core::Bytes lsc;          ///< the certificate it has, DER, or empty
  core::EvpPkey lsc_key;    ///< its key, or null
};

enum class CapfEnd { nothing, installed, removed, shown, retry_later };

/// CapfOutcome is what the visit came to.
struct CapfOutcome {
  CapfEnd end = CapfEnd::nothing;
  core::Bytes lsc;    ///< DER, when installed
  core::EvpPkey key;  ///< its key, when installed
  std::chrono::seconds delay{30};
};

/// CapfTools is what the phones of a fleet share for their visits; it outlives them.
struct CapfTools {
  core::asio::ssl::context& context;
  core::asio::thread_pool& pool;  ///< where keys are made
  KeyPool& keys;
  Maker& maker;
};

/// check_lsc throws core::Error{refused} unless `lsc` is for `key` and signed by `capf` (both DER).
void check_lsc(core::BytesView lsc, EVP_PKEY* key, core::BytesView capf);

/// visit_capf holds one session; Jabber (CSF, BOT, TCT, TAB) speaks version 2, the others 3. Where
/// a certificate is asked for, a phone shows its LSC, or its MIC with SUDI data when that is asked
/// for or it has no LSC; Jabber has no MIC.
///
/// `trusts_server` judges the server's certificate (DER). Throws core::Error: `io` (try again),
/// `refused` (CAPF or the phone said no), `malformed`.
core::Task<CapfOutcome> visit_capf(const CapfTools& tools, CapfVisit visit,
                                   const std::function<bool(core::BytesView)>& trusts_server);

}  // namespace ringfence::fleet
