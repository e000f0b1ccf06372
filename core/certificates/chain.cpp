#include "core/certificates/chain.h"

#include <algorithm>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kLongest = 8;

/// Found is one of the certificates among which a chain is looked for.
struct Found {
  X509Cert certificate;
  const Bytes* der = nullptr;
};

std::vector<Found> readable(std::span<const Bytes> known) {
  std::vector<Found> found;
  for (const Bytes& der : known) {
    try {
      found.push_back({parse_certificate(der), &der});
    } catch (const Error&) {  // whoever keeps the store says so
      continue;
    }
  }
  // Of two issuers with one key the root ends the chain.
  std::stable_partition(found.begin(), found.end(),
                        [](const Found& one) { return signs_itself(*one.certificate); });
  return found;
}

bool issued(X509& issuer, X509& certificate) {
  const bool did = X509_check_issued(&issuer, &certificate) == X509_V_OK &&
                   X509_verify(&certificate, X509_get0_pubkey(&issuer)) == 1;
  ERR_clear_error();
  return did;
}

}  // namespace

bool signs_itself(const X509& certificate) {
  return X509_self_signed(const_cast<X509*>(&certificate), 0) == 1;  // it caches what it finds
}

std::vector<Bytes> chain_above(BytesView certificate, std::span<const Bytes> known) {
  X509Cert below = parse_certificate(certificate);
  std::vector<Bytes> chain;
  if (signs_itself(*below)) return chain;
  const std::vector<Found> candidates = readable(known);
  while (chain.size() < kLongest) {
    const auto above = std::ranges::find_if(
        candidates, [&](const Found& one) { return issued(*one.certificate, *below); });
    if (above == candidates.end() || signs_itself(*above->certificate)) break;
    if (std::ranges::find(chain, *above->der) != chain.end()) break;
    chain.push_back(*above->der);
    below = share(above->certificate.get());
  }
  return chain;
}

}  // namespace ringfence::core
