#include "services/admin/capf/journal.h"

#include <chrono>
#include <string>

#include "core/base/error.h"
#include "core/net/rpc.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using namespace std::chrono_literals;

boost::json::object ask_journal(const core::Config& config, std::string_view method,
                                const boost::json::object& params) {
  constexpr auto kAnswersWithin = 120s;
  try {
    return core::rpc_call(config.control_socket("capf"), method, params, kAnswersWithin)
        .as_object();
  } catch (const Error& error) {
    if (error.code() != Code::io) throw;
    throw Error(Code::io, std::string("the journal of LSCs cannot be asked: ") + error.what());
  }
}

}  // namespace ringfence::services::admin
