// What TFTP parses prints and parses again to the same; a transfer survives any reply.
#include <cstdlib>

#include "core/base/error.h"
#include "services/tftp/protocol.h"
#include "services/tftp/session.h"
#include "services/tftp/target.h"

using namespace ringfence;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const core::BytesView bytes(data, size);
  services::tftp::file_in_target(core::text_of(bytes));
  try {
    const auto request = services::tftp::parse_request(bytes);
    const core::Bytes printed = services::tftp::request_packet(request);
    if (printed.size() <= services::tftp::kMaxRequestBytes &&
        !(services::tftp::parse_request(printed) == request)) {
      std::abort();
    }
    const auto content = std::make_shared<const core::Bytes>(printed);
    services::tftp::Session session(content, request, bytes.size());
    for (std::size_t at = 0; at < size; at += 4) session.take(bytes.subspan(at));
  } catch (const core::Error&) {
    return 0;
  }
  return 0;
}
