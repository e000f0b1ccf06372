#include "hsm/signature.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "hsm/der.h"
#include "hsm/error.h"

namespace ringfence::hsm {
namespace {

struct PssMechanisms {
  CK_MECHANISM_TYPE hash;
  CK_RSA_PKCS_MGF_TYPE mgf;
};

PssMechanisms pss_mechanisms(Hash hash) {
  switch (hash) {
    case Hash::sha1: return {CKM_SHA_1, CKG_MGF1_SHA1};
    case Hash::sha224: return {CKM_SHA224, CKG_MGF1_SHA224};
    case Hash::sha256: return {CKM_SHA256, CKG_MGF1_SHA256};
    case Hash::sha384: return {CKM_SHA384, CKG_MGF1_SHA384};
    case Hash::sha512: return {CKM_SHA512, CKG_MGF1_SHA512};
    case Hash::none:
    case Hash::md5: break;
  }
  throw Error(Kind::request, "RSA PSS signing needs a SHA hash");
}

/// require_room refuses what cannot fit: SoftHSM would only say CKR_GENERAL_ERROR.
void require_room(std::size_t needed, const KeySpec& spec) {
  if (needed > spec.bits / 8U)
    throw Error(Kind::request,
                fmt::format("{} bytes with padding do not fit a {} bit key", needed, spec.bits));
}

void require_algorithm(const SignRequest& request, KeyAlgorithm algorithm) {
  const bool ec = request.scheme == Scheme::ecdsa;
  if (ec != (algorithm == KeyAlgorithm::ec))
    throw Error(Kind::request,
                fmt::format("the key {} cannot sign with that scheme", to_text(request.key)));
}

Bytes sign_rsa(const Session& session, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key,
               const KeySpec& spec, BytesView input) {
  Bytes signature((spec.bits + 7U) / 8U);
  signature.resize(session.sign(mechanism, key, input, signature));
  return signature;
}

}  // namespace

Bytes make_signature(const Session& session, CK_OBJECT_HANDLE key, const KeySpec& spec,
                     const SignRequest& request) {
  require_algorithm(request, spec.algorithm);
  switch (request.scheme) {
    case Scheme::rsa_pkcs1:
      return sign_rsa(session, {CKM_RSA_PKCS, nullptr, 0}, key, spec,
                      der::digest_info(request.hash, request.input));
    case Scheme::rsa_type1:
      require_room(request.input.size() + 11, spec);  // RFC 8017 9.2
      return sign_rsa(session, {CKM_RSA_PKCS, nullptr, 0}, key, spec, request.input);
    case Scheme::rsa_pss: {
      if (request.input.size() != size_of(request.hash))
        throw Error(Kind::request, "the digest's length does not fit its hash");
      require_room(request.input.size() + request.salt_bytes + 2, spec);  // RFC 8017 9.1.1
      CK_RSA_PKCS_PSS_PARAMS parameters{};
      parameters.hashAlg = pss_mechanisms(request.hash).hash;
      parameters.mgf = pss_mechanisms(request.mgf_hash).mgf;
      parameters.sLen = request.salt_bytes;
      return sign_rsa(session, {CKM_RSA_PKCS_PSS, &parameters, sizeof parameters}, key, spec,
                      request.input);
    }
    case Scheme::ecdsa: {
      // FIPS 186-4 6.4: only the leftmost bits of the digest, as many as the order has, count.
      const std::size_t order_bytes = (spec.bits + 7U) / 8U;
      const std::size_t used = std::min(request.input.size(), order_bytes);
      std::array<std::uint8_t, 2 * 66> r_and_s;  // P-521's
      const std::size_t size =
          session.sign({CKM_ECDSA, nullptr, 0}, key, BytesView(request.input).first(used), r_and_s);
      return der::ecdsa_signature(BytesView(r_and_s).first(size));
    }
  }
  throw Error(Kind::request, "unknown signature scheme");
}

}  // namespace ringfence::hsm
