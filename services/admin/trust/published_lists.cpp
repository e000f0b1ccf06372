#include "services/admin/trust/published_lists.h"

#include <fmt/format.h>

#include "core/crypto/digest.h"
#include "core/trust/trust_list.h"

namespace ringfence::services::admin {
namespace {

using core::Role;

constexpr std::size_t kShownSerial = 8;

/// role_of says what a record's certificate is to people.
std::string_view role_of(const core::Record& record) {
  switch (record.function) {
    case Role::tvs: return "TVS";
    case Role::capf: return "CAPF";
    default: break;
  }
  return record.subject.find("CN=ITLRECOVERY") != std::string::npos ? "ITLRecovery" : "CallManager";
}

bool signs_files(const core::Record& record) {
  const bool may = record.function == Role::sast || record.function == Role::tftp ||
                   record.function == Role::ccm_tftp;
  return may && !record.certificate.empty();
}

}  // namespace

core::PublishedList published_list(const core::ListVersion& version,
                                   std::map<std::string, std::string>& names) {
  const core::TrustList list = core::parse_trust_list(version.file);
  core::PublishedList result;
  result.sha1 = version.sha1;
  for (const core::Digest digest : {core::Digest::md5, core::Digest::sha256, core::Digest::sha512})
    result.checksums.insert(core::to_hex(core::digest(digest, version.file)));
  result.signer = core::serial_text(list.header.signer.serial);
  // Published within that second; what phones do with it comes later in any case.
  result.published = version.published;
  for (const core::Record& record : list.records) {
    const std::string serial = core::serial_text(record.serial);
    if (signs_files(record)) result.signers.insert(serial);
    if (record.function == Role::tvs || record.function == Role::capf)
      result.servers.insert(serial);
    names.try_emplace(serial,
                      fmt::format("{} {}{}", role_of(record), serial.substr(0, kShownSerial),
                                  serial.size() > kShownSerial ? "…" : ""));
  }
  return result;
}

}  // namespace ringfence::services::admin
