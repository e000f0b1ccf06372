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

// --- itl.reset_plan, itl.reset -----------------------------------------------------------------

/// itl.reset_plan is asked before itl.reset: it is refused for what that would be refused for, and
/// answers Nothing.
struct TrustListResetRequest {
  std::optional<std::int64_t> force;
};
BOOST_DESCRIBE_STRUCT(TrustListResetRequest, (), (force))

// --- phone.reset_all ---------------------------------------------------------------------------

/// phone.reset_all starts a job that tells every registered phone, in waves.
struct PhoneResetAllRequest {
  std::string kind;                        ///< "reset", "restart", "apply-config"
  std::optional<std::int64_t> force = {};  ///< over how many phones that would lose their files
};
BOOST_DESCRIBE_STRUCT(PhoneResetAllRequest, (), (kind, force))

/// phone.reset_plan is asked before phone.reset_all: it is refused for what that would be refused
/// for.
struct PhoneResetPlan {
  std::int64_t registered = 0;  ///< phones that would be told
  std::int64_t left_out = 0;    ///< phones that hold a trust list, or register, and would not
  std::vector<std::string> notes = {};
};
BOOST_DESCRIBE_STRUCT(PhoneResetPlan, (), (registered, left_out, notes))

}  // namespace ringfence::core::admin
