#include "core/admin/client.h"

#include "core/net/rpc.h"

namespace ringfence::core::admin {

boost::json::object Client::call(std::string_view method, const boost::json::object& request,
                                 std::chrono::seconds timeout) const {
  boost::json::value answer = rpc_call(socket_, method, request, timeout);
  if (!answer.is_object())
    throw Error(Code::malformed, "ringfence-admin answered something that is not an object");
  return std::move(answer.as_object());
}

}  // namespace ringfence::core::admin
