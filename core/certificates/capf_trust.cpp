#include "core/certificates/capf_trust.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

constexpr std::array kPurposes = {CapfTrustPurpose::mic, CapfTrustPurpose::capf,
                                  CapfTrustPurpose::ca};

/// As Cisco ships them; the last ones stand above or beside those that sign MICs.
constexpr std::array<std::string_view, 9> kCiscoMakers = {"CAP-RTP-001",
                                                          "CAP-RTP-002",
                                                          "Cisco Manufacturing CA",
                                                          "Cisco Manufacturing CA SHA2",
                                                          "ACT2 SUDI CA",
                                                          "High Assurance SUDI CA",
                                                          "Cisco Root CA 2048",
                                                          "Cisco Root CA M2",
                                                          "Cisco Root CA 2099"};

std::optional<CapfTrustPurpose> find_purpose(std::string_view text) {
  const auto* const found =
      std::ranges::find_if(kPurposes, [text](CapfTrustPurpose one) { return word(one) == text; });
  if (found == kPurposes.end()) return std::nullopt;
  return *found;
}

bool is_capf(std::string_view name) {
  constexpr std::string_view kPrefix = "CAPF-";
  constexpr std::size_t kDigits = 8;
  return name.starts_with(kPrefix) && name.size() == kPrefix.size() + kDigits &&
         name.find_first_not_of("0123456789abcdefABCDEF", kPrefix.size()) == std::string_view::npos;
}

bool is_maker(std::string_view name) {
  return std::ranges::find(kCiscoMakers, name) != kCiscoMakers.end();
}

}  // namespace

std::string_view word(CapfTrustPurpose purpose) noexcept {
  switch (purpose) {
    case CapfTrustPurpose::mic: return "mic";
    case CapfTrustPurpose::capf: return "capf";
    case CapfTrustPurpose::ca: return "ca";
  }
  return "";
}

CapfTrustPurpose capf_trust_purpose_from(std::string_view word) {
  if (const auto found = find_purpose(word)) return *found;
  throw Error(Code::malformed, "the purpose must be one of mic, capf, ca");
}

CapfTrustPurpose natural_purpose(const X509& certificate) {
  const std::string name = common_name_of(certificate);
  if (is_capf(name)) return CapfTrustPurpose::capf;
  return is_maker(name) ? CapfTrustPurpose::mic : CapfTrustPurpose::ca;
}

CapfTrustPurpose purpose_of(std::string_view stored, const X509& certificate) {
  return find_purpose(stored).value_or(natural_purpose(certificate));
}

}  // namespace ringfence::core
