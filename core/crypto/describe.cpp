// The dump of CUCM's "Certificate File Data" pane.
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/base/error.h"
#include "core/crypto/oid.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

using ExtendedKeyUsage = Handle<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using BasicConstraints = Handle<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>;
using AuthorityKeyId = Handle<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using GeneralNames = Handle<GENERAL_NAMES, GENERAL_NAMES_free>;
using BitString = Handle<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using OctetString = Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;

std::string name_of(int nid, const ASN1_OBJECT* object) {
  switch (nid) {  // the words of Java's security library, which CUCM's screens show
    case NID_rsaEncryption: return "RSA";
    case NID_X9_62_id_ecPublicKey: return "EC";
    case NID_sha1: return "SHA1";
    case NID_sha256: return "SHA256";
    case NID_sha384: return "SHA384";
    case NID_sha512: return "SHA512";
    case NID_md5: return "MD5";
    default: break;
  }
  const char* known = nid == NID_undef ? nullptr : OBJ_nid2sn(nid);
  return known != nullptr ? known : oid_of(object);
}

std::string signature_text(const X509_ALGOR& algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, &algorithm);
  const int nid = OBJ_obj2nid(object);
  int digest_nid = NID_undef;
  int key_nid = NID_undef;
  std::string name = name_of(nid, object);
  if (OBJ_find_sigid_algs(nid, &digest_nid, &key_nid) == 1 && digest_nid != NID_undef)
    name = name_of(digest_nid, nullptr) + "with" +
           (key_nid == NID_X9_62_id_ecPublicKey ? "ECDSA" : name_of(key_nid, nullptr));
  return fmt::format("{} ({})", name, oid_of(object));
}

/// key_text names the key's algorithm and shows the bits of the key.
std::string key_text(X509_PUBKEY* key) {
  ASN1_OBJECT* object = nullptr;
  const unsigned char* bits = nullptr;
  int length = 0;
  ensure(X509_PUBKEY_get0_param(&object, &bits, &length, nullptr, key) == 1,
         "X509_PUBKEY_get0_param");
  return fmt::format("Key: {} ({})\nKey value:\n{}\n", name_of(OBJ_obj2nid(object), object),
                     oid_of(object), to_hex({bits, static_cast<std::size_t>(length)}));
}

std::string usages_of(const ASN1_BIT_STRING& bits) {
  constexpr std::array names = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                "dataEncipherment", "keyAgreement",   "keyCertSign",
                                "cRLSign",          "encipherOnly",   "decipherOnly"};
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (ASN1_BIT_STRING_get_bit(&bits, static_cast<int>(i)) == 1)
      text.append(text.empty() ? "" : ", ").append(names[i]);
  return text;
}

std::string hex_of(const ASN1_STRING* string) {
  if (string == nullptr) return "";
  return to_hex(
      {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))});
}

std::string dns_names_of(const GENERAL_NAMES& names) {
  std::string text;
  for (int i = 0; i < sk_GENERAL_NAME_num(&names); ++i) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(&names, i), &type));
    if (type != GEN_DNS) continue;
    const std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                           static_cast<std::size_t>(ASN1_STRING_length(value)));
    for (const char c : name)
      if (c <= ' ' || c == 0x7f) return "(not printable)";
    text.append(text.empty() ? "" : ", ").append(name);
  }
  return text;
}

/// parsed returns the extension's value, or nothing when it does not parse as T.
template <typename T>
T parsed(X509_EXTENSION& extension) {
  return T(static_cast<typename T::pointer>(X509V3_EXT_d2i(&extension)));
}

/// known_body returns the lines of an extension we can read, or "".
std::string known_body(X509_EXTENSION& extension) {
  switch (OBJ_obj2nid(X509_EXTENSION_get_object(&extension))) {
    case NID_key_usage:
      if (const auto bits = parsed<BitString>(extension))
        return fmt::format("Usages: {}\n", usages_of(*bits));
      break;
    case NID_ext_key_usage:
      if (const auto usages = parsed<ExtendedKeyUsage>(extension)) {
        std::string oids;
        for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i)
          oids.append(i == 0 ? "" : ", ").append(oid_of(sk_ASN1_OBJECT_value(usages.get(), i)));
        return fmt::format("Usage oids: {}\n", oids);
      }
      break;
    case NID_basic_constraints:
      if (const auto constraints = parsed<BasicConstraints>(extension)) {
        std::string text = fmt::format("isCA: {}\n", constraints->ca != 0);
        if (constraints->pathlen != nullptr)
          text += fmt::format("pathLen: {}\n", ASN1_INTEGER_get(constraints->pathlen));
        return text;
      }
      break;
    case NID_subject_key_identifier:
      if (const auto id = parsed<OctetString>(extension))
        return fmt::format("keyID: {}\n", hex_of(id.get()));
      break;
    case NID_authority_key_identifier:
      if (const auto id = parsed<AuthorityKeyId>(extension))
        return fmt::format("keyID: {}\n", hex_of(id->keyid));
      break;
    case NID_subject_alt_name:
      if (const auto names = parsed<GeneralNames>(extension))
        return fmt::format("dNSName: {}\n", dns_names_of(*names));
      break;
    default: break;
  }
  return "";
}

/// extension_body shows an extension that is unknown, or does not parse, as its bytes.
std::string extension_body(X509_EXTENSION& extension) {
  std::string known = known_body(extension);
  ERR_clear_error();
  if (!known.empty()) return known;
  return fmt::format("Value: {}\n", hex_of(X509_EXTENSION_get_data(&extension)));
}

std::string extension_name(const ASN1_OBJECT* object) {
  switch (OBJ_obj2nid(object)) {
    case NID_key_usage: return "KeyUsage";
    case NID_ext_key_usage: return "ExtKeyUsageSyntax";
    case NID_basic_constraints: return "BasicConstraints";
    case NID_subject_key_identifier: return "SubjectKeyIdentifier";
    case NID_authority_key_identifier: return "AuthorityKeyIdentifier";
    case NID_subject_alt_name: return "SubjectAltName";
    default: return name_of(OBJ_obj2nid(object), object);
  }
}

std::string extension_text(X509_EXTENSION& extension) {
  const ASN1_OBJECT* object = X509_EXTENSION_get_object(&extension);
  return fmt::format("[\nExtension: {} (OID.{})\nCritical: {}\n{}]\n", extension_name(object),
                     oid_of(object), X509_EXTENSION_get_critical(&extension) != 0,
                     extension_body(extension));
}

void free_extensions(STACK_OF(X509_EXTENSION) * extensions) {
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

}  // namespace

std::string describe_certificate(const X509& certificate) {
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(nullptr, &algorithm, &certificate);
  std::string text = "[\n";
  text += fmt::format("Version: V{}\n", X509_get_version(&certificate) + 1);
  text += fmt::format("Serial Number: {}\n", to_hex(serial_of(certificate), Case::upper));
  text += fmt::format("SignatureAlgorithm: {}\n", signature_text(*algorithm));
  text += fmt::format("Issuer Name: {}\n", issuer_of(certificate, NameForm::display));
  text += fmt::format("Validity From: {}\n", to_java_date(not_before_of(certificate)));
  text += fmt::format("To: {}\n", to_java_date(not_after_of(certificate)));
  text += fmt::format("Subject Name: {}\n", subject_of(certificate, NameForm::display));
  text += key_text(X509_get_X509_PUBKEY(&certificate));
  const int count = X509_get_ext_count(&certificate);
  text += fmt::format("Extensions: {} present\n", count);
  for (int i = 0; i < count; ++i) text += extension_text(*X509_get_ext(&certificate, i));
  return text + "]\n";
}

std::string describe_request(const X509_REQ& request) {
  auto* readable = const_cast<X509_REQ*>(&request);  // OpenSSL's getters change nothing
  const X509_ALGOR* algorithm = nullptr;
  X509_REQ_get0_signature(&request, nullptr, &algorithm);
  std::string text = "[\n";
  text += fmt::format("Version: V{}\n", X509_REQ_get_version(&request) + 1);
  text += fmt::format("SignatureAlgorithm: {}\n", signature_text(*algorithm));
  text += fmt::format("Subject Name: {}\n",
                      name_text(*X509_REQ_get_subject_name(&request), NameForm::display));
  text += key_text(X509_REQ_get_X509_PUBKEY(readable));
  const Handle<STACK_OF(X509_EXTENSION), free_extensions> extensions(
      X509_REQ_get_extensions(readable));
  const int count = extensions ? sk_X509_EXTENSION_num(extensions.get()) : 0;
  text += fmt::format("Extensions: {} present\n", count);
  for (int i = 0; i < count; ++i)
    text += extension_text(*sk_X509_EXTENSION_value(extensions.get(), i));
  return text + "]\n";
}

}  // namespace ringfence::core
