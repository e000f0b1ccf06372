// Names and extensions with OpenSSL.
#include "core/certificates/profile.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

using AuthorityKeyId = Handle<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using BasicConstraints = Handle<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>;
using BitString = Handle<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using ExtendedKeyUsage = Handle<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using GeneralName = Handle<GENERAL_NAME, GENERAL_NAME_free>;
using GeneralNames = Handle<GENERAL_NAMES, GENERAL_NAMES_free>;
using OctetString = Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;

/// Bits of KeyUsage (RFC 5280 section 4.2.1.3).
enum Usage { kDigitalSignature = 0, kKeyEncipherment = 2, kDataEncipherment = 3, kKeyCertSign = 5 };

enum class Critical { no, yes };

Extension extension(int nid, void* value, Critical critical) {
  return Extension(
      ensure(X509V3_EXT_i2d(nid, critical == Critical::yes ? 1 : 0, value), "X509V3_EXT_i2d"));
}

Extension constraints(bool authority) {
  const BasicConstraints value(ensure(BASIC_CONSTRAINTS_new(), "BASIC_CONSTRAINTS_new"));
  value->ca = authority ? 0xff : 0;
  if (authority) {
    value->pathlen = ensure(ASN1_INTEGER_new(), "ASN1_INTEGER_new");
    ensure(ASN1_INTEGER_set(value->pathlen, 0) == 1, "ASN1_INTEGER_set");
  }
  return extension(NID_basic_constraints, value.get(), Critical::yes);
}

Extension key_usage(const std::vector<Usage>& usages) {
  const BitString bits(ensure(ASN1_BIT_STRING_new(), "ASN1_BIT_STRING_new"));
  for (const Usage usage : usages)
    ensure(ASN1_BIT_STRING_set_bit(bits.get(), usage, 1) == 1, "ASN1_BIT_STRING_set_bit");
  return extension(NID_key_usage, bits.get(), Critical::yes);
}

Extension extended_key_usage(const std::vector<int>& purposes) {
  const ExtendedKeyUsage usage(ensure(EXTENDED_KEY_USAGE_new(), "EXTENDED_KEY_USAGE_new"));
  for (const int purpose : purposes)
    ensure(sk_ASN1_OBJECT_push(usage.get(), OBJ_nid2obj(purpose)) > 0, "sk_ASN1_OBJECT_push");
  return extension(NID_ext_key_usage, usage.get(), Critical::no);
}

OctetString octets(BytesView bytes) {
  OctetString string(ensure(ASN1_OCTET_STRING_new(), "ASN1_OCTET_STRING_new"));
  ensure(ASN1_OCTET_STRING_set(string.get(), bytes.data(), static_cast<int>(bytes.size())) == 1,
         "ASN1_OCTET_STRING_set");
  return string;
}

/// key_id_of returns SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2, method 1).
Bytes key_id_of(const X509& certificate) {
  return digest(Digest::sha1, public_key_of(certificate));
}

void add_entry(X509_NAME& name, int nid, const std::string& value, std::size_t limit) {
  if (value.empty()) return;
  if (value.size() > limit)
    throw Error(Code::malformed, fmt::format("{} of a certificate's name is longer than {} bytes",
                                             OBJ_nid2sn(nid), limit));
  const int added = X509_NAME_add_entry_by_NID(&name, nid, MBSTRING_UTF8,
                                               reinterpret_cast<const unsigned char*>(value.data()),
                                               static_cast<int>(value.size()), -1, 0);
  if (added == 1) return;
  ERR_clear_error();
  throw Error(Code::malformed,
              fmt::format("{} of a certificate's name is not valid text for it", OBJ_nid2sn(nid)));
}

std::string common_name_for(Unit unit, const std::string& host) {
  switch (unit) {
    case Unit::call_manager:
    case Unit::tvs: return host;
    case Unit::call_manager_ecdsa: return host + "-EC";
    case Unit::itl_recovery: return "ITLRECOVERY_" + host;
    case Unit::capf: return "CAPF-" + to_hex(random_bytes(4));
  }
  return host;
}

/// usages_for follows the table of cucm-behaviour 1.3. RSA units keep keyEncipherment, which that
/// table's release dropped: phones of 11.5 times use RSA key transport (section 5.6).
std::vector<Usage> usages_for(Unit unit) {
  switch (unit) {
    case Unit::capf: return {kDigitalSignature, kKeyCertSign};
    case Unit::call_manager_ecdsa: return {kDigitalSignature, kDataEncipherment};
    case Unit::call_manager:
    case Unit::tvs:
    case Unit::itl_recovery: return {kDigitalSignature, kKeyEncipherment, kDataEncipherment};
  }
  return {};
}

/// check_key refuses keys that no phone has: other algorithms, sizes or curves.
void check_key(EVP_PKEY& key) {
  const int bits = EVP_PKEY_get_bits(&key);
  if (EVP_PKEY_is_a(&key, "RSA") == 1) {
    if (bits < 512 || bits > 4096)
      throw Error(Code::malformed,
                  fmt::format("the phone's RSA key has {} bits, 512 to 4096 are allowed", bits));
    return;
  }
  if (EVP_PKEY_is_a(&key, "EC") != 1)
    throw Error(Code::malformed, "the phone's key is neither RSA nor EC");
  char group[64] = {};
  const bool named = EVP_PKEY_get_group_name(&key, group, sizeof group, nullptr) == 1;
  const int curve = named ? OBJ_txt2nid(group) : NID_undef;
  if (curve != NID_X9_62_prime256v1 && curve != NID_secp384r1 && curve != NID_secp521r1)
    throw Error(Code::malformed, "the phone's EC key is on another curve than P-256, P-384, P-521");
  int spelled_out = 0;
  EVP_PKEY_get_int_param(&key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &spelled_out);
  if (spelled_out != 0)
    throw Error(Code::malformed, "the phone's EC key spells out its curve instead of naming it");
}

}  // namespace

X509NameHandle unit_name(Unit unit, const Node& node) {
  const Organization& organization = node.organization;
  if (!organization.country.empty() && organization.country.size() != 2)
    throw Error(Code::malformed, "the country of a certificate's name must be two letters");
  X509NameHandle name(ensure(X509_NAME_new(), "X509_NAME_new"));
  add_entry(*name, NID_countryName, organization.country, 2);
  add_entry(*name, NID_organizationName, organization.name, 64);
  add_entry(*name, NID_organizationalUnitName, organization.unit, 64);
  add_entry(*name, NID_commonName, common_name_for(unit, node.host), 64);
  add_entry(*name, NID_stateOrProvinceName, organization.state, 64);
  add_entry(*name, NID_localityName, organization.locality, 64);
  return name;
}

X509NameHandle lsc_name(const LscRequest& request, const X509& capf_certificate) {
  const std::string common_name =
      request.model.empty() ? request.device_name : request.model + "-" + request.device_name;
  if (request.device_name.empty())
    throw Error(Code::malformed, "a phone's certificate needs a device name");
  const X509_NAME* authority = X509_get_subject_name(&capf_certificate);
  X509NameHandle name(ensure(X509_NAME_new(), "X509_NAME_new"));
  bool named = false;
  for (int i = 0; i < X509_NAME_entry_count(authority); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(authority, i);
    switch (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry))) {
      case NID_commonName:
        if (!named) add_entry(*name, NID_commonName, common_name, 64);
        named = true;
        break;
      case NID_countryName:
      case NID_organizationName:
      case NID_organizationalUnitName:
      case NID_localityName:
      case NID_stateOrProvinceName:
        ensure(X509_NAME_add_entry(name.get(), entry, -1, 0) == 1, "X509_NAME_add_entry");
        break;
      default: break;
    }
  }
  if (!named) add_entry(*name, NID_commonName, common_name, 64);
  return name;
}

std::vector<Extension> unit_extensions(Unit unit) {
  std::vector<Extension> extensions;
  if (unit == Unit::capf) extensions.push_back(constraints(true));
  extensions.push_back(key_usage(usages_for(unit)));
  extensions.push_back(extended_key_usage({NID_server_auth, NID_client_auth}));
  return extensions;
}

std::vector<Extension> lsc_extensions() {
  std::vector<Extension> extensions;
  extensions.push_back(constraints(false));
  extensions.push_back(key_usage({kDigitalSignature, kKeyEncipherment}));
  extensions.push_back(extended_key_usage({NID_server_auth, NID_client_auth, NID_ipsecEndSystem}));
  return extensions;
}

bool names_host(Unit unit) noexcept {
  return unit != Unit::capf && unit != Unit::itl_recovery;
}

/// It builds the name itself: in OpenSSL's configuration syntax a comma would add more.
Extension dns_name_extension(const std::string& host) {
  GeneralName name(ensure(GENERAL_NAME_new(), "GENERAL_NAME_new"));
  ASN1_IA5STRING* text = ensure(ASN1_IA5STRING_new(), "ASN1_IA5STRING_new");
  GENERAL_NAME_set0_value(name.get(), GEN_DNS, text);
  ensure(ASN1_STRING_set(text, host.data(), static_cast<int>(host.size())) == 1, "ASN1_STRING_set");
  const GeneralNames names(ensure(GENERAL_NAMES_new(), "GENERAL_NAMES_new"));
  ensure(sk_GENERAL_NAME_push(names.get(), name.get()) > 0, "sk_GENERAL_NAME_push");
  static_cast<void>(name.release());
  return extension(NID_subject_alt_name, names.get(), Critical::no);
}

Extension key_id_extension(const X509& certificate) {
  const OctetString id = octets(key_id_of(certificate));
  return extension(NID_subject_key_identifier, id.get(), Critical::no);
}

Extension authority_key_id_extension(const X509& issuer) {
  const OctetString named(static_cast<ASN1_OCTET_STRING*>(
      X509_get_ext_d2i(&issuer, NID_subject_key_identifier, nullptr, nullptr)));
  const Bytes id = named
                       ? Bytes(ASN1_STRING_get0_data(named.get()),
                               ASN1_STRING_get0_data(named.get()) + ASN1_STRING_length(named.get()))
                       : key_id_of(issuer);
  const AuthorityKeyId authority(ensure(AUTHORITY_KEYID_new(), "AUTHORITY_KEYID_new"));
  authority->keyid = octets(id).release();
  return extension(NID_authority_key_identifier, authority.get(), Critical::no);
}

const char* digest_for(const EVP_PKEY& key) {
  if (EVP_PKEY_is_a(&key, "EC") != 1) return "SHA256";
  const int bits = EVP_PKEY_get_bits(&key);
  if (bits <= 256) return "SHA256";
  return bits <= 384 ? "SHA384" : "SHA512";
}

EvpPkey parse_phone_key(BytesView spki) {
  if (spki.size() > 4096) throw Error(Code::malformed, "the phone's public key is too long");
  const unsigned char* at = spki.data();
  EvpPkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const bool whole = key && at == spki.data() + spki.size();
  ERR_clear_error();
  if (!whole) throw Error(Code::malformed, "the phone's public key is not a SubjectPublicKeyInfo");
  check_key(*key);
  return key;
}

}  // namespace ringfence::core
