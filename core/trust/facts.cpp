// Facts of trust lists.
#include "core/trust/facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/trust/text_element.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kElementHead = 3;  ///< tag and length

std::uint32_t count(std::size_t size) {
  return static_cast<std::uint32_t>(size);
}

TrustListFacts::Name name_fact(const std::string& text) {
  return {printable(text), count(text.size() + 1)};
}

std::optional<TrustListFacts::Name> name_fact_if_present(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return name_fact(text);
}

std::string serial_fact(const Bytes& serial) {
  return to_hex(serial, Case::upper, ":");
}

std::vector<TrustListFacts::Element> unknown_facts(const std::vector<UnknownElement>& elements) {
  constexpr std::size_t kShown = 16;
  std::vector<TrustListFacts::Element> facts;
  for (const UnknownElement& one : elements) {
    const BytesView shown = BytesView(one.value).first(std::min(kShown, one.value.size()));
    facts.push_back({one.tag, count(one.value.size()), to_hex(shown, Case::upper, " ")});
  }
  return facts;
}

TrustListFacts::Header header_fact(const Header& header) {
  TrustListFacts::Header fact;
  fact.version = fmt::format("{}.{}", header.version_major, header.version_minor);
  fact.length = header.length;
  fact.signer = name_fact(header.signer.subject);
  fact.serial = serial_fact(header.signer.serial);
  fact.issuer = name_fact(header.signer.issuer);
  fact.signer_id_bytes = fact.signer.length + fact.issuer.length +
                         count(header.signer.serial.size() + 3 * kElementHead);
  fact.digest_algorithm = header.digest_algorithm;
  fact.signature_algorithm = header.signature_algorithm;
  fact.signature_modulus = header.signature_modulus;
  fact.signature = to_hex(header.signature);
  fact.file_name = name_fact(header.file_name);
  fact.timestamp = to_iso(header.timestamp);
  const Bytes& version = header.signer_version;
  fact.signer_version =
      version.size() == 2 ? fmt::format("{}.{}", version[0], version[1]) : to_hex(version);
  fact.unknown = unknown_facts(header.unknown);
  return fact;
}

TrustListFacts::Record record_fact(const Record& record, const SignerName& signer) {
  TrustListFacts::Record fact;
  fact.length = record.length;
  if (record.dns_name) fact.dns_name = {printable(*record.dns_name), count(record.dns_name_length)};
  fact.subject = name_fact_if_present(record.subject);
  fact.function = describe(record.function);
  fact.issuer = name_fact_if_present(record.issuer);
  fact.serial = serial_fact(record.serial);
  fact.public_key_bytes = count(record.public_key.size());
  fact.signature_bytes = count(record.signature.size());
  fact.certificate_bytes = count(record.certificate.size());
  if (!record.certificate.empty())
    fact.certificate_sha1 = to_hex(digest(Digest::sha1, record.certificate), Case::upper, " ");
  if (record.ip_address) {
    const Bytes& address = *record.ip_address;
    fact.ip_address_bytes = count(address.size());
    if (address.size() == 4)
      fact.ip_address = fmt::format("{}.{}.{}.{}", address[0], address[1], address[2], address[3]);
  }
  fact.hash = to_hex(record.hash, Case::upper, " ");
  if (record.hash_algorithm) fact.hash_algorithm = *record.hash_algorithm;
  if (record.function == Role::sast)
    fact.signed_the_file = SignerName{record.subject, record.serial, record.issuer} == signer;
  fact.unknown = unknown_facts(record.unknown);
  return fact;
}

/// refuse_other_kind throws when the file's own name, which its signature covers, says that it is a
/// list of the other kind: both have the same form.
void refuse_other_kind(ListKind kind, std::string_view path) {
  const std::string_view base = path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
  const bool itl = base.starts_with(name(ListKind::itl));
  if (!itl && !base.starts_with(name(ListKind::ctl))) return;
  if (itl == (kind == ListKind::itl)) return;
  throw Error(Code::malformed,
              itl ? "it is an ITL file, not a CTL file; see it with 'show itl file'"
                  : "it is a CTL file, not an ITL file; see it with 'show ctl file'");
}

/// verify_by_itself verifies a file by the certificate of the record that its header names.
void verify_by_itself(BytesView file, const TrustList& list, TrustListFacts& facts) {
  const std::optional<std::size_t> record = signer_record_in(list);
  if (!record)
    throw Error(Code::not_found,
                fmt::format("the signer {} has no record with its certificate in it",
                            printable(list.header.signer.subject)));
  verify_file(file, [&](const SignerName&) { return list.records[*record].certificate; });
  facts.signer_record = *record + 1;
  TrustListFacts::Record& shown = facts.records[*record];
  if (shown.signed_the_file) shown.signed_the_file = true;
}

}  // namespace

TrustListFacts facts_of_empty(ListKind kind) {
  TrustListFacts facts;
  facts.kind = kind;
  facts.state = "corrupt";
  facts.problem = "the file is empty";
  return facts;
}

TrustListFacts facts_of(ListKind kind, BytesView file, Time modified,
                        const FindSigner& find_signer) {
  TrustListFacts facts;
  facts.kind = kind;
  if (file.empty()) {
    facts.state = "missing";
    facts.problem = "there is no file";
    return facts;
  }
  facts.length = file.size();
  facts.md5 = to_hex(digest(Digest::md5, file));
  facts.sha1 = to_hex(digest(Digest::sha1, file));
  facts.sha256 = to_hex(digest(Digest::sha256, file));
  if (modified != Time{}) facts.modified = to_java_date(modified);
  facts.state = "corrupt";
  try {
    facts.header = header_fact(parse_header(file));
    const TrustList list = parse_trust_list(file);
    refuse_other_kind(kind, list.header.file_name);
    for (const Record& record : list.records)
      facts.records.push_back(record_fact(record, list.header.signer));
    facts.state = "not verified";
    if (find_signer) {
      verify_file(file, find_signer);
    } else {
      verify_by_itself(file, list, facts);
    }
    facts.state = "verified";
  } catch (const Error& error) {  // a bad file is what this function is there to describe
    facts.problem = error.what();
  }
  return facts;
}

}  // namespace ringfence::core
