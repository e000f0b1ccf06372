// The signer's codec: what parses prints the same bytes again, and only hsm::Error gets out.
#include <algorithm>
#include <cstdlib>

#include "hsm/wire.h"

namespace {

using namespace ringfence::hsm;

void request_round_trip(BytesView input) {
  try {
    const wire::Request request = wire::parse_request(input);
    const Bytes again = wire::encode(request.id, request.operation);
    if (!std::equal(again.begin(), again.end(), input.begin(), input.end())) std::abort();
  } catch (const Error&) {
  }
}

// An error's text ends at its first NUL, so the first printing may be shorter than the input.
void answer_round_trip(BytesView input) {
  try {
    const Bytes once = wire::encode(wire::parse_answer(input));
    if (wire::encode(wire::parse_answer(once)) != once) std::abort();
  } catch (const Error&) {
  }
}

void status_round_trip(BytesView input) {
  try {
    if (wire::encode_status(wire::parse_status(input)) != Bytes(input.begin(), input.end()))
      std::abort();
  } catch (const Error&) {
  }
}

void frames(BytesView input) {
  wire::FrameReader reader;
  std::copy(input.begin(), input.end(), reader.room(input.size()).begin());
  reader.took(input.size());
  try {
    while (const auto body = reader.next())
      if (body->empty() || body->size() > wire::kMaxBody) std::abort();
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(data, size);
  request_round_trip(input);
  answer_round_trip(input);
  status_round_trip(input);
  frames(input);
  return 0;
}
