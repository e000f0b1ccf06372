// What a shell may ask to complete a phone's name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

namespace ringfence::core::admin {

// --- phone.names -------------------------------------------------------------------------------

struct PhoneNamesRequest {
  std::string prefix;      ///< what the names begin with, in any case; "" for all
  std::int64_t limit = 0;  ///< 2 to 1000
};
BOOST_DESCRIBE_STRUCT(PhoneNamesRequest, (), (prefix, limit))

/// PhoneNames has at most `limit` names, by name. When more match, it has the first of them and the
/// very last: what these two have in common, all have.
struct PhoneNames {
  std::vector<std::string> names;
  std::int64_t matched = 0;
};
BOOST_DESCRIBE_STRUCT(PhoneNames, (), (names, matched))

}  // namespace ringfence::core::admin
