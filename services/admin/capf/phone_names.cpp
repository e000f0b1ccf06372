// The names of phones that begin alike, for a shell to complete one.
#include "services/admin/capf/phone_names.h"

#include <iterator>

#include <soci/soci.h>

#include "core/base/error.h"

namespace ringfence::services::admin {
namespace {

constexpr std::int64_t kLeast = 2;
constexpr std::int64_t kMost = 1000;
constexpr std::size_t kMostPrefixBytes = 64;  // no device name is longer

/// pattern_of writes the LIKE pattern for what begins with `prefix`; LIKE knows no case.
std::string pattern_of(const std::string& prefix) {
  std::string pattern;
  for (const char c : prefix) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + '%';
}

}  // namespace

core::admin::PhoneNames phone_names(core::Database& database,
                                    const core::admin::PhoneNamesRequest& request) {
  if (request.limit < kLeast || request.limit > kMost)
    throw core::Error(core::Code::malformed, "the limit must be 2 to 1000");
  if (request.prefix.size() > kMostPrefixBytes) return {};
  const std::string pattern = pattern_of(request.prefix);
  return database.read([&](soci::session& sql) {
    core::admin::PhoneNames found;
    long long matched = 0;
    std::string last;
    sql << "select count(*), coalesce(max(name), '') from phone where name like :p escape '\\'",
        soci::use(pattern), soci::into(matched), soci::into(last);
    found.matched = matched;
    const long long first = matched > request.limit ? request.limit - 1 : matched;
    const soci::rowset<std::string> rows =
        (sql.prepare << "select name from phone where name like :p escape '\\' order by name "
                        "limit :n",
         soci::use(pattern), soci::use(first));
    found.names.assign(rows.begin(), rows.end());
    if (matched > request.limit) found.names.push_back(last);
    return found;
  });
}

}  // namespace ringfence::services::admin
