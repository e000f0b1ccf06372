#include "services/tvs/session.h"

namespace ringfence::services::tvs {

std::size_t Session::wanted() const noexcept {
  return header_ ? header_->length : kHeaderBytes;
}

std::optional<Session::Asked> Session::take(core::BytesView bytes) {
  if (!header_) {
    const Header header = parse_header(bytes);
    if (header.length > 0) {
      header_ = header;
      return std::nullopt;
    }
    return Asked{header, parse_request(header, {})};  // which says what is missing
  }
  const Header header = *header_;
  header_.reset();
  return Asked{header, parse_request(header, bytes)};
}

}  // namespace ringfence::services::tvs
