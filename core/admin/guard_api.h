// Guards of the admin API: what speaks against a change, before any of it is made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

namespace ringfence::core::admin {

/// Guard is one reason for which a change would strand phones by what is known. A change with a
/// guard is refused (`refused`) unless its request has `force` with `stranded`: the number of
/// phones that all its guards name together, each phone once.
struct Guard {
  std::string code;         ///< tvs_down, tftp_down, callmanager_down, capf_down, signer_and_tvs,
                            ///< older_list, unproven_list, refused_list, recovery_unknown
  std::int64_t phones = 0;  ///< how many phones this one is about, at least 1
  std::vector<std::string> names;  ///< the first 20 of them, by name
  std::string why;                 ///< a sentence
  std::string cure;                ///< a sentence: what to do first
};
BOOST_DESCRIBE_STRUCT(Guard, (), (code, phones, names, why, cure))

}  // namespace ringfence::core::admin
