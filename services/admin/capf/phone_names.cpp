// The names of phones that begin alike, for a shell to complete one.
#include "services/admin/capf/phone_names.h"

#include <utility>

#include "core/base/error.h"
#include "core/phones/phone_store.h"

namespace ringfence::services::admin {
namespace {

constexpr std::int64_t kLeast = 2;
constexpr std::int64_t kMost = 1000;
constexpr std::size_t kMostPrefixBytes = 64;  // no device name is longer

}  // namespace

core::admin::PhoneNames phone_names(core::Database& database,
                                    const core::admin::PhoneNamesRequest& request) {
  if (request.limit < kLeast || request.limit > kMost)
    throw core::Error(core::Code::malformed, "the limit must be 2 to 1000");
  if (request.prefix.size() > kMostPrefixBytes) return {};
  auto found = core::PhoneStore(database).names(request.prefix, request.limit);
  return {std::move(found.names), found.matched};
}

}  // namespace ringfence::services::admin
