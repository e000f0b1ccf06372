// What a house promises of its token, admin.db and trust list, whatever happened to its disk.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/certificates/unit.h"

namespace ringfence::test {

/// Promised is what people were told, so that no power cut may take it back.
struct Promised {
  bool started = false;          ///< that it runs: certificates and list are there from then on
  std::set<std::string> passed;  ///< SHA-1 of certificates and lists that newer ones replaced
  std::map<core::Unit, std::string> current;  ///< SHA-1 of the certificates in use
  std::size_t audited = 0;                    ///< records in the audit log
};

/// promised_by reads it off a house that has just answered; `before` is what had been said until
/// then.
Promised promised_by(const std::filesystem::path& state, const Promised& before);

/// faults_in_house opens a state folder as the signer and ringfence-admin do at their start, in a
/// process of its own (SoftHSM reads its configuration once), and returns a sentence for each
/// broken promise:
///
/// the token opens with its PIN; admin.db opens, its audit chain is whole; each certificate and
/// each request that it names has its key in the token, which signs; the served list is whole,
/// signed by a key of ours, and one of the last two that admin.db recorded; its good copy is whole;
/// and all that was said still holds.
std::vector<std::string> faults_in_house(const std::filesystem::path& state, const Promised& said);

}  // namespace ringfence::test
