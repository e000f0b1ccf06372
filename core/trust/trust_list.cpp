// ITL and CTL files: records and whole files.
#include "core/trust/trust_list.h"

#include <algorithm>
#include <array>
#include <bitset>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/tlv.h"
#include "core/crypto/x509.h"
#include "core/trust/text_element.h"

namespace ringfence::core {
namespace {

enum RecordTag : std::uint8_t {
  kRecordLength = 1,
  kDnsName = 2,
  kSubjectName = 3,
  kFunction = 4,
  kIssuerName = 5,
  kRecordSerial = 6,
  kPublicKey = 7,
  kRecordSignature = 8,
  kCertificate = 9,
  kIpAddress = 10,
  kCertHash = 11,
  kHashAlgorithm = 12,
};

constexpr std::array<std::string_view, 13> kTagNames = {
    "element 0",  "RECORDLENGTH", "DNSNAME",       "SUBJECTNAME", "FUNCTION",
    "ISSUERNAME", "SERIALNUMBER", "PUBLICKEY",     "SIGNATURE",   "CERTIFICATE",
    "IPADDRESS",  "CERTHASH",     "HASH ALGORITHM"};

constexpr std::size_t kLengthElementBytes = 5;
constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kBlankDnsNameBytes = 2;
constexpr std::uint8_t kHashSha1 = 1;

Bytes copy_of(BytesView view) {
  return {view.begin(), view.end()};
}

void read_dns_name(const Element& element, Record& record) {
  record.dns_name_length = element.value.size();
  const bool blank =
      element.value.size() == kBlankDnsNameBytes && element.value[0] == 0 && element.value[1] == 0;
  record.dns_name = blank ? "" : text_in(element, "DNSNAME");
}

void read_element(const Element& element, Record& record) {
  switch (element.tag) {
    case kRecordLength: throw Error(Code::malformed, "RECORDLENGTH is repeated");
    case kDnsName: read_dns_name(element, record); break;
    case kSubjectName: record.subject = text_in(element, "SUBJECTNAME"); break;
    case kFunction: {
      if (element.value.size() != 2)
        throw Error(Code::malformed, "FUNCTION must be two bytes long");
      Reader reader(element.value);
      record.function = static_cast<Role>(reader.u16("FUNCTION"));
      break;
    }
    case kIssuerName: record.issuer = text_in(element, "ISSUERNAME"); break;
    case kRecordSerial: record.serial = copy_of(element.value); break;
    case kPublicKey: record.public_key = copy_of(element.value); break;
    case kRecordSignature: record.signature = copy_of(element.value); break;
    case kCertificate: record.certificate = copy_of(element.value); break;
    case kIpAddress: record.ip_address = copy_of(element.value); break;
    case kCertHash: record.hash = copy_of(element.value); break;
    case kHashAlgorithm:
      if (element.value.size() != 1)
        throw Error(Code::malformed, "HASH ALGORITHM must be one byte long");
      record.hash_algorithm = element.value[0];
      break;
    default: record.unknown.push_back({element.tag, copy_of(element.value)});
  }
}

Record read_record(Reader& file) {
  Reader ahead = file;
  const Element length = next_element(ahead, "RECORDLENGTH");
  if (length.tag != kRecordLength || length.value.size() != 2)
    throw Error(Code::malformed, "it does not begin with RECORDLENGTH");
  Record record;
  record.length = static_cast<std::uint16_t>(length.value[0] << 8 | length.value[1]);
  if (record.length < kLengthElementBytes)
    throw Error(Code::malformed, "RECORDLENGTH is smaller than the element itself");
  Reader reader(file.take(record.length, "the record"));
  reader.take(kLengthElementBytes, "RECORDLENGTH");
  std::bitset<256> seen;
  while (!reader.empty()) {
    const std::uint8_t tag = reader.rest()[0];
    const Element element =
        next_element(reader, tag < kTagNames.size() ? kTagNames[tag] : "an unknown element");
    if (element.tag < kTagNames.size() && seen.test(element.tag))
      throw Error(Code::malformed, fmt::format("element {} is repeated", element.tag));
    seen.set(element.tag);
    read_element(element, record);
  }
  if (!seen.test(kFunction)) throw Error(Code::malformed, "FUNCTION is missing");
  return record;
}

void append_if_present(Writer& writer, std::uint8_t tag, BytesView value) {
  if (!value.empty()) append_element(writer, tag, value);
}

void append_text_if_present(Writer& writer, std::uint8_t tag, std::string_view text) {
  if (!text.empty()) append_text(writer, tag, text);
}

}  // namespace

std::string_view describe(Role role) noexcept {
  switch (role) {
    case Role::sast: return "System Administrator Security Token";
    case Role::ccm: return "CCM";
    case Role::ccm_tftp: return "CCM+TFTP";
    case Role::tftp: return "TFTP";
    case Role::capf: return "CAPF";
    case Role::app_server: return "APP-SERVER";
    case Role::tvs: return "TVS";
  }
  return "unknown";
}

bool Record::matches(BytesView certificate_der) const {
  if (!certificate.empty()) return std::ranges::equal(certificate, certificate_der);
  return !hash.empty() && std::ranges::equal(hash, digest(Digest::sha1, certificate_der));
}

Record record_of(const RecordRequest& request) {
  const X509& certificate = *request.certificate;
  Record record;
  record.dns_name = request.dns_name;
  record.subject = subject_of(certificate);
  record.function = request.function;
  record.issuer = issuer_of(certificate);
  record.serial = serial_of(certificate);
  record.public_key = public_key_of(certificate);
  record.signature = signature_of(certificate);
  Bytes der = to_der(certificate);
  if (request.content == Content::full) {
    record.certificate = std::move(der);
  } else {
    record.hash = digest(Digest::sha1, der);
    record.hash_algorithm = kHashSha1;
  }
  if (request.ip_address) {
    Writer address;
    address.u32(*request.ip_address);
    record.ip_address = address.take();
  }
  return record;
}

Bytes encode_record(const Record& record) {
  Writer body;
  if (record.dns_name) {
    if (record.dns_name->empty())
      append_element(body, kDnsName, std::array<std::uint8_t, kBlankDnsNameBytes>{});
    else
      append_text(body, kDnsName, *record.dns_name);
  }
  append_text_if_present(body, kSubjectName, record.subject);
  Writer function;
  function.u16(static_cast<std::uint16_t>(record.function));
  append_element(body, kFunction, function.view());
  append_text_if_present(body, kIssuerName, record.issuer);
  append_if_present(body, kRecordSerial, record.serial);
  append_if_present(body, kPublicKey, record.public_key);
  append_if_present(body, kRecordSignature, record.signature);
  append_if_present(body, kCertificate, record.certificate);
  if (record.ip_address) append_element(body, kIpAddress, *record.ip_address);
  append_if_present(body, kCertHash, record.hash);
  if (record.hash_algorithm)
    append_element(body, kHashAlgorithm, std::array{*record.hash_algorithm});
  for (const UnknownElement& one : record.unknown) append_element(body, one.tag, one.value);

  const std::size_t length = kLengthElementBytes + body.view().size();
  if (length > 0xffff) throw Error(Code::malformed, "a record would be longer than 65535 bytes");
  Writer length_bytes;
  length_bytes.u16(static_cast<std::uint16_t>(length));
  Writer writer;
  append_element(writer, kRecordLength, length_bytes.view());
  writer.bytes(body.view());
  return writer.take();
}

Bytes build_trust_list(ListKind kind, const std::vector<RecordRequest>& records,
                       const FileSigner& signer, Digest digest, Time timestamp) {
  Writer body;
  for (const RecordRequest& request : records) body.bytes(encode_record(record_of(request)));
  Header header;
  header.version_major = 1;
  header.version_minor = 2;
  header.file_name = file_name_of(kind);
  header.timestamp = timestamp;
  Writer file;
  file.bytes(sign(std::move(header), body.view(), signer, digest)).bytes(body.view());
  if (file.view().size() > 0xffff)
    throw Error(Code::malformed,
                fmt::format("the trust list would have {} bytes, phones read at most 65535",
                            file.view().size()));
  return file.take();
}

TrustList parse_trust_list(BytesView file) {
  if (file.size() > kMaxFileBytes)
    throw Error(Code::malformed, "the trust list is longer than 1 MiB");
  TrustList list;
  list.header = parse_header(file);
  Reader reader(file.subspan(list.header.length));
  if (reader.empty()) throw Error(Code::malformed, "the trust list has no records");
  while (!reader.empty()) {
    try {
      list.records.push_back(read_record(reader));
    } catch (const Error& error) {  // says which record it was
      throw Error(error.code(),
                  fmt::format("record {}: {}", list.records.size() + 1, error.what()));
    }
  }
  return list;
}

namespace {

bool may_sign(const Record& record) {
  return !record.certificate.empty() &&
         (record.function == Role::sast || record.function == Role::tftp ||
          record.function == Role::ccm_tftp);
}

bool is_named(const Record& record, const SignerName& signer) {
  return SignerName{record.subject, record.serial, record.issuer} == signer;
}

/// same_number compares serial numbers, of which some makers write the sign byte and some do not.
bool same_number(BytesView left, BytesView right) {
  const auto magnitude = [](BytesView number) {
    while (!number.empty() && number.front() == 0) number = number.subspan(1);
    return number;
  };
  return std::ranges::equal(magnitude(left), magnitude(right));
}

}  // namespace

FindSigner find_signer_in(const TrustList& list) {
  return [&list](const SignerName& signer) -> std::optional<Bytes> {
    for (const Record& record : list.records)
      if (may_sign(record) && is_named(record, signer)) return record.certificate;
    return std::nullopt;
  };
}

std::optional<std::size_t> signer_record_in(const TrustList& list) {
  const SignerName& signer = list.header.signer;
  const auto first = [&](const auto& fits) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < list.records.size(); ++i)
      if (may_sign(list.records[i]) && fits(list.records[i])) return i;
    return std::nullopt;
  };
  if (const auto named = first([&](const Record& one) { return is_named(one, signer); }))
    return named;
  return first([&](const Record& one) { return same_number(one.serial, signer.serial); });
}

}  // namespace ringfence::core
