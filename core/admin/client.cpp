#include "core/admin/client.h"

#include "core/base/utf8.h"
#include "core/net/rpc.h"
#include "core/net/rpc_line.h"

namespace ringfence::core::admin {

boost::json::object Client::call(std::string_view method, const boost::json::object& request,
                                 std::chrono::seconds timeout) const {
  // What goes over the socket is JSON, hence UTF-8; said here in words for who typed it.
  if (!is_utf8(json_text(request)))
    throw Error(Code::malformed,
                "what was typed or pasted is not UTF-8 text; set the terminal to UTF-8, or give "
                "the text in a file that is saved as UTF-8");
  boost::json::value answer = rpc_call(socket_, method, request, timeout);
  if (!answer.is_object())
    throw Error(Code::malformed,
                "ringfence-admin gave an answer that cannot be read; its log may say why");
  return std::move(answer.as_object());
}

}  // namespace ringfence::core::admin
