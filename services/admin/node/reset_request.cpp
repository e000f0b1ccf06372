#include "services/admin/node/reset_request.h"

#include <boost/json.hpp>

#include "core/base/error.h"
#include "core/net/rpc.h"

namespace ringfence::services::admin {

std::vector<std::string> request_reset(const core::Config& config, std::int64_t id,
                                       const std::string& kind,
                                       const std::vector<std::string>& devices) {
  if (devices.empty()) return {};
  boost::json::value answer;
  try {
    answer =
        core::rpc_call(config.control_socket("callmanager"), "reset",
                       {{"id", id}, {"kind", kind}, {"devices", boost::json::value_from(devices)}});
  } catch (const core::Error& error) {
    if (error.code() != core::Code::io) throw;
    throw core::Error(core::Code::io, std::string("no phone can be told: ") + error.what());
  }
  return boost::json::value_to<std::vector<std::string>>(answer.as_object().at("unknown"));
}

}  // namespace ringfence::services::admin
