// LSCs that CAPF issued, and keys that wait for one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/clock.h"

namespace ringfence::core {

/// IssuedCertificate is one LSC and how far it got. A phone holds the one it confirmed last, by the
/// order of the journal and not by the clock; issued ones that were never confirmed are stale.
struct IssuedCertificate {
  std::string phone;
  std::int64_t request = 0;
  Bytes serial;
  std::string subject;
  std::string issuer;
  Bytes der;
  std::string key;  ///< "RSA 2048", "EC P-384"
  Time not_after;
  Time issued_at;
  std::optional<Time> delivered_at;
  std::optional<Time> confirmed_at;
  std::optional<Time> deleted_at;  ///< the phone confirmed that it removed it
  std::optional<Time> cleared_at;  ///< an administrator took it off the list of stale ones
  std::optional<Time> missing_at;  ///< the phone showed that it does not have it
  std::int64_t sequence = 0;       ///< grows with each one issued, whatever the clock; by the store
  std::string key_hash;            ///< SHA-256 of the public key, hex; empty where it was not noted
  std::string peer;                ///< "address:port" that came for it
  std::string elsewhere;           ///< the phone's known addresses, when `peer` was at none of them
  /// What showed who came: the word of an AuthMode, kByAddress where the null string came from an
  /// address that was proven to be the phone's, or from the only one at which it registers, and ""
  /// where it was not noted. An LSC that was renewed by one that came to the null string alone came
  /// to the null string alone.
  std::string proof;
  static constexpr std::string_view kByAddress = "address";
};

/// enrolled_from tells where an LSC went, "address:port", when nothing proves that the phone was
/// there: it enrolled by the null string alone, or was known elsewhere.
std::optional<std::string> enrolled_from(const IssuedCertificate& lsc);

/// proves_phone tells whether who shows this LSC is the phone: not by one that was given for its
/// name alone.
bool proves_phone(const IssuedCertificate& lsc);

/// went_elsewhere tells an LSC that went to an address which is not known to be the phone's, by its
/// name alone: it is somebody's, and not what the phone holds.
bool went_elsewhere(const IssuedCertificate& lsc);

/// ShownLsc is what a phone last showed as its LSC, where the journal did not know it.
struct ShownLsc {
  Time at;
  Bytes serial;  ///< empty: it showed none
  std::string subject;
  std::string issuer;
};

/// Issues are the certificates that one request of a phone has brought so far.
struct Issues {
  std::int64_t count = 0;
  std::optional<Time> last;
};

/// PendingCsr is a key that waits for an offline CA's certificate; at most one a phone.
struct PendingCsr {
  std::string phone;
  std::int64_t request = 0;
  Bytes spki;         ///< SubjectPublicKeyInfo DER, as the phone sent it
  std::string key;    ///< "RSA 2048", "EC P-384"
  std::string model;  ///< the phone's when it was asked, for the subject
  std::string peer;   ///< "address:port" it came from
  Time created;
  std::optional<Bytes> serial;  ///< of the certificate that was imported for it
  std::string proof = {};       ///< as IssuedCertificate's
};

}  // namespace ringfence::core
