// Trust lists from anywhere: nothing but Error escapes, and what parses encodes to the same again.
#include "core/trust/trust_list.h"

#include <cstdlib>

#include "core/base/error.h"
#include "core/trust/facts.h"

using ringfence::core::Bytes;
using ringfence::core::BytesView;
using ringfence::core::Error;
using ringfence::core::Record;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_record(const Record& record) {
  const Bytes encoded = ringfence::core::encode_record(record);
  // An empty element is not written again; a DNSNAME of one NUL is written as two.
  check(encoded.size() <= record.length + 1U);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView file(data, size);
  try {
    const auto list = ringfence::core::parse_trust_list(file);
    for (const Record& record : list.records) check_record(record);
    const auto header = ringfence::core::encode_header(list.header);
    check(ringfence::core::parse_header(header).signer == list.header.signer);
  } catch (const Error& error) {
    check(error.code() == ringfence::core::Code::malformed);
  }
  const auto facts =
      ringfence::core::facts_of(ringfence::core::ListKind::itl, file, ringfence::core::Time{});
  check(!ringfence::core::render_trust_list(facts).empty());
  return 0;
}
