// Certificates and proofs as phones, manufacturers and thieves would make them.
#include "tests/unit/services/capf/phone_certificates.h"

#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

namespace ringfence::test {
namespace {

using core::Bytes;
using core::ensure;

void add_common_name(X509* certificate, const std::string& name) {
  ensure(X509_NAME_add_entry_by_NID(
             X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1,
         "X509_NAME_add_entry");
}

void add_extension(X509* certificate, int nid, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  ensure(extension != nullptr, "X509V3_EXT_conf_nid");
  ensure(X509_add_ext(certificate, extension, -1) == 1, "X509_add_ext");
  X509_EXTENSION_free(extension);
}

Bytes signed_with(EVP_PKEY* key, int padding, const EVP_MD* md, const Bytes& input) {
  const core::EvpPkeyCtx context(ensure(EVP_PKEY_CTX_new(key, nullptr), "EVP_PKEY_CTX_new"));
  ensure(EVP_PKEY_sign_init(context.get()) == 1, "EVP_PKEY_sign_init");
  if (padding != 0) {
    ensure(EVP_PKEY_CTX_set_rsa_padding(context.get(), padding) == 1, "set_rsa_padding");
  }
  if (md != nullptr) {
    ensure(EVP_PKEY_CTX_set_signature_md(context.get(), md) == 1, "set_signature_md");
  }
  std::size_t size = 0;
  ensure(EVP_PKEY_sign(context.get(), nullptr, &size, input.data(), input.size()) == 1, "sign");
  Bytes signature(size);
  ensure(EVP_PKEY_sign(context.get(), signature.data(), &size, input.data(), input.size()) == 1,
         "sign");
  signature.resize(size);
  return signature;
}

}  // namespace

Bytes Pair::der() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate.get(), &bytes);
  ensure(size > 0, "i2d_X509");
  Bytes copy(bytes, bytes + size);
  OPENSSL_free(bytes);
  return copy;
}

Pair make_pair(core::EvpPkey key, const Wanted& wanted, const Pair* issuer) {
  Pair pair{std::move(key), core::X509Cert(ensure(X509_new(), "X509_new"))};
  X509* certificate = pair.certificate.get();
  X509_set_version(certificate, 2);
  Bytes serial(8);
  RAND_bytes(serial.data(), static_cast<int>(serial.size()));
  const core::Handle<BIGNUM, BN_free> number(
      BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
  add_common_name(certificate, wanted.common_name);
  if (!wanted.second_common_name.empty()) add_common_name(certificate, wanted.second_common_name);
  ASN1_TIME_set(X509_getm_notBefore(certificate), core::to_seconds(wanted.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate), core::to_seconds(wanted.not_after));
  X509_set_pubkey(certificate, pair.key.get());
  X509_set_issuer_name(
      certificate,
      X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : certificate));
  if (wanted.authority) {
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyEncipherment");
  }
  EVP_PKEY* signer = issuer != nullptr ? issuer->key.get() : pair.key.get();
  ensure(X509_sign(certificate, signer, EVP_sha256()) > 0, "X509_sign");
  return pair;
}

Bytes hash(const char* digest, const Bytes& data) {
  Bytes out(EVP_MAX_MD_SIZE);
  std::size_t size = 0;
  ensure(EVP_Q_digest(nullptr, digest, nullptr, data.data(), data.size(), out.data(), &size) == 1,
         "EVP_Q_digest");
  out.resize(size);
  return out;
}

Bytes bare_signature(EVP_PKEY* key, const char* digest, const Bytes& data) {
  const bool rsa = EVP_PKEY_is_a(key, "RSA") == 1;
  return signed_with(key, rsa ? RSA_PKCS1_PADDING : 0, nullptr, hash(digest, data));
}

Bytes raw_rsa(EVP_PKEY* key, const Bytes& block) {
  return signed_with(key, RSA_NO_PADDING, nullptr, block);
}

Bytes digest_info_signature(EVP_PKEY* key, const char* digest, const Bytes& data) {
  return signed_with(key, RSA_PKCS1_PADDING, EVP_get_digestbyname(digest), hash(digest, data));
}

Bytes name_and_certificate(const std::string& device, const Bytes& der) {
  Bytes data(device.begin(), device.end());
  data.push_back(0);
  data.insert(data.end(), der.begin(), der.end());
  return data;
}

Bytes session_and_certificate(std::uint32_t session, const Bytes& der) {
  Bytes data{static_cast<std::uint8_t>(session), static_cast<std::uint8_t>(session >> 8),
             static_cast<std::uint8_t>(session >> 16), static_cast<std::uint8_t>(session >> 24)};
  data.insert(data.end(), der.begin(), der.end());
  return data;
}

}  // namespace ringfence::test
