// Fuzzes the CAPF codec: what parses is written and parsed again to the same bytes.
#include <cstdlib>

#include "core/base/error.h"
#include "services/capf/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringfence;
  using namespace ringfence::services;
  const core::BytesView input(data, size);
  if (input.size() < capf::kHeaderBytes) return 0;
  try {
    const capf::Header header = capf::parse_header(input.first(capf::kHeaderBytes));
    const capf::Message message = capf::parse_body(header, input.subspan(capf::kHeaderBytes));
    const core::Bytes once = capf::encode(header.session, message);
    const core::BytesView view(once);
    const capf::Header again = capf::parse_header(view.first(capf::kHeaderBytes));
    const capf::Message same = capf::parse_body(again, view.subspan(capf::kHeaderBytes));
    if (capf::encode(again.session, same) != once) std::abort();
  } catch (const core::Error& error) {
    if (error.code() != core::Code::malformed) std::abort();
  }
  return 0;
}
