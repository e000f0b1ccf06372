// The certificate a phone shows, and its proof that it has the key.
#include "services/capf/credential.h"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "core/base/error.h"
#include "core/certificates/peer_verifier.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"

namespace ringfence::services::capf {
namespace {

using core::Bytes;
using core::BytesView;
using core::Code;
using core::Digest;
using core::Error;

[[noreturn]] void refuse(const std::string& why) {
  ERR_clear_error();
  throw Error(Code::refused, why);
}

core::X509Cert parse(BytesView der) {
  try {
    return core::parse_certificate(der);
  } catch (const Error& error) {
    refuse(error.what());
  }
}

/// check_rsa builds the only block that is right and compares all of it: a check that looks for the
/// digest behind the padding could be deceived by what stands elsewhere in the block.
bool check_rsa(EVP_PKEY& key, BytesView digest, BytesView signature) {
  constexpr std::size_t kLeastPadding = 8;
  const auto size = static_cast<std::size_t>(EVP_PKEY_get_size(&key));
  if (signature.size() != size || size < digest.size() + kLeastPadding + 3) return false;
  Bytes right{0x00, 0x01};
  right.resize(size - digest.size() - 1, 0xff);
  right.push_back(0x00);
  right.insert(right.end(), digest.begin(), digest.end());

  const core::EvpPkeyCtx context(
      core::ensure(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), "EVP_PKEY_CTX_new"));
  core::ensure(EVP_PKEY_verify_recover_init(context.get()) == 1, "EVP_PKEY_verify_recover_init");
  core::ensure(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1,
               "EVP_PKEY_CTX_set_rsa_padding");
  Bytes block(size);
  std::size_t length = block.size();
  if (EVP_PKEY_verify_recover(context.get(), block.data(), &length, signature.data(),
                              signature.size()) != 1) {
    return false;
  }
  block.resize(length);
  return block == right;
}

bool check_ec(EVP_PKEY& key, BytesView digest, BytesView signature) {
  const core::EvpPkeyCtx context(
      core::ensure(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), "EVP_PKEY_CTX_new"));
  core::ensure(EVP_PKEY_verify_init(context.get()) == 1, "EVP_PKEY_verify_init");
  return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                         digest.size()) == 1;
}

void check_signature(EVP_PKEY& key, Digest algorithm, BytesView data, BytesView signature,
                     std::string_view what) {
  const Bytes digest = core::digest(algorithm, data);
  bool right = false;
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_RSA: right = check_rsa(key, digest, signature); break;
    case EVP_PKEY_EC: right = check_ec(key, digest, signature); break;
    default: refuse("the certificate's key is neither RSA nor EC");
  }
  if (!right) refuse(fmt::format("{} does not verify with the certificate's key", what));
}

/// Proof is what was signed, and the signatures: empty where there is none.
struct Proof {
  Bytes data;
  BytesView sha1;
  BytesView sha512;
  std::string_view name;
};

/// Judge is what a phone's certificates are held against.
struct Judge {
  const std::string& device;
  std::string_view model;
  const std::shared_ptr<const core::Anchors>& anchors;
  const core::Clock& clock;
};

/// check_certificate returns who vouches for `der`.
core::Anchors::Issuer check_certificate(BytesView der, CertificateKind kind, const Proof& proof,
                                        const Judge& judge) {
  const core::X509Cert certificate = parse(der);
  const auto purpose =
      kind == CertificateKind::mic ? core::PeerPurpose::mic : core::PeerPurpose::lsc;
  const core::PeerVerifier verifier(purpose, judge.anchors, judge.clock);
  core::VerifiedPeer peer = verifier.verify(*certificate, judge.device, judge.model);
  if (proof.sha1.empty() && proof.sha512.empty()) {
    refuse(fmt::format("the certificate came without {}", proof.name));
  }
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) refuse("the certificate's key cannot be read");
  if (!proof.sha1.empty()) {
    check_signature(*key, Digest::sha1, proof.data, proof.sha1,
                    fmt::format("{} with SHA-1", proof.name));
  }
  if (!proof.sha512.empty()) {
    check_signature(*key, Digest::sha512, proof.data, proof.sha512,
                    fmt::format("{} with SHA-512", proof.name));
  }
  return std::move(peer.issuer);
}

Proof proof_of(const AuthResponse& response) {
  core::Writer data;
  data.text(response.device).u8(0).bytes(response.certificate->der);
  Proof proof{data.take(), response.sha1_signature, {}, "the phone's signature"};
  if (response.sha512_signature) proof.sha512 = response.sha512_signature->bytes;
  return proof;
}

Proof proof_of(const Sudi& sudi, std::uint32_t session) {
  core::Writer data;
  for (int shift = 0; shift < 32; shift += 8) data.u8(static_cast<std::uint8_t>(session >> shift));
  data.bytes(sudi.certificate);
  return {data.take(), sudi.sha1_signature, sudi.sha512_signature,
          "the SUDI signature of this session"};
}

}  // namespace

Credential check_credential(const AuthResponse& response, std::uint32_t session,
                            std::string_view model,
                            const std::shared_ptr<const core::Anchors>& anchors,
                            const core::Clock& clock) {
  const Judge judge{response.device, model, anchors, clock};
  const Sudi* sudi = response.sudi ? &*response.sudi : nullptr;
  Credential credential;
  if (sudi != nullptr) {
    credential = {CertificateKind::mic, sudi->certificate, {}, {}};
    credential.issuer =
        check_certificate(sudi->certificate, CertificateKind::mic, proof_of(*sudi, session), judge);
  }
  if (response.certificate) {
    const Proof proof = proof_of(response);
    // What the SUDI signatures have just proven needs no second proof.
    const bool proven = sudi != nullptr && sudi->certificate == response.certificate->der &&
                        proof.sha1.empty() && proof.sha512.empty();
    credential.kind = response.certificate->kind;
    credential.der = response.certificate->der;
    if (!proven) {
      credential.issuer = check_certificate(credential.der, credential.kind, proof, judge);
    }
  }
  if (credential.der.empty()) refuse("the phone showed no certificate");
  credential.serial = core::serial_of(*parse(credential.der));
  return credential;
}

}  // namespace ringfence::services::capf
