// The certificates that may end a chain, and what each of them may vouch for.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <openssl/x509_vfy.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/capf_trust.h"
#include "core/crypto/handles.h"

namespace ringfence::core {

/// Anchors are the certificates of one trust store, ready to verify against. Safe from several
/// threads once made.
class Anchors {
 public:
  using Purpose = CapfTrustPurpose;

  /// `store` is the store's name, for what an Error advises.
  explicit Anchors(std::string store);

  /// The same with `certificates`, DER, each a CA without further purpose. Throws Error{malformed}.
  Anchors(std::string store, std::span<const Bytes> certificates);

  /// trust adds one certificate, DER. Throws Error{malformed} for what is none.
  void trust(BytesView der, Purpose purpose);

  /// own names the certificate with which this CAPF signs now, DER, and trusts it. Throws
  /// Error{malformed}.
  void own(BytesView der);

  const std::string& store() const noexcept { return store_; }

  /// Up says how far a chain must lead: to a self-signed root, or to any entry.
  enum class Up { to_root, to_any };

  /// Path is a certificate's way up, or where it ends.
  struct Path {
    std::vector<X509Cert> issuers;  ///< nearest first, the anchor last
    int error = X509_V_OK;  ///< X509_V_ERR_… when there is no way: then `issuers` is empty
    X509Cert at;            ///< and the certificate that is to blame
  };

  /// path_of looks for the way up from `certificate`, by `below`, further CAs that nobody vouches
  /// for yet, and the entries. Everything is checked at `now`, also that the certificate may prove
  /// a TLS client. At most eight CAs.
  Path path_of(X509& certificate, Up up, Time now, std::span<X509* const> below = {}) const;

  /// chain_of is path_of for who needs a way: it returns the issuers. Throws Error{refused} that
  /// names what is missing or wrong, and what to import.
  std::vector<X509Cert> chain_of(const X509& certificate, Up up, Time now,
                                 std::span<const X509Cert> below = {}) const;

  /// why_not is the sentence for a Path with an error.
  std::string why_not(const Path& path) const;

  /// Issuer is the entry that vouches for a certificate.
  struct Issuer {
    Purpose purpose = Purpose::ca;
    bool own = false;  ///< the certificate named by `own`
    std::string subject;
  };

  /// issuer_in returns the first of a path that is an entry here; nothing for a path without one.
  std::optional<Issuer> issuer_in(const Path& path) const;

 private:
  std::string store_;
  Handle<X509_STORE, X509_STORE_free> verified_;
  std::map<Bytes, Purpose> purposes_;
  Bytes own_;
};

}  // namespace ringfence::core
