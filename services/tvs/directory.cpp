#include "services/tvs/directory.h"

#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::services::tvs {
namespace {

using core::Bytes;
using core::BytesView;

Bytes magnitude(BytesView serial) {
  while (!serial.empty() && serial.front() == 0) serial = serial.subspan(1);
  return {serial.begin(), serial.end()};
}

/// integer_in returns the content of a DER INTEGER: 16-byte serials in 19 bytes are one.
std::optional<BytesView> integer_in(BytesView bytes) {
  constexpr std::uint8_t kInteger = 2;
  if (bytes.size() < 3 || bytes[0] != kInteger || bytes[1] != bytes.size() - 2) return std::nullopt;
  return bytes.subspan(2);
}

void add_roles(std::vector<std::uint8_t>& roles, const std::vector<std::uint8_t>& more) {
  for (const std::uint8_t role : more) {
    if (std::find(roles.begin(), roles.end(), role) == roles.end()) roles.push_back(role);
  }
  std::sort(roles.begin(), roles.end());
}

}  // namespace

Directory::Directory(const std::vector<Vouched>& certificates) {
  for (const Vouched& vouched : certificates) {
    if (vouched.roles.empty()) continue;
    const auto known = by_der_.find(vouched.der);
    if (known != by_der_.end()) {
      add_roles(entries_[known->second].vouched.roles, vouched.roles);
      continue;
    }
    try {
      const core::X509Cert certificate = core::parse_certificate(vouched.der);
      Entry entry{vouched, same_name_form(core::subject_of(*certificate)),
                  same_name_form(core::issuer_of(*certificate)),
                  magnitude(core::serial_of(*certificate))};
      by_der_.emplace(vouched.der, entries_.size());
      by_serial_.emplace(entry.serial, entries_.size());
      entries_.push_back(std::move(entry));
    } catch (const core::Error&) {
      // One bad row must not silence the service; `size` tells how many are vouched for.
      continue;
    }
  }
}

Answer Directory::answer(const Request& request) const {
  const Entry* found = nullptr;
  if (const auto* verify = std::get_if<Verify>(&request)) {
    const auto known = by_der_.find(verify->certificate);
    if (known != by_der_.end()) found = &entries_[known->second];
  } else {
    found = find(std::get<Query>(request));
  }
  if (found == nullptr) return {};
  return {found->vouched.roles, found->vouched.der};
}

const Directory::Entry* Directory::find(const Query& query) const {
  if (!query.serial.empty()) {
    if (const Entry* entry = find(query, query.serial)) return entry;
    const auto inner = integer_in(query.serial);
    return inner ? find(query, *inner) : nullptr;
  }
  const std::string subject = same_name_form(query.subject);
  const std::string issuer = same_name_form(query.issuer);
  for (const Entry& entry : entries_) {
    if (entry.subject == subject && (issuer.empty() || entry.issuer == issuer)) return &entry;
  }
  return nullptr;
}

const Directory::Entry* Directory::find(const Query& query, BytesView serial) const {
  const std::string subject = same_name_form(query.subject);
  const std::string issuer = same_name_form(query.issuer);
  const auto [first, last] = by_serial_.equal_range(magnitude(serial));
  for (auto it = first; it != last; ++it) {
    const Entry& entry = entries_[it->second];
    // Serial and issuer name a certificate; the subject counts when there is no issuer.
    const bool fits =
        issuer.empty() ? subject.empty() || entry.subject == subject : entry.issuer == issuer;
    if (fits) return &entry;
  }
  return nullptr;
}

std::string same_name_form(std::string_view name) {
  std::vector<std::string> parts(1);
  for (const char c : name) {
    if (c == ';' || c == ',') {
      parts.emplace_back();
    } else if (c != '\\') {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) {
    part.erase(0, std::min(part.find_first_not_of(' '), part.size()));
    part.erase(part.find_last_not_of(' ') + 1);
  }
  std::erase(parts, "");
  std::sort(parts.begin(), parts.end());
  std::string joined;
  for (const std::string& part : parts) joined += part + '\n';
  return joined;
}

}  // namespace ringfence::services::tvs
