// What TVS parses prints and parses again to the same; nothing but core::Error escapes.
#include <cstdlib>

#include "core/base/error.h"
#include "services/tvs/protocol.h"

using namespace ringfence;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const core::BytesView bytes(data, size);
  if (size < services::tvs::kHeaderBytes) return 0;
  try {
    const auto header = services::tvs::parse_header(bytes.first(services::tvs::kHeaderBytes));
    const auto request =
        services::tvs::parse_request(header, bytes.subspan(services::tvs::kHeaderBytes));
    const core::Bytes again = services::tvs::to_bytes(header.session, request);
    const core::BytesView view(again);
    const auto second_header = services::tvs::parse_header(view.first(services::tvs::kHeaderBytes));
    const auto second =
        services::tvs::parse_request(second_header, view.subspan(services::tvs::kHeaderBytes));
    if (!(second == request)) std::abort();
  } catch (const core::Error&) {
    return 0;
  }
  return 0;
}
