// One phone's conversation with TVS, without sockets.
#pragma once

#include <cstddef>
#include <optional>

#include "core/base/bytes.h"
#include "services/tvs/protocol.h"

namespace ringfence::services::tvs {

/// Session turns a stream of bytes into requests: a header, its payload, the next header …
///
/// The server reads exactly `wanted()` bytes and hands them to `take`. A phone may ask several
/// questions a connection; nothing is remembered between them.
class Session {
 public:
  /// Asked is a whole request, and the header that its answer goes back with.
  struct Asked {
    Header header;
    Request request;
  };

  /// wanted is 1 to kMaxPayloadBytes.
  std::size_t wanted() const noexcept;

  /// take accepts the bytes and returns the request that they complete. Throws Error{malformed};
  /// the conversation is over then.
  std::optional<Asked> take(core::BytesView bytes);

 private:
  std::optional<Header> header_;  ///< set while its payload is awaited
};

}  // namespace ringfence::services::tvs
