// Certificates, trust lists and configurations with software keys, for the simulator's own tests.
#pragma once

#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/handles.h"
#include "core/trust/trust_list.h"

namespace ringfence::fleet::test {

/// Identity is a self-signed certificate and its RSA 2048 key.
struct Identity {
  core::X509Cert certificate;
  core::EvpPkey key;

  core::FileSigner signer() const { return {certificate.get(), key.get(), nullptr}; }

  core::Bytes der() const;
};

/// make_identity makes one; keys are made once a name and process, certificates each time.
Identity make_identity(const std::string& common_name);

/// issue makes a certificate for `spki_of` signed by `issuer`.
core::X509Cert issue(const std::string& common_name, EVP_PKEY* key, const Identity& issuer);

/// make_itl builds a list of SAST and TFTP records for `signer`, SAST for each of `others`, and
/// hash records for `tvs` and `capf` (null for none), signed by `signer`.
core::Bytes make_itl(const Identity& signer, const std::vector<const Identity*>& others = {},
                     const Identity* tvs = nullptr, const Identity* capf = nullptr);

/// make_config builds a signed configuration of that phone.
core::Bytes make_config(const Identity& signer, const std::string& device, const std::string& stamp,
                        std::uint16_t sip_port, std::uint16_t tvs_port = 0);

}  // namespace ringfence::fleet::test
