#include "core/net/rpc_respond.h"

#include "core/base/error.h"
#include "core/base/log.h"

namespace ringfence::core {
namespace {

namespace json = boost::json;

json::object envelope(const json::value& id) {
  json::object answer;
  answer["jsonrpc"] = "2.0";
  answer["id"] = id;
  return answer;
}

std::string failure(const json::value& id, int number, std::string_view message, Code code) {
  json::object data;
  data["code"] = name(code);
  json::object error;
  error["code"] = number;
  error["message"] = message;
  error["data"] = std::move(data);
  json::object answer = envelope(id);
  answer["error"] = std::move(error);
  return json::serialize(answer);
}

}  // namespace

std::optional<std::string> respond(const RpcServer::Handler& handler, const Caller& caller,
                                   const std::string& line) {
  boost::system::error_code failed;
  const json::value document = json::parse(line, failed);
  if (failed)
    return failure(nullptr, -32700, "the request is not text in UTF-8, or not JSON",
                   Code::malformed);
  const json::object* request = document.if_object();
  const json::value* method = request ? request->if_contains("method") : nullptr;
  if (method == nullptr || !method->is_string()) {
    return failure(nullptr, -32600, "a request is an object with a method", Code::malformed);
  }
  const json::value* id = request->if_contains("id");
  const json::value answer_id = id ? *id : json::value(nullptr);
  const json::value* params = request->if_contains("params");
  if (params != nullptr && !params->is_object()) {
    return failure(answer_id, -32602, "params must be an object", Code::malformed);
  }
  try {
    static const json::object kNone;
    json::object answer = envelope(answer_id);
    answer["result"] = handler(caller, method->get_string(), params ? params->get_object() : kNone);
    if (id == nullptr) return std::nullopt;
    return json::serialize(answer);
  } catch (const Error& error) {
    return failure(answer_id, -32000, error.what(), error.code());
  } catch (const std::exception& error) {
    // The caller must have an answer; what went wrong is ours to read.
    log(Level::error, "RPC_FAILED",
        {{"method", std::string(method->get_string())}, {"error", error.what()}});
    return failure(answer_id, -32603, "internal error, see the daemon's log", Code::internal);
  }
}

}  // namespace ringfence::core
