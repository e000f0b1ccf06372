// What a session writes down for whoever asks why.
#include "services/capf/evidence.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringfence::services::capf {
namespace {

constexpr std::size_t kMaxDetailBytes = 500;

}  // namespace

bool evidence::is_security(std::string_view kind) noexcept {
  constexpr std::array kKinds = {
      kAuthStringRefused, kAuthStringThrottled, kCertificateRefused, kWeakKey,
      kTooMany,           kElsewhere,           kAnsweredElsewhere,  kProfileMismatch};
  return std::ranges::find(kKinds, kind) != kKinds.end();
}

void Witness::saw(std::string_view kind, std::string detail) const noexcept {
  if (phone_.name.empty()) return;
  if (detail.size() > kMaxDetailBytes) {
    // Not inside a character: continuation bytes of UTF-8 are 10xxxxxx.
    std::size_t end = kMaxDetailBytes;
    while (end > 0 && (static_cast<unsigned char>(detail[end]) & 0xc0U) == 0x80U) --end;
    detail.resize(end);
  }
  records_.happened({0, clock_.now(), phone_.name, peer_, std::string(kind), std::move(detail),
                     phone_.capf.request});
}

}  // namespace ringfence::services::capf
