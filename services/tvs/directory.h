// The certificates that TVS vouches for, found as phones ask for them. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "services/tvs/protocol.h"

namespace ringfence::services::tvs {

/// Vouched is one certificate and the roles it may play.
struct Vouched {
  core::Bytes der;
  std::vector<std::uint8_t> roles;
};

/// Directory answers requests. Immutable, so safe from several threads.
class Directory {
 public:
  Directory() = default;

  /// Entries with the same certificate are one, with the roles of all. Earlier ones are preferred
  /// where a query fits several. What is no certificate, or has no role, is left out.
  explicit Directory(const std::vector<Vouched>& certificates);

  /// answer finds by serial number and issuer, or by what the query gives; a verification by the
  /// whole certificate.
  Answer answer(const Request& request) const;

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    Vouched vouched;
    std::string subject;
    std::string issuer;
    core::Bytes serial;
  };

  const Entry* find(const Query& query) const;
  const Entry* find(const Query& query, core::BytesView serial) const;

  std::vector<Entry> entries_;
  std::map<core::Bytes, std::size_t> by_der_;
  std::multimap<core::Bytes, std::size_t> by_serial_;
};

/// same_name_form returns the parts of a distinguished name, sorted and joined: two spellings of a
/// name are equal in it. Parts may be separated by ';' or ',', with spaces around, in any order.
std::string same_name_form(std::string_view name);

}  // namespace ringfence::services::tvs
