// Trust lists from anywhere: nothing but Error escapes, and what parses and encodes says the same.
#include "core/trust/trust_list.h"

#include <cstdlib>

#include "core/base/error.h"
#include "core/trust/facts.h"

using ringfence::core::Bytes;
using ringfence::core::BytesView;
using ringfence::core::Error;
using ringfence::core::Header;
using ringfence::core::Record;
using ringfence::core::TrustList;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

/// said_again parses what encoding a list's header and records gives.
TrustList said_again(const TrustList& list) {
  Bytes file = ringfence::core::encode_header(list.header);
  for (const Record& record : list.records) {
    const Bytes encoded = ringfence::core::encode_record(record);
    file.insert(file.end(), encoded.begin(), encoded.end());
  }
  return ringfence::core::parse_trust_list(file);
}

void check_same(const Header& a, const Header& b) {
  check(a.version_major == b.version_major && a.version_minor == b.version_minor);
  check(a.signer == b.signer && a.digest_algorithm == b.digest_algorithm);
  check(a.signature_algorithm == b.signature_algorithm && a.signature == b.signature);
  check(a.file_name == b.file_name && a.timestamp == b.timestamp);
  check(a.signer_version == b.signer_version && a.unknown == b.unknown);
}

void check_same(const Record& a, const Record& b) {
  check(a.dns_name.value_or("") == b.dns_name.value_or("") && a.subject == b.subject);
  check(a.function == b.function && a.issuer == b.issuer && a.serial == b.serial);
  check(a.public_key == b.public_key && a.signature == b.signature);
  check(a.certificate == b.certificate && a.hash == b.hash);
  check(a.ip_address.value_or(Bytes{}) == b.ip_address.value_or(Bytes{}));
  check(a.hash_algorithm == b.hash_algorithm && a.unknown == b.unknown);
}

void check_says_the_same_again(const TrustList& list) {
  TrustList again;
  try {
    again = said_again(list);
  } catch (const Error&) {  // another maker's signature, or longer than a file of ours may be
    return;
  }
  check_same(list.header, again.header);
  check(list.records.size() == again.records.size());
  for (std::size_t i = 0; i < list.records.size(); ++i)
    check_same(list.records[i], again.records[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView file(data, size);
  try {
    const auto list = ringfence::core::parse_trust_list(file);
    check_says_the_same_again(list);
  } catch (const Error& error) {
    check(error.code() == ringfence::core::Code::malformed);
  }
  const auto facts =
      ringfence::core::facts_of(ringfence::core::ListKind::itl, file, ringfence::core::Time{});
  check(!ringfence::core::render_trust_list(facts).empty());
  return 0;
}
