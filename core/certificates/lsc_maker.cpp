#include "core/certificates/lsc_maker.h"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "core/base/der.h"
#include "core/base/error.h"
#include "core/certificates/profile.h"
#include "core/certificates/serial.h"
#include "core/crypto/digest.h"
#include "core/crypto/spki.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

using AsnTime = Handle<ASN1_TIME, ASN1_TIME_free>;

using der::append_element;
using der::element;
using der::kBitString;
using der::kInteger;
using der::kOctetString;
using der::kSequence;

constexpr std::uint8_t kVersion = 0xa0;     // [0]
constexpr std::uint8_t kExtensions = 0xa3;  // [3]

/// subjectKeyIdentifier, 2.5.29.14.
constexpr std::array<std::uint8_t, 5> kKeyIdOid = {0x06, 0x03, 0x55, 0x1d, 0x0e};
constexpr std::array<std::uint8_t, 3> kVersion3 = {kInteger, 1, 2};

void append(Bytes& to, BytesView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// encoded calls one of OpenSSL's i2d functions.
template <typename T, typename Encode>
Bytes encoded(const T& object, Encode encode, std::string_view call) {
  unsigned char* der = nullptr;
  const int size = encode(&object, &der);
  ensure(size > 0, call);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Bytes encoded(const X509_NAME& name) {
  return encoded(name, i2d_X509_NAME, "i2d_X509_NAME");
}

Bytes encoded(const Extension& extension) {
  return encoded(*extension, i2d_X509_EXTENSION, "i2d_X509_EXTENSION");
}

Bytes encoded(Time time) {
  const AsnTime value(ensure(ASN1_TIME_set(nullptr, to_seconds(time)), "ASN1_TIME_set"));
  return encoded(*value, i2d_ASN1_TIME, "i2d_ASN1_TIME");
}

/// KeyInfo is a key as a certificate holds it.
struct KeyInfo {
  Bytes spki;
  Bytes id;  ///< SHA-1 of the key's bits (RFC 5280 section 4.2.1.2, method 1)
};

/// key_info takes the usual form of an RSA key as it is and has OpenSSL normalize every other.
KeyInfo key_info(BytesView spki) {
  const auto rsa = read_rsa_spki(spki);
  if (rsa && rsa->bits >= 512 && rsa->bits <= 4096)
    return {{spki.begin(), spki.end()}, digest(Digest::sha1, rsa->pkcs1)};
  const EvpPkey key = parse_phone_key(spki);
  KeyInfo info;
  info.spki = encoded(*key, i2d_PUBKEY, "i2d_PUBKEY");
  info.id = digest(Digest::sha1, encoded(*key, i2d_PublicKey, "i2d_PublicKey"));
  return info;
}

/// signature_algorithm asks for the AlgorithmIdentifier that goes with a key and a digest.
Bytes signature_algorithm(EVP_PKEY& key, const std::string& digest, OSSL_LIB_CTX* context) {
  const EvpMdCtx signing(ensure(EVP_MD_CTX_new(), "EVP_MD_CTX_new"));
  EVP_PKEY_CTX* parameters = nullptr;
  ensure(EVP_DigestSignInit_ex(signing.get(), &parameters, digest.c_str(), context, nullptr, &key,
                               nullptr) == 1,
         "EVP_DigestSignInit_ex");
  std::array<unsigned char, 128> id{};
  std::array<OSSL_PARAM, 2> asked = {
      OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, id.data(), id.size()),
      OSSL_PARAM_construct_end()};
  ensure(EVP_PKEY_CTX_get_params(parameters, asked.data()) == 1, "EVP_PKEY_CTX_get_params");
  return {id.begin(), id.begin() + static_cast<std::ptrdiff_t>(asked[0].return_size)};
}

}  // namespace

LscMaker::LscMaker(const X509& capf_certificate, EVP_PKEY& capf_key, OSSL_LIB_CTX* context)
    : capf_certificate_(capf_certificate),
      capf_key_(capf_key),
      context_(context),
      digest_(digest_for(capf_key)),
      public_key_(share(ensure(X509_get0_pubkey(&capf_certificate), "X509_get0_pubkey"))),
      issuer_text_(subject_of(capf_certificate)),
      capf_begin_(not_before_of(capf_certificate)),
      capf_end_(not_after_of(capf_certificate)),
      algorithm_(signature_algorithm(capf_key, digest_, context)),
      issuer_(encoded(*X509_get_subject_name(&capf_certificate))),
      authority_key_id_(encoded(authority_key_id_extension(capf_certificate))) {
  for (const Extension& extension : lsc_extensions()) append(extensions_, encoded(extension));
}

Lsc LscMaker::make(const LscRequest& request, Time now) const {
  const KeyInfo key = key_info(request.spki);
  if (request.validity < std::chrono::days(1))
    throw Error(Code::malformed, "a phone's certificate must be valid for at least a day");
  if (now > capf_end_)
    throw Error(Code::refused, "the CAPF certificate expired at " + to_iso(capf_end_));
  const X509NameHandle subject = lsc_name(request, capf_certificate_);

  Lsc lsc;
  lsc.serial = new_serial();
  lsc.subject = name_text(*subject, NameForm::trust_list);
  lsc.not_after = std::min(now + request.validity - std::chrono::seconds(1), capf_end_);

  Bytes validity = encoded(std::max(now, capf_begin_));
  append(validity, encoded(lsc.not_after));

  Bytes key_id(kKeyIdOid.begin(), kKeyIdOid.end());
  append_element(key_id, kOctetString, element(kOctetString, key.id));
  Bytes extensions = extensions_;
  append_element(extensions, kSequence, key_id);
  append(extensions, authority_key_id_);

  // TBSCertificate (RFC 5280 section 4.1)
  Bytes body;
  append_element(body, kVersion, kVersion3);
  append_element(body, kInteger, lsc.serial);
  append(body, algorithm_);
  append(body, issuer_);
  append_element(body, kSequence, validity);
  append(body, encoded(*subject));
  append(body, key.spki);
  append_element(body, kExtensions, element(kSequence, extensions));
  Bytes whole = element(kSequence, body);

  Bytes signature = sign(whole);
  signature.insert(signature.begin(), 0);  // no unused bits
  append(whole, algorithm_);
  append_element(whole, kBitString, signature);
  lsc.der = element(kSequence, whole);
  return lsc;
}

/// sign checks what it signed: a wrong key or a faulty token must not put a bad certificate into
/// the world.
Bytes LscMaker::sign(BytesView body) const {
  const EvpMdCtx signing(ensure(EVP_MD_CTX_new(), "EVP_MD_CTX_new"));
  ensure(EVP_DigestSignInit_ex(signing.get(), nullptr, digest_.c_str(), context_, nullptr,
                               &capf_key_, nullptr) == 1,
         "EVP_DigestSignInit_ex");
  std::size_t size = 0;
  ensure(EVP_DigestSign(signing.get(), nullptr, &size, body.data(), body.size()) == 1,
         "EVP_DigestSign");
  Bytes signature(size);
  ensure(EVP_DigestSign(signing.get(), signature.data(), &size, body.data(), body.size()) == 1,
         "EVP_DigestSign");
  signature.resize(size);

  const EvpMdCtx checking(ensure(EVP_MD_CTX_new(), "EVP_MD_CTX_new"));
  ensure(EVP_DigestVerifyInit_ex(checking.get(), nullptr, digest_.c_str(), nullptr, nullptr,
                                 public_key_.get(), nullptr) == 1,
         "EVP_DigestVerifyInit_ex");
  if (EVP_DigestVerify(checking.get(), signature.data(), signature.size(), body.data(),
                       body.size()) != 1) {
    ERR_clear_error();
    throw Error(Code::internal, "the signing key does not belong to the issuer's certificate");
  }
  return signature;
}

}  // namespace ringfence::core
