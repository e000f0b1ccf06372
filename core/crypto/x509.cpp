// Reading certificates: fields and names.
#include "core/crypto/x509.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <limits>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/crypto/oid.h"

namespace ringfence::core {
namespace {

struct NameEntry {
  int nid = NID_undef;
  std::string type;  ///< "CN", or the dotted OID when it has no short name
  std::string value;
};

/// utf8_of converts an attribute's value; what cannot be converted is shown as '#' and its bytes.
std::string utf8_of(const ASN1_STRING& value) {
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, &value);
  if (length < 0) {
    const BytesView raw(ASN1_STRING_get0_data(&value),
                        static_cast<std::size_t>(ASN1_STRING_length(&value)));
    return "#" + to_hex(raw);
  }
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
  OPENSSL_free(utf8);
  return text;
}

std::vector<NameEntry> entries_of(const X509_NAME& name) {
  std::vector<NameEntry> entries;
  for (int i = 0; i < X509_NAME_entry_count(&name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(&name, i);
    const ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(entry);
    const int nid = OBJ_obj2nid(object);
    entries.push_back({nid, nid == NID_undef ? oid_of(object) : OBJ_nid2sn(nid),
                       utf8_of(*X509_NAME_ENTRY_get_data(entry))});
  }
  return entries;
}

/// escaped writes what would break the form, or forge a line or its reading, as RFC 4514 does:
/// "\;", "\0a", "\e2\80\ae".
std::string escaped(std::string_view value, std::string_view special) {
  std::string text;
  while (!value.empty()) {
    const Character next = first_character(value);
    const std::string_view bytes = value.substr(0, std::max<std::size_t>(next.bytes, 1));
    if (next.bytes == 0 || misleads(next.code)) {
      for (const char& c : bytes) text += "\\" + to_hex(bytes_of({&c, 1}));
    } else {
      if (bytes == "\\" || special.find(bytes) != std::string_view::npos) text += '\\';
      text += bytes;
    }
    value.remove_prefix(bytes.size());
  }
  return text;
}

std::string trust_list_form(const X509_NAME& name) {
  const auto entries = entries_of(name);
  constexpr std::array order = {NID_commonName,   NID_organizationalUnitName, NID_organizationName,
                                NID_localityName, NID_stateOrProvinceName,    NID_countryName};
  std::string text;
  const auto append = [&text](const NameEntry& entry) {
    if (!text.empty()) text += ';';
    text += entry.type + "=" + escaped(entry.value, ";");
  };
  for (const int nid : order)
    for (const NameEntry& entry : entries)
      if (entry.nid == nid) append(entry);
  for (const NameEntry& entry : entries)
    if (std::find(order.begin(), order.end(), entry.nid) == order.end()) append(entry);
  return text;
}

/// display_form lists the name from its last part to its first (RFC 2253 section 2.1), which is
/// what makes CUCM's screens begin with the locality.
std::string display_form(const X509_NAME& name) {
  const auto entries = entries_of(name);
  std::string text;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (!text.empty()) text += ", ";
    text += entry->type + "=";
    if (entry->value.find_first_of(",+=<>;#\"") != std::string::npos)
      text += '"' + escaped(entry->value, "\"") + '"';
    else
      text += escaped(entry->value, "");
  }
  return text;
}

BytesView bits_of(const ASN1_BIT_STRING& bits) {
  return {ASN1_STRING_get0_data(&bits), static_cast<std::size_t>(ASN1_STRING_length(&bits))};
}

Time time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1)
    throw Error(Code::malformed, "the certificate has a validity date that cannot be read");
  return from_seconds(::timegm(&parts));
}

}  // namespace

X509Cert parse_certificate(BytesView der) {
  if (der.size() > static_cast<std::size_t>(std::numeric_limits<long>::max()))
    throw Error(Code::malformed, "the certificate is too long");
  const unsigned char* at = der.data();
  X509Cert certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate) {
    ERR_clear_error();
    throw Error(Code::malformed, "the bytes are not a DER certificate");
  }
  if (at != der.data() + der.size())
    throw Error(Code::malformed, "bytes follow the end of the DER certificate");
  return certificate;
}

Bytes to_der(const X509& certificate) {
  const int length = i2d_X509(&certificate, nullptr);
  ensure(length > 0, "i2d_X509");
  Bytes der(static_cast<std::size_t>(length));
  unsigned char* at = der.data();
  ensure(i2d_X509(&certificate, &at) == length, "i2d_X509");
  return der;
}

std::string to_pem(const X509& certificate) {
  const Bio bio(ensure(BIO_new(BIO_s_mem()), "BIO_new"));
  ensure(PEM_write_bio_X509(bio.get(), &certificate) == 1, "PEM_write_bio_X509");
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(length)};
}

std::string name_text(const X509_NAME& name, NameForm form) {
  return form == NameForm::trust_list ? trust_list_form(name) : display_form(name);
}

std::string subject_of(const X509& certificate, NameForm form) {
  return name_text(*X509_get_subject_name(&certificate), form);
}

std::string issuer_of(const X509& certificate, NameForm form) {
  return name_text(*X509_get_issuer_name(&certificate), form);
}

std::string common_name_of(const X509& certificate) {
  std::string last;
  for (const NameEntry& entry : entries_of(*X509_get_subject_name(&certificate)))
    if (entry.nid == NID_commonName) last = entry.value;
  return last;
}

Bytes serial_of(const X509& certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(&certificate);
  const BytesView magnitude = {ASN1_STRING_get0_data(serial),
                               static_cast<std::size_t>(ASN1_STRING_length(serial))};
  return {magnitude.begin(), magnitude.end()};
}

Time not_before_of(const X509& certificate) {
  return time_of(X509_get0_notBefore(&certificate));
}

Time not_after_of(const X509& certificate) {
  return time_of(X509_get0_notAfter(&certificate));
}

Bytes public_key_of(const X509& certificate) {
  const ASN1_BIT_STRING* bits = X509_get0_pubkey_bitstr(&certificate);
  const BytesView view = bits_of(*ensure(bits, "X509_get0_pubkey_bitstr"));
  return {view.begin(), view.end()};
}

Bytes spki_of(const X509& certificate) {
  X509_PUBKEY* key = ensure(X509_get_X509_PUBKEY(&certificate), "X509_get_X509_PUBKEY");
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(key, &der);
  ensure(length > 0, "i2d_X509_PUBKEY");
  Bytes bytes(der, der + length);
  OPENSSL_free(der);
  return bytes;
}

Bytes signature_of(const X509& certificate) {
  const ASN1_BIT_STRING* bits = nullptr;
  X509_get0_signature(&bits, nullptr, &certificate);
  const BytesView view = bits_of(*ensure(bits, "X509_get0_signature"));
  return {view.begin(), view.end()};
}

}  // namespace ringfence::core
