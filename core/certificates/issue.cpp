// Making certificates with OpenSSL, for keys that may live in the token.
#include "core/certificates/issue.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

using BasicConstraints = Handle<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>;
using AuthorityKeyId = Handle<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using BitString = Handle<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using ExtendedKeyUsage = Handle<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using EvpMd = Handle<EVP_MD, EVP_MD_free>;
using GeneralName = Handle<GENERAL_NAME, GENERAL_NAME_free>;
using GeneralNames = Handle<GENERAL_NAMES, GENERAL_NAMES_free>;
using Integer = Handle<ASN1_INTEGER, ASN1_INTEGER_free>;
using OctetString = Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;

/// The five years of CUCM's own certificates: 1825 days, notAfter inclusive (cucm-behaviour 1.1).
constexpr std::chrono::days kValidity{1825};

/// Bits of KeyUsage (RFC 5280 section 4.2.1.3).
enum Usage { kDigitalSignature = 0, kKeyEncipherment = 2, kDataEncipherment = 3, kKeyCertSign = 5 };

enum class Critical { no, yes };

void add_extension(X509& certificate, int nid, void* value, Critical critical) {
  ensure(X509_add1_ext_i2d(&certificate, nid, value, critical == Critical::yes ? 1 : 0, 0) == 1,
         "X509_add1_ext_i2d");
}

void add_constraints(X509& certificate, bool authority) {
  const BasicConstraints constraints(ensure(BASIC_CONSTRAINTS_new(), "BASIC_CONSTRAINTS_new"));
  constraints->ca = authority ? 0xff : 0;
  if (authority) {
    constraints->pathlen = ensure(ASN1_INTEGER_new(), "ASN1_INTEGER_new");
    ensure(ASN1_INTEGER_set(constraints->pathlen, 0) == 1, "ASN1_INTEGER_set");
  }
  add_extension(certificate, NID_basic_constraints, constraints.get(), Critical::yes);
}

void add_key_usage(X509& certificate, const std::vector<Usage>& usages) {
  const BitString bits(ensure(ASN1_BIT_STRING_new(), "ASN1_BIT_STRING_new"));
  for (const Usage usage : usages)
    ensure(ASN1_BIT_STRING_set_bit(bits.get(), usage, 1) == 1, "ASN1_BIT_STRING_set_bit");
  add_extension(certificate, NID_key_usage, bits.get(), Critical::yes);
}

void add_extended_key_usage(X509& certificate, const std::vector<int>& purposes) {
  const ExtendedKeyUsage usage(ensure(EXTENDED_KEY_USAGE_new(), "EXTENDED_KEY_USAGE_new"));
  for (const int purpose : purposes)
    ensure(sk_ASN1_OBJECT_push(usage.get(), OBJ_nid2obj(purpose)) > 0, "sk_ASN1_OBJECT_push");
  add_extension(certificate, NID_ext_key_usage, usage.get(), Critical::no);
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

void add_subject_key_id(X509& certificate) {
  const OctetString id = octets(key_id_of(certificate));
  add_extension(certificate, NID_subject_key_identifier, id.get(), Critical::no);
}

/// add_authority_key_id names the issuer's key as the issuer's own certificate names it.
void add_authority_key_id(X509& certificate, const X509& issuer) {
  const OctetString named(static_cast<ASN1_OCTET_STRING*>(
      X509_get_ext_d2i(&issuer, NID_subject_key_identifier, nullptr, nullptr)));
  const Bytes id = named
                       ? Bytes(ASN1_STRING_get0_data(named.get()),
                               ASN1_STRING_get0_data(named.get()) + ASN1_STRING_length(named.get()))
                       : key_id_of(issuer);
  const AuthorityKeyId authority(ensure(AUTHORITY_KEYID_new(), "AUTHORITY_KEYID_new"));
  authority->keyid = octets(id).release();
  add_extension(certificate, NID_authority_key_identifier, authority.get(), Critical::no);
}

/// add_dns_name builds the name itself: in OpenSSL's configuration syntax a comma would add more.
void add_dns_name(X509& certificate, const std::string& host) {
  GeneralName name(ensure(GENERAL_NAME_new(), "GENERAL_NAME_new"));
  ASN1_IA5STRING* text = ensure(ASN1_IA5STRING_new(), "ASN1_IA5STRING_new");
  GENERAL_NAME_set0_value(name.get(), GEN_DNS, text);
  ensure(ASN1_STRING_set(text, host.data(), static_cast<int>(host.size())) == 1, "ASN1_STRING_set");
  const GeneralNames names(ensure(GENERAL_NAMES_new(), "GENERAL_NAMES_new"));
  ensure(sk_GENERAL_NAME_push(names.get(), name.get()) > 0, "sk_GENERAL_NAME_push");
  static_cast<void>(name.release());
  add_extension(certificate, NID_subject_alt_name, names.get(), Critical::no);
}

/// set_serial draws 16 random bytes, the first between 0x40 and 0x7f: positive, and never shorter
/// in DER, like every serial of the samples.
void set_serial(X509& certificate) {
  Bytes bytes = random_bytes(16);
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x3f) | 0x40);
  const Integer serial(ensure(ASN1_INTEGER_new(), "ASN1_INTEGER_new"));
  ensure(ASN1_STRING_set(serial.get(), bytes.data(), static_cast<int>(bytes.size())) == 1,
         "ASN1_STRING_set");
  ensure(X509_set_serialNumber(&certificate, serial.get()) == 1, "X509_set_serialNumber");
}

void set_validity(X509& certificate, Time not_before, Time not_after) {
  ensure(ASN1_TIME_set(X509_getm_notBefore(&certificate), to_seconds(not_before)) != nullptr &&
             ASN1_TIME_set(X509_getm_notAfter(&certificate), to_seconds(not_after)) != nullptr,
         "ASN1_TIME_set");
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

/// name_of encodes C, O, OU, CN, ST, L in that order, as CUCM does (seen in phone logs,
/// cucm-behaviour 1.5; CUCM's screens print it from the end).
X509NameHandle name_of(const std::string& common_name, const Organization& organization) {
  if (!organization.country.empty() && organization.country.size() != 2)
    throw Error(Code::malformed, "the country of a certificate's name must be two letters");
  X509NameHandle name(ensure(X509_NAME_new(), "X509_NAME_new"));
  add_entry(*name, NID_countryName, organization.country, 2);
  add_entry(*name, NID_organizationName, organization.name, 64);
  add_entry(*name, NID_organizationalUnitName, organization.unit, 64);
  add_entry(*name, NID_commonName, common_name, 64);
  add_entry(*name, NID_stateOrProvinceName, organization.state, 64);
  add_entry(*name, NID_localityName, organization.locality, 64);
  return name;
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

X509Cert new_certificate(OSSL_LIB_CTX* context) {
  X509Cert certificate(ensure(X509_new_ex(context, nullptr), "X509_new_ex"));
  ensure(X509_set_version(certificate.get(), X509_VERSION_3) == 1, "X509_set_version");
  set_serial(*certificate);
  return certificate;
}

const char* digest_for(EVP_PKEY& key) {
  if (EVP_PKEY_is_a(&key, "EC") != 1) return "SHA256";
  const int bits = EVP_PKEY_get_bits(&key);
  if (bits <= 256) return "SHA256";
  return bits <= 384 ? "SHA384" : "SHA512";
}

/// signed_by signs `certificate`, and returns it free of the token's library context, after
/// checking the signature with `issuer` (itself when null): a wrong key or a faulty token must not
/// put a bad certificate into the world.
X509Cert signed_by(X509& certificate, EVP_PKEY& key, OSSL_LIB_CTX* context, const X509* issuer) {
  const EvpMd md(ensure(EVP_MD_fetch(context, digest_for(key), nullptr), "EVP_MD_fetch"));
  ensure(X509_sign(&certificate, &key, md.get()) > 0, "X509_sign");
  X509Cert made = parse_certificate(to_der(certificate));
  EVP_PKEY* issuer_key = X509_get0_pubkey(issuer != nullptr ? issuer : made.get());
  if (issuer_key == nullptr || X509_verify(made.get(), issuer_key) != 1) {
    ERR_clear_error();
    throw Error(Code::internal, "the signing key does not belong to the issuer's certificate");
  }
  return made;
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

EvpPkey parse_key(BytesView spki) {
  if (spki.size() > 4096) throw Error(Code::malformed, "the phone's public key is too long");
  const unsigned char* at = spki.data();
  EvpPkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const bool whole = key && at == spki.data() + spki.size();
  ERR_clear_error();
  if (!whole) throw Error(Code::malformed, "the phone's public key is not a SubjectPublicKeyInfo");
  check_key(*key);
  return key;
}

/// lsc_subject copies the organisation from the CA's *subject*: its issuer is somebody else when a
/// third party signed the CA. The CN stands where the CA's stands.
X509NameHandle lsc_subject(const LscRequest& request, const X509& capf_certificate) {
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

}  // namespace

X509Cert issue_self_signed(Unit unit, const Node& node, EVP_PKEY& key, OSSL_LIB_CTX* context,
                           Time now) {
  if (node.host.empty()) throw Error(Code::malformed, "a node's certificate needs a host name");
  const X509Cert certificate = new_certificate(context);
  const X509NameHandle name = name_of(common_name_for(unit, node.host), node.organization);
  ensure(X509_set_subject_name(certificate.get(), name.get()) == 1, "X509_set_subject_name");
  ensure(X509_set_issuer_name(certificate.get(), name.get()) == 1, "X509_set_issuer_name");
  set_validity(*certificate, now, now + kValidity - std::chrono::seconds(1));
  ensure(X509_set_pubkey(certificate.get(), &key) == 1, "X509_set_pubkey");

  if (unit == Unit::capf) add_constraints(*certificate, true);
  add_key_usage(*certificate, usages_for(unit));
  add_extended_key_usage(*certificate, {NID_server_auth, NID_client_auth});
  add_subject_key_id(*certificate);
  if (unit != Unit::capf && unit != Unit::itl_recovery) add_dns_name(*certificate, node.host);
  return signed_by(*certificate, key, context, nullptr);
}

X509Cert issue_lsc(const LscRequest& request, const X509& capf_certificate, EVP_PKEY& capf_key,
                   OSSL_LIB_CTX* context, Time now) {
  const EvpPkey phone_key = parse_key(request.spki);
  if (request.validity < std::chrono::days(1))
    throw Error(Code::malformed, "a phone's certificate must be valid for at least a day");
  const Time authority_end = not_after_of(capf_certificate);
  if (now > authority_end)
    throw Error(Code::refused, "the CAPF certificate expired at " + to_iso(authority_end));

  const X509Cert certificate = new_certificate(context);
  const X509NameHandle subject = lsc_subject(request, capf_certificate);
  ensure(X509_set_subject_name(certificate.get(), subject.get()) == 1, "X509_set_subject_name");
  ensure(X509_set_issuer_name(certificate.get(), X509_get_subject_name(&capf_certificate)) == 1,
         "X509_set_issuer_name");
  const Time not_before = std::max(now, not_before_of(capf_certificate));
  const Time not_after = now + request.validity - std::chrono::seconds(1);
  set_validity(*certificate, not_before, std::min(not_after, authority_end));
  ensure(X509_set_pubkey(certificate.get(), phone_key.get()) == 1, "X509_set_pubkey");

  add_constraints(*certificate, false);
  add_key_usage(*certificate, {kDigitalSignature, kKeyEncipherment});
  add_extended_key_usage(*certificate, {NID_server_auth, NID_client_auth, NID_ipsecEndSystem});
  add_subject_key_id(*certificate);
  add_authority_key_id(*certificate, capf_certificate);
  return signed_by(*certificate, capf_key, context, &capf_certificate);
}

}  // namespace ringfence::core
