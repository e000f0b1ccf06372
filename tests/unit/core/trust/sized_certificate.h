// Self-signed certificates of a given length, to rebuild lists of which only lengths are known.
#pragma once

#include <string>

#include <openssl/asn1.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::test {

struct SizedSubject {
  std::string common_name;
  std::string serial;               ///< 16 bytes, hex
  std::size_t der_bytes;            ///< 0: whatever it gets
  std::size_t signature_bytes = 0;  ///< 0: whatever it gets; ECDSA signatures differ in length
};

/// signed_with_padding makes the certificate with an extension of `padding` bytes.
inline core::X509Cert signed_with_padding(const SizedSubject& subject, EVP_PKEY& key,
                                          std::size_t padding) {
  core::X509Cert made(core::ensure(X509_new(), "X509_new"));
  X509_set_version(made.get(), X509_VERSION_3);
  const core::Bytes serial = core::from_hex(subject.serial);
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(made.get()));
  BN_free(number);
  const core::Time from = core::from_seconds(1479761383);
  ASN1_TIME_set(X509_getm_notBefore(made.get()), core::to_seconds(from));
  ASN1_TIME_set(X509_getm_notAfter(made.get()), core::to_seconds(from) + 157679999);
  X509_NAME* name = X509_get_subject_name(made.get());
  const auto add = [&](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
  };
  add("L", "Boxborough");
  add("ST", "MA");
  add("CN", subject.common_name);
  add("OU", "TAC");
  add("O", "Cisco Systems");
  add("C", "US");
  X509_set_issuer_name(made.get(), name);
  X509_set_pubkey(made.get(), &key);
  const std::string comment(padding, 'x');
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_netscape_comment, comment.c_str());
  X509_add_ext(made.get(), extension, -1);
  X509_EXTENSION_free(extension);
  core::ensure(X509_sign(made.get(), &key, EVP_sha256()) > 0, "X509_sign");
  return made;
}

/// sized_certificate signs until both lengths are those that were asked for.
inline core::X509Cert sized_certificate(const SizedSubject& subject, EVP_PKEY& key) {
  std::size_t padding = 8;
  for (int i = 0; i < 4000; ++i) {
    core::X509Cert made = signed_with_padding(subject, key, padding);
    const std::size_t bytes = core::to_der(*made).size();
    const std::size_t signature = core::signature_of(*made).size();
    if (subject.signature_bytes != 0 && signature != subject.signature_bytes) continue;
    if (subject.der_bytes == 0 || bytes == subject.der_bytes) return made;
    padding = padding + subject.der_bytes - bytes;  // longer lengths settle in the next rounds
  }
  throw core::Error(core::Code::internal, "no certificate has these lengths");
}

}  // namespace ringfence::test
