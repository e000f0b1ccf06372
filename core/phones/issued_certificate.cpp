// LSCs that CAPF issued: whose they are.
#include "core/phones/issued_certificate.h"

#include "core/phones/phone.h"

namespace ringfence::core {

std::optional<std::string> enrolled_from(const IssuedCertificate& lsc) {
  const bool unproven = !lsc.elsewhere.empty() || lsc.proof == word(AuthMode::null_string);
  return unproven ? std::optional(lsc.peer) : std::nullopt;
}

bool proves_phone(const IssuedCertificate& lsc) {
  if (lsc.proof.empty()) return lsc.elsewhere.empty();
  return lsc.proof != word(AuthMode::null_string);
}

bool went_elsewhere(const IssuedCertificate& lsc) {
  return !lsc.elsewhere.empty() && !proves_phone(lsc);
}

}  // namespace ringfence::core
