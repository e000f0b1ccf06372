// The certificates phones are born with, and how a phone proves that a certificate is its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "core/base/bytes.h"
#include "core/crypto/handles.h"

namespace ringfence::fleet {

/// Proof is what a phone signs with, and what it shows for it.
struct Proof {
  core::Bytes certificate;  ///< DER
  core::EvpPkey key;
};

/// Maker is the fleet's manufacturer: a CA that gives each phone its MIC. Safe from several
/// threads.
///
/// All MICs have one RSA 2048 key, since making one costs a tenth of a second; real phones have one
/// each.
class Maker {
 public:
  /// `file` holds the CA's certificate as PEM, for CAPF-trust, and `file`.key its key (0600); both
  /// are made when there are none. An empty `file` makes a CA for this run alone. Throws
  /// core::Error{malformed} for files that are no CA.
  explicit Maker(const std::filesystem::path& file);

  /// mic_of makes the MIC "CP-8861-<device>": CAPF believes no name whose first part is no model.
  Proof mic_of(const std::string& device);

 private:
  core::EvpPkey key_;
  core::X509Cert certificate_;
  std::once_flag once_;
  core::EvpPkey mic_key_;
};

/// bare_signature is what CAPF's elements 6, 16 and 20 carry (cucm-behaviour 5.6): with an RSA key
/// block type 1 around the bare digest, with an EC key ECDSA. `digest` is "SHA1" or "SHA512".
core::Bytes bare_signature(EVP_PKEY* key, const char* digest, core::BytesView data);

}  // namespace ringfence::fleet
