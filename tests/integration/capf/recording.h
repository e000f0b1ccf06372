// Conversations kept as seeds for tests/fuzz, whose README says how to record them anew.
#pragma once

#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/phones/capf_policy.h"
#include "core/phones/phone.h"
#include "tests/integration/capf/mini_phone.h"

namespace ringfence::test {

/// Setting is what the server knew when a conversation took place.
struct Setting {
  core::Phone phone;
  core::LscIssuer issuer = core::LscIssuer::capf;
  core::Time now;
  core::Bytes held;                  ///< the LSC that the phone had confirmed, DER, or empty
  core::Bytes imported;              ///< an offline CA's certificate that waits, DER, or empty
  std::vector<core::Bytes> trusted;  ///< CAPF-trust; the first one is the CAPF certificate
};

/// record writes a conversation below the folder of RINGFENCE_RECORD, and nothing when that is not
/// set: what the phone said as capf_session/<name>, each message as capf_protocol/<name>_….
void record(const std::string& name, const Setting& setting, const MiniPhone& phone);

}  // namespace ringfence::test
