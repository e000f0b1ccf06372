// What must hold of a certificate that somebody else issued, before it is used.
#pragma once

#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/anchors.h"

namespace ringfence::core {

/// check_issuing_certificate judges what a third party signed for CAPF's request, whose public key
/// is `spki`, and returns its issuers up to a self-signed root in `trust`.
///
/// The certificate must be a CA's (an end entity would issue LSCs that nobody accepts), may sign
/// certificates and TLS handshakes, is called "CAPF-…", is valid at `now`, and no issuer's path
/// length forbids LSCs below it. Throws Error{refused} that says what is wrong and what to do.
std::vector<X509Cert> check_issuing_certificate(const X509& certificate, BytesView spki,
                                                const Anchors& trust, Time now);

/// check_offline_lsc judges the certificate that an offline CA issued for the key `spki` of
/// `device`: name (as core::names_device compares it, with the `model` of its CSR), dates, no CA,
/// digitalSignature and keyEncipherment (without which phones cannot register, cucm-behaviour
/// 1.5), a chain to any entry of `trust`. Throws Error{refused}.
void check_offline_lsc(const X509& certificate, std::string_view device, BytesView spki,
                       const Anchors& trust, Time now, std::string_view model = "");

}  // namespace ringfence::core
